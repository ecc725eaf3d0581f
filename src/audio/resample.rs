//! From one sample rate to another, for chunks of any size.

use std::time::Duration;

use rubato::{Fft, FixedSync, Resampler as _, WindowFunction, audioadapter_buffers::direct::InterleavedSlice};

use super::{
    format::{BLOCK, Hz},
    pcm16,
};

/// A streaming resampler for one mono stream. Its filter's delay is cut off the front, so sample `n` of the output is
/// the input's sample `n * from / to`. Equal rates pass through untouched.
///
/// Output comes late by a block that must fill, and half of it as the filter's [delay](Self::delay_samples): 10 ms and
/// 5 ms between 16 and 24 kHz. `docs/audio.md` has the measured figures of all rates.
///
/// ```
/// use roomtone::audio::{Hz, Resampler};
/// let mut resampler = Resampler::new(Hz::K16, Hz::K24);
/// let mut out = Vec::new();
/// resampler.push(&[0; 320], &mut out);
/// resampler.flush(&mut out);
/// assert_eq!(out.len(), 480);
/// ```
pub struct Resampler {
    from: Hz,
    to: Hz,
    /// `None` where the rates are equal.
    filter: Option<Filter>,
}

struct Filter {
    fft: Fft<f32>,
    /// Gathers one block of input.
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
    /// Output samples still to be cut off the front: the filter's delay.
    to_skip: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// Makes a resampler. All its memory is made here.
    ///
    /// # Panics
    /// If a rate is zero.
    pub fn new(from: Hz, to: Hz) -> Resampler {
        let filter = (from != to).then(|| Filter::new(from, to));
        Resampler { from, to, filter }
    }

    /// The filter's delay, in samples of the output. It is cut off the front: so many samples of what was pushed are
    /// still to come, beside the block that is being gathered.
    pub fn delay_samples(&self) -> usize {
        self.filter.as_ref().map_or(0, |filter| filter.fft.output_delay())
    }

    /// The same as a time.
    pub fn delay(&self) -> Duration {
        self.to.duration_of(self.delay_samples() as u64)
    }

    /// The rate that comes in.
    pub fn from(&self) -> Hz {
        self.from
    }

    /// The rate that goes out.
    pub fn to(&self) -> Hz {
        self.to
    }

    /// Takes all of `input` and appends to `out` what is ready.
    pub fn push(&mut self, input: &[i16], out: &mut Vec<i16>) {
        match &mut self.filter {
            None => out.extend_from_slice(input),
            Some(filter) => filter.push(input, out),
        }
    }

    /// Appends what the filter still holds, so that the output is as long as the input was, and starts afresh.
    pub fn flush(&mut self, out: &mut Vec<i16>) {
        let Some(filter) = &mut self.filter else { return };
        let whole = self.from.convert(filter.taken, self.to);
        while filter.given < whole {
            let before = out.len();
            filter.fill_up(out);
            let surplus = filter.given.saturating_sub(whole) as usize;
            out.truncate(out.len().max(before + surplus) - surplus);
        }
        self.reset();
    }

    /// Forgets what was heard; the next sample is the first of a new stream.
    pub fn reset(&mut self) {
        if let Some(filter) = &mut self.filter {
            filter.reset();
        }
    }
}

impl Filter {
    fn new(from: Hz, to: Hz) -> Filter {
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
        Filter {
            input: vec![0.0; fft.input_frames_next()],
            output: vec![0.0; fft.output_frames_max()],
            filled: 0,
            to_skip: fft.output_delay(),
            taken: 0,
            given: 0,
            fft,
        }
    }

    fn push(&mut self, mut samples: &[i16], out: &mut Vec<i16>) {
        self.taken += samples.len() as u64;
        while !samples.is_empty() {
            let n = samples.len().min(self.input.len() - self.filled);
            for (slot, sample) in self.input[self.filled..].iter_mut().zip(&samples[..n]) {
                *slot = pcm16::to_float(*sample);
            }
            self.filled += n;
            samples = &samples[n..];
            if self.filled == self.input.len() {
                self.run_block(out);
            }
        }
    }

    /// Completes the block with silence.
    fn fill_up(&mut self, out: &mut Vec<i16>) {
        self.input[self.filled..].fill(0.0);
        self.run_block(out);
    }

    fn run_block(&mut self, out: &mut Vec<i16>) {
        let (frames_in, frames_out) = (self.input.len(), self.output.len());
        let input = InterleavedSlice::new(&self.input, 1, frames_in).expect("a full block");
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, frames_out).expect("room for a block");
        let (_, made) = self.fft.process_into_buffer(&input, &mut output, None).expect("blocks of the size asked for");
        self.filled = 0;
        let skip = self.to_skip.min(made);
        self.to_skip -= skip;
        out.extend(self.output[skip..made].iter().map(|value| pcm16::from_float(*value)));
        self.given += (made - skip) as u64;
    }

    fn reset(&mut self) {
        self.fft.reset();
        self.filled = 0;
        self.to_skip = self.fft.output_delay();
        self.taken = 0;
        self.given = 0;
    }
}

/// The shortest part of 20 ms whose filter is flat to 90 % of the lower Nyquist frequency, and whose middle falls onto a
/// sample: 10 ms at 16 kHz, 20 ms at 8 kHz. Rates that do not go into 20 ms get what fits them, half a sample off.
fn block_samples(from: Hz, to: Hz) -> usize {
    let per_second = |parts: u32| parts * (1_000 / BLOCK.as_millis() as u32);
    let fits = |rate: Hz, parts: u32| rate.0.is_multiple_of(2 * per_second(parts));
    let is_flat = |parts: u32| from.min(to).0 / per_second(parts) >= FLAT_FILTER;
    let parts = (1..=4).rev().find(|parts| is_flat(*parts) && fits(from, *parts) && fits(to, *parts));
    (from.0 / per_second(parts.unwrap_or(1))) as usize
}

/// Samples at the lower rate that a filter must see to be flat to 90 %.
const FLAT_FILTER: u32 = 160;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sine(rate: Hz, hz: f64, samples: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate.0);
        (0..samples).map(|n| (f64::sin(step * n as f64) * 16_000.0) as i16).collect()
    }

    fn whole(from: Hz, to: Hz, input: &[i16], chunk: usize) -> Vec<i16> {
        let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
        for piece in input.chunks(chunk) {
            resampler.push(piece, &mut out);
        }
        resampler.flush(&mut out);
        out
    }

    #[test]
    fn a_sine_stays_where_it_was_in_time() {
        for (from, to) in [(16_000, 24_000), (48_000, 16_000), (44_100, 48_000), (8_000, 24_000)] {
            let (from, to) = (Hz(from), Hz(to));
            let out = whole(from, to, &sine(from, 440.0, from.0 as usize), 333);
            let expected = sine(to, 440.0, to.0 as usize);
            assert_eq!(out.len(), expected.len(), "{from} to {to}");
            let edge = to.0 as usize / 20;
            let worst = (edge..out.len() - edge).map(|n| (out[n] - expected[n]).abs()).max().unwrap();
            assert!(worst < 40, "{from} to {to}: off by {worst}");
        }
    }

    proptest! {
        #[test]
        fn chunk_sizes_do_not_matter(chunks in proptest::collection::vec(1usize..700, 1..20)) {
            let input = sine(Hz::K16, 300.0, chunks.iter().sum());
            let (mut resampler, mut out, mut at) = (Resampler::new(Hz::K16, Hz::K24), Vec::new(), 0);
            for chunk in chunks {
                resampler.push(&input[at..at + chunk], &mut out);
                at += chunk;
            }
            resampler.flush(&mut out);
            prop_assert_eq!(out, whole(Hz::K16, Hz::K24, &input, 320));
        }
    }
}
