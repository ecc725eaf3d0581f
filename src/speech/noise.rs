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
