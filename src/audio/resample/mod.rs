//! From one sample rate to another, for chunks of any size.

mod blocks;
mod polyphase;
mod table;

use std::time::Duration;

use self::{blocks::Blocks, polyphase::Polyphase};
use super::format::Hz;

/// A streaming resampler for one mono stream. Its filter's delay is cut off the front, so sample `n` of the output is
/// the input's sample `n * from / to`. Equal rates pass through untouched.
///
/// Between 8, 16, 24 and 48 kHz, and all rates whose ratio is one of numbers up to six, output comes late by the filter's
/// [delay](Self::delay_samples) alone, 30 samples of the lower rate: 1.9 ms at 16 kHz. With 44.1 kHz and the like
/// it comes late by a block that must fill, too. `docs/audio.md` has the measured figures of all rates.
///
/// ```
/// use roomtone::audio::{Hz, Resampler};
/// let mut resampler = Resampler::new(Hz::K16, Hz::K24);
/// let mut out = Vec::new();
/// resampler.push(&[0; 320], &mut out);
/// assert_eq!(out.len(), 480 - resampler.delay_samples());
/// resampler.flush(&mut out);
/// assert_eq!(out.len(), 480);
/// ```
pub struct Resampler {
    from: Hz,
    to: Hz,
    filter: Filter,
    taken: u64,
    given: u64,
}

enum Filter {
    /// The rates are equal.
    None,
    Polyphase(Polyphase),
    Blocks(Box<Blocks>),
}

impl Resampler {
    /// Makes a resampler. All its memory is made here.
    ///
    /// # Panics
    /// If a rate is zero.
    pub fn new(from: Hz, to: Hz) -> Resampler {
        let common = gcd(from.0, to.0).max(1);
        let (up, down) = ((to.0 / common) as usize, (from.0 / common) as usize);
        let filter = match from == to {
            true => Filter::None,
            false => Polyphase::new(up, down)
                .map_or_else(|| Filter::Blocks(Box::new(Blocks::new(from, to))), Filter::Polyphase),
        };
        Resampler { from, to, filter, taken: 0, given: 0 }
    }

    /// The filter's delay, in samples of the output. It is cut off the front: so many samples of what was pushed are
    /// still to come, beside a block that is being gathered.
    pub fn delay_samples(&self) -> usize {
        match &self.filter {
            Filter::None => 0,
            Filter::Polyphase(filter) => filter.delay_samples(),
            Filter::Blocks(filter) => filter.delay_samples(),
        }
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
        let before = out.len();
        match &mut self.filter {
            Filter::None => out.extend_from_slice(input),
            Filter::Polyphase(filter) => filter.push(input, out),
            Filter::Blocks(filter) => filter.push(input, out),
        }
        self.taken += input.len() as u64;
        self.given += (out.len() - before) as u64;
    }

    /// Appends what the filter still holds, so that the output is as long as the input was, and starts afresh.
    pub fn flush(&mut self, out: &mut Vec<i16>) {
        let whole = self.from.convert(self.taken, self.to);
        while self.given < whole {
            self.push(&[0; SILENCE], out);
        }
        out.truncate(out.len() - (self.given - whole) as usize);
        self.reset();
    }

    /// Forgets what was heard; the next sample is the first of a new stream.
    pub fn reset(&mut self) {
        match &mut self.filter {
            Filter::None => {}
            Filter::Polyphase(filter) => filter.reset(),
            Filter::Blocks(filter) => filter.reset(),
        }
        self.taken = 0;
        self.given = 0;
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What is pushed at once to bring out what a filter holds.
const SILENCE: usize = 64;

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
