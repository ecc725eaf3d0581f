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
        let (least, most) = samples.iter().fold((0, 0), |(least, most), s| (i16::min(least, *s), i16::max(most, *s)));
        self.peak = self.peak.max(least.unsigned_abs()).max(most.unsigned_abs());
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
        rms_dbfs(self.squares, self.samples)
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
    rms_dbfs(squares(samples), samples.len() as u64)
}

fn rms_dbfs(squares: f64, samples: u64) -> Option<f64> {
    let power = squares / samples.max(1) as f64;
    (power > 0.0).then(|| 10.0 * (power / (FULL_SCALE * FULL_SCALE)).log10())
}

/// In whole numbers, so that no order of adding rounds.
fn squares(samples: &[i16]) -> f64 {
    samples.chunks(MOST_AT_ONCE).map(squares_of_some).sum::<u64>() as f64
}

/// Two squares at a time, as processors multiply 16 bits, in lanes of 32 bits: two squares fit, and their halves are added up
/// apart. It is done for each chunk that is heard and said.
fn squares_of_some(samples: &[i16]) -> u64 {
    let (mut low, mut high) = ([0_u32; 8], [0_u32; 8]);
    let (groups, rest) = samples.as_chunks::<16>();
    let square = |sample: i16| i32::from(sample) * i32::from(sample);
    for group in groups {
        let (pairs, _) = group.as_chunks::<2>();
        for (n, [a, b]) in pairs.iter().enumerate() {
            let both = square(*a).wrapping_add(square(*b)) as u32;
            low[n] += both & 0xffff;
            high[n] += both >> 16;
        }
    }
    let sum = |lanes: [u32; 8]| lanes.into_iter().map(u64::from).sum::<u64>();
    sum(low) + (sum(high) << 16) + rest.iter().map(|sample| square(*sample) as u64).sum::<u64>()
}

/// 16 bits this often fit 32 bits.
const MOST_AT_ONCE: usize = 16 << 16;

const FULL_SCALE: f64 = 32_768.0;
/// The mean square of -45 dBFS.
const LOUDEST_SILENCE: f64 = 33_955.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(samples: &[i16]) -> f64 {
        samples.iter().map(|sample| i64::from(*sample).pow(2)).sum::<i64>() as f64
    }

    #[test]
    fn no_lane_overflows() {
        for (sample, samples) in [(i16::MIN, MOST_AT_ONCE), (i16::MIN, 2 * MOST_AT_ONCE + 33), (255, MOST_AT_ONCE + 1)]
        {
            let sound = vec![sample; samples];
            assert_eq!(squares(&sound), plainly(&sound));
        }
        assert_eq!(Loudness::of(&[i16::MIN, 7]).peak(), 32_768);
    }

    proptest! {
        #[test]
        fn squares_are_added_up_exactly(sound in proptest::collection::vec(any::<i16>(), 0..200)) {
            prop_assert_eq!(squares(&sound), plainly(&sound));
            prop_assert_eq!(Loudness::of(&sound).peak(), sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0));
        }
    }
}
