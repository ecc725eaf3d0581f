//! Resampling between any rates, in blocks, on rubato's FFT resampler.

use rubato::{Fft, FixedSync, Resampler as _, WindowFunction, audioadapter_buffers::direct::InterleavedSlice};

use crate::audio::{
    format::{BLOCK, Hz},
    pcm16,
};

/// One stream.
pub(super) struct Blocks {
    fft: Fft<f32>,
    /// Gathers one block of input.
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
    /// Output samples still to be cut off the front: the filter's delay.
    to_skip: usize,
}

impl Blocks {
    pub(super) fn new(from: Hz, to: Hz) -> Blocks {
        let fft = Fft::new_custom(
            from.0 as usize,
            to.0 as usize,
            block_samples(from, to),
            1,
            1,
            WindowFunction::Hann2,
            FixedSync::Both,
        )
        .expect("a resampler between two rates above zero");
        Blocks {
            input: vec![0.0; fft.input_frames_next()],
            output: vec![0.0; fft.output_frames_max()],
            filled: 0,
            to_skip: fft.output_delay(),
            fft,
        }
    }

    /// How many samples of the output are missing as long as the input has not gone on, beside the block that is being
    /// gathered.
    pub(super) fn delay_samples(&self) -> usize {
        self.fft.output_delay()
    }

    /// Takes all of `samples` and appends to `out` what is ready.
    pub(super) fn push(&mut self, mut samples: &[i16], out: &mut Vec<i16>) {
        while !samples.is_empty() {
            let n = samples.len().min(self.input.len() - self.filled);
            for (slot, sample) in self.input[self.filled..].iter_mut().zip(&samples[..n]) {
                *slot = pcm16::to_float(*sample);
            }
            self.filled += n;
            samples = &samples[n..];
            if self.filled == self.input.len() {
                self.run(out);
            }
        }
    }

    /// Forgets what was pushed; the next sample is the first of a new stream.
    pub(super) fn reset(&mut self) {
        self.fft.reset();
        self.filled = 0;
        self.to_skip = self.fft.output_delay();
    }

    fn run(&mut self, out: &mut Vec<i16>) {
        let (frames_in, frames_out) = (self.input.len(), self.output.len());
        let input = InterleavedSlice::new(&self.input, 1, frames_in).expect("a full block");
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, frames_out).expect("room for a block");
        let (_, made) = self.fft.process_into_buffer(&input, &mut output, None).expect("blocks of the size asked for");
        self.filled = 0;
        let skip = self.to_skip.min(made);
        self.to_skip -= skip;
        out.extend(self.output[skip..made].iter().map(|value| pcm16::from_float(*value)));
    }
}

/// The shortest part of 20 ms whose filter is flat to 90 % of the lower Nyquist frequency, and whose middle falls onto a
/// sample: 6.7 ms at 24 kHz, 20 ms at 8 kHz. Rates that do not go into 20 ms get what fits them, half a sample off.
fn block_samples(from: Hz, to: Hz) -> usize {
    let per_second = |parts: u32| parts * (1_000 / BLOCK.as_millis() as u32);
    let fits = |rate: Hz, parts: u32| rate.0.is_multiple_of(2 * per_second(parts));
    let is_flat = |parts: u32| from.min(to).0 / per_second(parts) >= FLAT_FILTER;
    let parts = (1..=4).rev().find(|parts| is_flat(*parts) && fits(from, *parts) && fits(to, *parts));
    (from.0 / per_second(parts.unwrap_or(1))) as usize
}

/// Samples at the lower rate that a filter must see to be flat to 90 %.
const FLAT_FILTER: u32 = 160;
