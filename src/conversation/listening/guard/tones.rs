//! Whether a sound is a tone: a dialled digit, or one or two lines that hold all the power and stay.

use std::sync::{Arc, LazyLock};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::lines::{self, hann, place};

/// The tones of one speaker's sound.
pub(super) struct Tones {
    work: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
    /// The strongest line of the frame before, if that was a tone.
    last_hz: Option<f32>,
}

static SHARED: LazyLock<(Arc<dyn RealToComplex<f32>>, Vec<f32>)> =
    LazyLock::new(|| (RealFftPlanner::new().plan_fft_forward(WINDOW), hann(WINDOW)));

impl Default for Tones {
    fn default() -> Tones {
        let fft = &SHARED.0;
        Tones {
            work: vec![0.0; WINDOW],
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; WINDOW / 2],
            last_hz: None,
        }
    }
}

/// A line and the power in it.
struct Line {
    bin: usize,
    hz: f32,
    power: f32,
}

impl Tones {
    /// Whether the end of `sound`, which has [`lines::WINDOW`] samples, is a tone.
    pub(super) fn is_tone(&mut self, sound: &[f32]) -> bool {
        let (fft, window) = &*SHARED;
        let newest = &sound[lines::WINDOW - WINDOW..];
        self.work.iter_mut().zip(newest).zip(window).for_each(|((to, from), weight)| *to = from * weight);
        let done = fft.process_with_scratch(&mut self.work, &mut self.spectrum, &mut self.scratch);
        done.expect("the buffers were made for it");
        self.power.iter_mut().zip(&self.spectrum).for_each(|(to, from)| *to = from.norm_sqr() + 1e-9);
        let first = self.strongest(None);
        let second = self.strongest(Some(first.bin));
        let share = (first.power + second.power) / self.power[2..].iter().sum::<f32>();
        let is_digit = share > DIGIT_SHARE && second.power > MOST_TWIST * first.power && is_digit(first.hz, second.hz);
        let is_pure = share > PURE_SHARE && first.hz > LOWEST_HZ;
        let last = self.last_hz.take();
        self.last_hz = (is_pure || is_digit).then_some(first.hz);
        is_digit || (is_pure && last.is_some_and(|last| (first.hz / last - 1.0).abs() < 0.01))
    }

    /// The strongest line that is not beside the bin `other`.
    fn strongest(&self, other: Option<usize>) -> Line {
        let is_free = |bin: &usize| other.is_none_or(|other| bin.abs_diff(other) > 3);
        let bins = (4..WINDOW / 2 - 3).filter(is_free);
        let bin = bins.max_by(|a, b| self.power[*a].total_cmp(&self.power[*b])).unwrap_or(4);
        let power = self.power[bin - 2..=bin + 2].iter().sum();
        Line { bin, hz: place(&self.power, bin) * 16_000.0 / WINDOW as f32, power }
    }
}

/// Whether these are the two lines of a key of a telephone (ITU-T Q.23).
fn is_digit(a: f32, b: f32) -> bool {
    let among = |set: [f32; 4], hz: f32| set.iter().any(|known| (hz / known - 1.0).abs() < 0.02);
    among([697.0, 770.0, 852.0, 941.0], a.min(b)) && among([1_209.0, 1_336.0, 1_477.0, 1_633.0], a.max(b))
}

/// Samples that are looked at: the shortest digit lasts 40 ms.
const WINDOW: usize = 512;
/// How much of all power two lines hold.
const DIGIT_SHARE: f32 = 0.85;
const PURE_SHARE: f32 = 0.97;
/// How much weaker a digit's second line may be: 12 dB.
const MOST_TWIST: f32 = 0.06;
/// A voice may hum as pure as that below.
const LOWEST_HZ: f32 = 330.0;
