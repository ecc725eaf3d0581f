//! Resampling between rates whose ratio is one of numbers up to six, as 8, 16, 24 and 48 kHz among each other.
//!
//! Each output sample is a weighted sum of the input around it, so one is ready as soon as the input reaches
//! [`Table::reach`] samples beyond it, whatever the sizes of chunks: 30 samples of the lower rate, 1.9 ms at 16 kHz.
//! A stream keeps only the input that sums still to come will need. What else there is lies in the shared table and on
//! the stack, where it stays warm however many streams there are.
//!
//! `up` output samples use `down` samples of the input, and then the same taps come again. So the outputs at one of `up` places
//! share their taps, and each needs the input `down` samples behind the one before. With the input dealt out to `down` streams,
//! those samples are neighbours, and [`AT_ONCE`] outputs are made by instructions that take many lanes:
//!
//! ```text
//! 16 to 24 kHz: up 3, down 2
//! input               a b c d e f g h           streams   a c e g
//!                                                         b d f h
//! outputs at place 0  a*t0 + b*t1 + c*t2 …                t0 * (a c e g) + t1 * (b d f h) + t2 * (c e g …) …
//!     c*t0 + d*t1 + e*t2 …
//! ```
//!
//! The products of one output are added in the order of its taps, wherever it stands and on every processor, and are
//! not fused with sums. So a stream is the same, to the bit, in chunks of any size and on any machine.

use fearless_simd::{Level, Simd, dispatch, f32x16, i32x16, prelude::*};

use super::table::{LARGEST, REACH, Table};
use crate::audio::pcm16::{self, FULL_SCALE};

/// One stream.
pub(super) struct Polyphase {
    table: &'static Table,
    level: Level,
    /// The newest of the input: what stands under an output sample beside its newest.
    kept: Box<[i16]>,
    next: Next,
}

/// An output sample, by the input that it needs.
#[derive(Clone, Copy)]
struct Next {
    /// How many samples of the input come before the last that it needs.
    needs: usize,
    /// Where it lies between two samples of the input, in parts of `up`.
    phase: usize,
}

/// Input dealt out to `down` streams, one behind the other.
struct Streams<'a> {
    memory: &'a mut [f32],
    /// How far the streams' beginnings are apart.
    stride: usize,
}

impl Polyphase {
    /// Makes a filter that makes `up` samples of `down`, in lowest terms; `None` if those are not small numbers.
    pub(super) fn new(up: usize, down: usize) -> Option<Polyphase> {
        Polyphase::on(Level::new(), up, down)
    }

    /// The same with the instructions of some processor.
    fn on(level: Level, up: usize, down: usize) -> Option<Polyphase> {
        let table = Table::of(up, down)?;
        let kept = vec![0; table.taps() - 1].into();
        Some(Polyphase { table, level, kept, next: Next::first(table) })
    }

    /// How many samples of the output are missing as long as the input has not gone on.
    pub(super) fn delay_samples(&self) -> usize {
        self.table.reach * self.table.up / self.table.down
    }

    /// Takes all of `input` and appends to `out` what is ready.
    pub(super) fn push(&mut self, input: &[i16], out: &mut Vec<i16>) {
        for piece in input.chunks(PIECE) {
            self.push_piece(piece, out);
        }
    }

    /// Forgets what was pushed; the next sample is the first of a new stream.
    pub(super) fn reset(&mut self) {
        self.kept.fill(0);
        self.next = Next::first(self.table);
    }

    fn push_piece(&mut self, piece: &[i16], out: &mut Vec<i16>) {
        let (table, kept) = (self.table, self.kept.len());
        let mut memory = [0; MOST_KEPT + PIECE];
        let sound = &mut memory[..kept + piece.len()];
        sound[..kept].copy_from_slice(&self.kept);
        sound[kept..].copy_from_slice(piece);
        self.kept.copy_from_slice(&sound[piece.len()..]);

        let mut memory = [0.0; MOST_KEPT + PIECE + LARGEST * (AT_ONCE + 1)];
        let stride = sound.len().div_ceil(table.down) + AT_ONCE;
        let mut streams = Streams { memory: &mut memory[..table.down * stride], stride };
        let (next, ready, begin) = (self.next, self.next.ready(table, piece.len()), out.len());
        out.resize(begin + ready, 0);
        let made = &mut out[begin..];
        dispatch!(self.level, simd => {
            streams.deal_out(table.down, sound);
            make(simd, table, &streams, next, made);
        });
        self.next = next.after(table, ready);
        self.next.needs -= piece.len();
    }
}

impl Next {
    fn first(table: &Table) -> Next {
        Next { needs: table.reach, phase: 0 }
    }

    /// How many are ready, from this one on, once `samples` have come.
    fn ready(self, table: &Table, samples: usize) -> usize {
        // Those whose `needs` is below `samples`, by the sum in `after`.
        let parts = samples.saturating_sub(self.needs) * table.up;
        parts.saturating_sub(self.phase).div_ceil(table.down)
    }

    /// The one that comes `outputs` later.
    #[inline(always)]
    fn after(self, table: &Table, outputs: usize) -> Next {
        let parts = self.phase + outputs * table.down;
        Next { needs: self.needs + parts / table.up, phase: parts % table.up }
    }
}

impl Streams<'_> {
    #[inline(always)]
    fn deal_out(&mut self, down: usize, sound: &[i16]) {
        // A loop of a step that is known is done many samples at a time.
        match down {
            1 => self.deal_out_to::<1>(sound),
            2 => self.deal_out_to::<2>(sound),
            3 => self.deal_out_to::<3>(sound),
            4 => self.deal_out_to::<4>(sound),
            5 => self.deal_out_to::<5>(sound),
            _ => self.deal_out_to::<LARGEST>(sound),
        }
    }

    #[inline(always)]
    fn deal_out_to<const DOWN: usize>(&mut self, sound: &[i16]) {
        let (whole, rest) = sound.as_chunks::<DOWN>();
        for (n, stream) in self.memory.chunks_exact_mut(self.stride).enumerate() {
            for (slot, samples) in stream.iter_mut().zip(whole) {
                *slot = pcm16::to_float(samples[n]);
            }
            if let Some(sample) = rest.get(n) {
                stream[whole.len()] = pcm16::to_float(*sample);
            }
        }
    }
}

/// Makes all of `out`, the first of which is `next`.
#[inline(always)]
fn make<S: Simd>(simd: S, table: &Table, streams: &Streams<'_>, next: Next, out: &mut [i16]) {
    for place in 0..table.up.min(out.len()) {
        let Next { needs, phase } = next.after(table, place);
        let mut slots = out[place..].iter_mut().step_by(table.up);
        let mut at = needs / table.down;
        while slots.len() > 0 {
            let sums = sums(simd, table.phase(phase), streams, needs % table.down, at);
            // In this order: the sums end first, and take no slot with them.
            sums.into_iter().zip(slots.by_ref()).for_each(|(sum, slot)| *slot = sum as i16);
            at += AT_ONCE;
        }
    }
}

/// [`AT_ONCE`] output samples: the first from the input that begins at `at` of stream `stream`, each other from what comes one
/// later in every stream.
#[inline(always)]
fn sums<S: Simd>(simd: S, taps: &[f32], streams: &Streams<'_>, stream: usize, mut at: usize) -> [i32; AT_ONCE] {
    let (mut begin, whole) = (stream * streams.stride, streams.memory.len());
    let mut sums = [f32x16::splat(simd, 0.0); VECTORS];
    for tap in taps {
        let tap = f32x16::splat(simd, *tap);
        let sound = &streams.memory[begin + at..][..AT_ONCE];
        for n in 0..VECTORS {
            sums[n] += tap * f32x16::from_slice(simd, &sound[n * LANES..][..LANES]);
        }
        begin += streams.stride;
        if begin == whole {
            begin = 0;
            at += 1;
        }
    }
    let mut samples = [0; AT_ONCE];
    for n in 0..VECTORS {
        rounded(simd, sums[n]).store_slice(&mut samples[n * LANES..][..LANES]);
    }
    samples
}

/// As [`pcm16::from_float`].
#[inline(always)]
fn rounded<S: Simd>(simd: S, value: f32x16<S>) -> i32x16<S> {
    let all = |value| f32x16::splat(simd, value);
    let scaled = value * FULL_SCALE;
    let rounded = scaled + all(0.5).copysign(scaled);
    i32x16::truncate_from(rounded.max(all(-FULL_SCALE)).min(all(FULL_SCALE - 1.0)))
}

const LANES: usize = 16;
/// As many sums as a processor of 32 registers of 16 lanes, or half as many of half the width, keeps there, and enough that
/// none waits for the product before it.
const VECTORS: usize = 5;
/// Half of the outputs at one place of a block of 20 ms at 16 kHz, and so for all rates.
const AT_ONCE: usize = LANES * VECTORS;
/// Samples of the input that are worked on at once: a block of 20 ms at 24 kHz.
const PIECE: usize = 480;
/// What a stream keeps at most: what stands under an output sample of a sixth of the input's rate.
const MOST_KEPT: usize = 2 * REACH * LARGEST;

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, at full scale now and then.
    fn noise(samples: usize) -> Vec<i16> {
        let mut rng = fastrand::Rng::with_seed(7);
        (0..samples).map(|n| if n % 97 == 0 { i16::MIN } else { rng.i16(..) }).collect()
    }

    fn whole(mut filter: Polyphase, input: &[i16], chunk: usize) -> Vec<i16> {
        let mut out = Vec::new();
        input.chunks(chunk).for_each(|piece| filter.push(piece, &mut out));
        out
    }

    /// The sum as it is written in a book, in twice the width.
    fn by_the_book(up: usize, down: usize, input: &[i16], outputs: usize) -> Vec<f64> {
        let table = Table::of(up, down).unwrap();
        let output = |n: usize| {
            let (at, phase) = (n * down / up, n * down % up);
            let under = table.phase(phase).iter().enumerate().map(|(tap, weight)| {
                let place = (at + tap + 1).checked_sub(table.reach).and_then(|place| input.get(place));
                f64::from(*weight) * place.map_or(0.0, |sample| f64::from(*sample))
            });
            under.sum()
        };
        (0..outputs).map(output).collect()
    }

    #[test]
    fn every_ratio_is_the_sum_that_it_should_be() {
        let input = noise(1_999);
        for up in 1..=LARGEST {
            for down in (1..=LARGEST).filter(|down| (2..=LARGEST).all(|n| up % n > 0 || down % n > 0)) {
                let made = whole(Polyphase::new(up, down).unwrap(), &input, 777);
                let ready = input.len() - Table::of(up, down).unwrap().reach;
                assert_eq!(made.len(), (ready * up).div_ceil(down), "{up}/{down}");
                let expected = by_the_book(up, down, &input, made.len());
                for (n, (made, expected)) in made.iter().zip(expected).enumerate() {
                    let expected = expected.clamp(i16::MIN.into(), i16::MAX.into());
                    assert!((f64::from(*made) - expected).abs() < 0.51, "{up}/{down}, {n}: {made}, not {expected:.2}");
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_processor_makes_the_same() {
        let (input, here) = (noise(4_800), Level::new());
        let narrower =
            [here.as_sse2().map(Simd::level), here.as_sse4_2().map(Simd::level), here.as_avx2().map(Simd::level)];
        for (up, down) in [(3, 2), (2, 3), (1, 6)] {
            let expected = whole(Polyphase::new(up, down).unwrap(), &input, 320);
            assert!(narrower.iter().any(Option::is_some), "there is no other on {here:?}");
            for level in narrower.into_iter().flatten() {
                assert!(
                    whole(Polyphase::on(level, up, down).unwrap(), &input, 91) == expected,
                    "{up}/{down} on {level:?}"
                );
            }
        }
    }
}
