//! The newest sound as bars: how much there is in each part of what a voice is made of.

use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

use crate::audio::{Hz, hann};

/// Looks at the last 32 ms.
pub(super) struct Spectrum {
    fft: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
}

impl Spectrum {
    pub(super) fn new() -> Spectrum {
        Spectrum { fft: RealFftPlanner::new().plan_fft_forward(WINDOW), input: vec![0.0; WINDOW] }
    }

    /// The level of each of `bars` bands from 80 Hz to 8 kHz, in dB below a sine of full scale; octaves are as wide as each other.
    pub(super) fn bars(&mut self, rate: Hz, samples: &[i16], bars: usize) -> Vec<f32> {
        // At 48 kHz every third sample is enough to look at.
        let step = (rate.0 / 16_000).max(1) as usize;
        let newest = samples.iter().rev().step_by(step).take(WINDOW);
        self.input.fill(0.0);
        for (n, (slot, sample)) in self.input.iter_mut().zip(newest).enumerate() {
            *slot = f32::from(*sample) / 32_768.0 * hann(n as f32, WINDOW);
        }
        let mut lines = self.fft.make_output_vec();
        if self.fft.process(&mut self.input, &mut lines).is_err() {
            return vec![SILENCE_DB; bars];
        }
        let hz_per_line = rate.0 as f32 / step as f32 / WINDOW as f32;
        let edge = |n: usize| LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ).powf(n as f32 / bars as f32) / hz_per_line;
        let band = |n: usize| {
            let from = (edge(n) as usize).min(lines.len() - 1);
            let to = (edge(n + 1) as usize).clamp(from + 1, lines.len());
            let loudest = lines[from..to].iter().map(|line| line.norm()).fold(0.0, f32::max);
            // A sine of full scale has a quarter of the window in its line.
            (20.0 * (loudest / (WINDOW as f32 / 4.0) + 1e-6).log10()).max(SILENCE_DB)
        };
        (0..bars).map(band).collect()
    }
}

const WINDOW: usize = 512;
const LOWEST_HZ: f32 = 80.0;
const HIGHEST_HZ: f32 = 8_000.0;
pub(super) const SILENCE_DB: f32 = -80.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_stands_in_its_own_band() {
        for rate in [Hz::K16, Hz::K48] {
            let step = std::f32::consts::TAU * 1_000.0 / rate.0 as f32;
            let tone: Vec<i16> = (0..4_800).map(|n| ((n as f32 * step).sin() * 32_000.0) as i16).collect();
            let bars = Spectrum::new().bars(rate, &tone, 20);
            let loudest = (0..20).max_by(|a, b| bars[*a].total_cmp(&bars[*b])).unwrap();
            // Octaves from 80 Hz to 8 kHz: 1 kHz is at 55 % of the way.
            assert!((10..=11).contains(&loudest) && bars[loudest] > -2.0 && bars[2] < -40.0, "{rate}: {bars:?}");
        }
    }
}
