//! How loud sound is.

/// How loud some sound was, gathered from as many pieces as there are.
///
/// ```
/// use roomtone::audio::Loudness;
/// let mut loudness = Loudness::default();
/// loudness.add(&[16_384, -16_384]);
/// loudness.add(&[16_384, -16_384]);
/// assert_eq!(loudness.rms_dbfs().unwrap().round(), -6.0);
/// assert_eq!((loudness.samples(), loudness.peak()), (4, 16_384));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loudness {
    squares: f64,
    samples: u64,
    peak: u16,
}

impl Loudness {
    /// That of one piece.
    pub fn of(samples: &[i16]) -> Loudness {
        let mut loudness = Loudness::default();
        loudness.add(samples);
        loudness
    }

    /// Adds a piece.
    pub fn add(&mut self, samples: &[i16]) {
        self.squares += squares(samples);
        self.samples += samples.len() as u64;
        self.peak = samples.iter().map(|sample| sample.unsigned_abs()).fold(self.peak, u16::max);
    }

    /// How many samples it is of.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The largest sample.
    pub fn peak(&self) -> u16 {
        self.peak
    }

    /// The largest sample in dB below full scale; `None` for digital silence.
    pub fn peak_dbfs(&self) -> Option<f64> {
        (self.peak > 0).then(|| 20.0 * (f64::from(self.peak) / FULL_SCALE).log10())
    }

    /// The root mean square in dB below full scale; `None` for digital silence.
    pub fn rms_dbfs(&self) -> Option<f64> {
        let power = self.squares / self.samples.max(1) as f64;
        (power > 0.0).then(|| 10.0 * (power / (FULL_SCALE * FULL_SCALE)).log10())
    }

    /// Whether there is nothing but a quiet room in it: its root mean square is below -45 dBFS. Speech into a microphone lies
    /// at -35 to -15 dBFS, an open microphone in a quiet room at -80 to -50.
    pub fn is_silent(&self) -> bool {
        self.squares <= LOUDEST_SILENCE * self.samples as f64
    }
}

/// Whether there is nothing but a quiet room in these samples; see [`Loudness::is_silent`].
///
/// ```
/// use roomtone::audio::is_silent;
/// assert!(is_silent(&[60, -60].repeat(160)) && is_silent(&[]));
/// assert!(!is_silent(&[600, -600].repeat(160)));
/// ```
pub fn is_silent(samples: &[i16]) -> bool {
    squares(samples) <= LOUDEST_SILENCE * samples.len() as f64
}

/// The root mean square of these samples in dB below full scale; `None` for digital silence.
pub fn level_dbfs(samples: &[i16]) -> Option<f64> {
    Loudness::of(samples).rms_dbfs()
}

/// Eight sums side by side: what the processor adds up at once. Whole numbers, so that no order of adding rounds.
fn squares(samples: &[i16]) -> f64 {
    let (mut sums, groups) = ([0_u64; 8], samples.chunks_exact(8));
    let square = |sample: &i16| u64::from(i32::from(*sample).pow(2) as u32);
    let rest: u64 = groups.remainder().iter().map(square).sum();
    for group in groups {
        for (sum, sample) in sums.iter_mut().zip(group) {
            *sum += square(sample);
        }
    }
    (sums.iter().sum::<u64>() + rest) as f64
}

const FULL_SCALE: f64 = 32_768.0;
/// The mean square of -45 dBFS.
const LOUDEST_SILENCE: f64 = 33_955.0;
