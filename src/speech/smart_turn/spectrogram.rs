//! What the model looks at: the logarithm of a mel spectrogram of eight seconds, as Whisper's models have it.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::audio::hann;

/// Makes spectrograms; what that needs is made once.
pub(super) struct Spectrogram {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// For each band its first bin and the weights from there on.
    filters: Vec<(usize, Vec<f32>)>,
}

impl Default for Spectrogram {
    fn default() -> Spectrogram {
        Spectrogram {
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW),
            window: (0..WINDOW).map(|n| hann(n as f32, WINDOW)).collect(),
            filters: filters(),
        }
    }
}

impl Spectrogram {
    /// Bands by frames, band after band. Of longer speech the end counts; before shorter speech there is silence.
    pub(super) fn of(&self, samples: &[i16]) -> Vec<f32> {
        let sound = normalised(&samples[samples.len().saturating_sub(SAMPLES)..]);
        let mut input = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut bands = vec![0.0; BANDS * FRAMES];
        for frame in 0..FRAMES {
            for (n, (value, weight)) in input.iter_mut().zip(&self.window).enumerate() {
                *value = mirrored(&sound, frame * HOP + n) * weight;
            }
            self.fft.process_with_scratch(&mut input, &mut spectrum, &mut scratch).expect("the lengths are its own");
            let power: Vec<f32> = spectrum.iter().map(Complex::norm_sqr).collect();
            for (band, (first, weights)) in self.filters.iter().enumerate() {
                let energy: f32 = power[*first..].iter().zip(weights).map(|(power, weight)| power * weight).sum();
                bands[band * FRAMES + frame] = energy.max(1e-10).log10();
            }
        }
        let loudest = bands.iter().copied().fold(f32::MIN, f32::max);
        bands.iter_mut().for_each(|value| *value = (value.max(loudest - RANGE) + 4.0) / 4.0);
        bands
    }
}

/// Eight seconds without an offset, of the power one.
fn normalised(samples: &[i16]) -> Vec<f32> {
    let mut sound = vec![0.0; SAMPLES];
    let silent = SAMPLES - samples.len();
    sound[silent..].iter_mut().zip(samples).for_each(|(to, sample)| *to = f32::from(*sample) / 32_768.0);
    let n = SAMPLES as f64;
    let mean = sound.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
    let variance = sound.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / n;
    let scale = (variance + 1e-7).sqrt().recip();
    sound.iter_mut().for_each(|value| *value = ((f64::from(*value) - mean) * scale) as f32);
    sound
}

/// The sound with half a window mirrored at both ends.
fn mirrored(sound: &[f32], at: usize) -> f32 {
    let half = WINDOW / 2;
    let index = match at.checked_sub(half) {
        None => half - at,
        Some(index) if index < sound.len() => index,
        Some(index) => 2 * sound.len() - 2 - index,
    };
    sound[index]
}

/// Triangles that are evenly spaced in mel, each of the area one.
fn filters() -> Vec<(usize, Vec<f32>)> {
    let top = mel(NYQUIST);
    let edge = |n: usize| hertz(top * n as f64 / (BANDS + 1) as f64);
    (0..BANDS)
        .map(|band| {
            let (low, middle, high) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let at = bin as f64 * NYQUIST / (WINDOW / 2) as f64;
                let inside = ((at - low) / (middle - low)).min((high - at) / (high - middle));
                (inside.max(0.0) * 2.0 / (high - low)) as f32
            };
            let weights: Vec<f32> = (0..=WINDOW / 2).map(weight).collect();
            let first = weights.iter().position(|weight| *weight > 0.0).unwrap_or(0);
            let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
            (first, weights[first..=last].to_vec())
        })
        .collect()
}

/// Slaney's mel: straight up to 1 kHz, logarithmic above.
fn mel(hertz: f64) -> f64 {
    if hertz < 1_000.0 { 3.0 * hertz / 200.0 } else { 15.0 + (hertz / 1_000.0).ln() * 27.0 / f64::ln(6.4) }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1_000.0 * ((mel - 15.0) * f64::ln(6.4) / 27.0).exp() }
}

pub(super) const BANDS: usize = 80;
pub(super) const FRAMES: usize = 800;
/// 8 s at 16 kHz, in windows of 25 ms, 10 ms apart.
const SAMPLES: usize = 128_000;
const WINDOW: usize = 400;
const HOP: usize = 160;
const NYQUIST: f64 = 8_000.0;
/// What is further below the loudest than this is as good as silent: powers of ten.
const RANGE: f32 = 8.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that the model's own tools give for the recording that comes with the program.
    #[test]
    fn it_is_the_spectrogram_that_the_model_was_made_with() {
        let bands = Spectrogram::default().of(crate::speech::sentence());
        let (least, most) = bands.iter().fold((f32::MAX, f32::MIN), |(least, most), v| (least.min(*v), most.max(*v)));
        let mean = bands.iter().map(|value| f64::from(*value)).sum::<f64>() / bands.len() as f64;
        for (value, right) in [
            (bands[0], 1.111_028),
            (bands[40 * FRAMES + 500], 0.577_229),
            (least, -0.095_689),
            (most, 1.904_311),
            (mean as f32, 0.528_038),
        ] {
            assert!((value - right).abs() < 1e-3, "{value} {right}");
        }
    }
}
