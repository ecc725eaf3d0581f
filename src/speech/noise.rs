//! RNNoise before voice activity.

use nnnoiseless::DenoiseState;

use crate::{
    audio::{Hz, Resampler},
    conversation::{Spoken, listening::NoiseFilter},
};

/// [`nnnoiseless`](https://docs.rs/nnnoiseless), which works at 48 kHz on frames of 10 ms.
pub struct RnNoise {
    state: Box<DenoiseState<'static>>,
    up: Resampler,
    down: Resampler,
    wide: Vec<i16>,
    clean: Vec<i16>,
}

impl Default for RnNoise {
    fn default() -> RnNoise {
        RnNoise {
            state: DenoiseState::new(),
            up: Resampler::new(Spoken::RATE, Hz::K48),
            down: Resampler::new(Hz::K48, Spoken::RATE),
            wide: Vec::new(),
            clean: Vec::new(),
        }
    }
}

/// The same samples with most of their noise taken out: seven parts of what the filter leaves, three of what it was given.
pub(super) fn softened(samples: &[i16]) -> Vec<i16> {
    let mut filter = RnNoise::default();
    let mut clean = Vec::with_capacity(samples.len() + MOST_DELAY);
    filter.filter(samples, &mut clean);
    filter.filter(&[0; MOST_DELAY], &mut clean);
    let delay = delay(samples, &clean);
    let mixed =
        samples.iter().zip(&clean[delay..]).map(|(noisy, clean)| 0.3 * f32::from(*noisy) + 0.7 * f32::from(*clean));
    mixed.map(|sample| sample as i16).collect()
}

/// How many samples later what is left comes out: where both are most alike.
fn delay(samples: &[i16], clean: &[i16]) -> usize {
    let alike = |delay: usize| {
        let pairs = samples.iter().zip(&clean[delay..]).step_by(7);
        pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum::<i64>()
    };
    (0..clean.len().saturating_sub(samples.len()).min(MOST_DELAY)).max_by_key(|delay| alike(*delay)).unwrap_or(0)
}

/// A frame, and what two resamplers hold: less than 100 ms.
const MOST_DELAY: usize = 1_600;

impl NoiseFilter for RnNoise {
    fn filter(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.up.push(samples, &mut self.wide);
        self.clean.clear();
        let (mut noisy, mut quiet) = ([0.0; DenoiseState::FRAME_SIZE], [0.0; DenoiseState::FRAME_SIZE]);
        let whole = self.wide.len() / DenoiseState::FRAME_SIZE * DenoiseState::FRAME_SIZE;
        for frame in self.wide[..whole].chunks_exact(DenoiseState::FRAME_SIZE) {
            noisy.iter_mut().zip(frame).for_each(|(to, sample)| *to = f32::from(*sample));
            self.state.process_frame(&mut quiet, &noisy);
            // It comes as floats of the range of i16; what is beyond is clipped.
            self.clean.extend(quiet.iter().map(|sample| *sample as i16));
        }
        self.wide.drain(..whole);
        self.down.push(&self.clean, out);
    }

    fn reset(&mut self) {
        *self = RnNoise::default();
    }
}
