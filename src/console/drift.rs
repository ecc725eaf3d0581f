//! From one clock to another: a resampler whose ratio can be bent a little, and what says by how much.

use std::time::Duration;

use rubato::{
    Adjustable, Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};

use crate::audio::Hz;

/// One mono stream from one rate to another, for chunks of any size. Its filter costs 1 to 3 ms.
pub(super) struct Stretch {
    resampler: Async<f32>,
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
}

impl Stretch {
    pub(super) fn new(from: Hz, to: Hz) -> Stretch {
        let parameters = SincInterpolationParameters {
            sinc_len: 128,
            f_cutoff: None,
            oversampling_factor: 256,
            interpolation: SincInterpolationType::Linear,
            window: WindowFunction::BlackmanHarris2,
        };
        let (ratio, chunk) = (f64::from(to.0) / f64::from(from.0), from.samples_in(CHUNK));
        let resampler = Async::new_sinc(ratio, 1.0 + 2.0 * MOST, &parameters, chunk, 1, FixedAsync::Input)
            .expect("a resampler between two rates above zero");
        Stretch { input: vec![0.0; chunk], filled: 0, output: vec![0.0; resampler.output_frames_max()], resampler }
    }

    /// From now on the stream is played faster by this share, or slower where it is below zero.
    pub(super) fn bend(&mut self, by: f64) {
        let by = by.clamp(-MOST, MOST);
        self.resampler.set_resample_ratio_relative(1.0 / (1.0 + by), true).expect("it is within what was asked for");
    }

    /// Forgets what was pushed; the next sample is the first of a new stream.
    pub(super) fn reset(&mut self) {
        self.filled = 0;
        self.resampler.reset();
    }

    /// Takes all of `samples` and appends to `out` what is ready.
    pub(super) fn push(&mut self, mut samples: &[f32], out: &mut Vec<f32>) {
        while !samples.is_empty() {
            let n = samples.len().min(self.input.len() - self.filled);
            self.input[self.filled..self.filled + n].copy_from_slice(&samples[..n]);
            self.filled += n;
            samples = &samples[n..];
            if self.filled == self.input.len() {
                self.run(out);
            }
        }
    }

    fn run(&mut self, out: &mut Vec<f32>) {
        self.filled = 0;
        let room = self.output.len();
        let input = InterleavedSlice::new(&self.input, 1, self.input.len()).expect("it has this size");
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, room).expect("it has this size");
        let (_, made) = self
            .resampler
            .process_into_buffer(&input, &mut output, None)
            .expect("the buffers have the sizes that it asked for");
        out.extend_from_slice(&self.output[..made]);
    }
}

/// Keeps what waits before a device where it was at first: what grows comes from a device that is slower than we are.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// For how long sound has gone on.
    lasted: Duration,
    mean_s: f64,
    target_s: Option<f64>,
}

impl Level {
    /// So much waits, after `passed` since the last look; `None` where there is no sound. Says how much faster to play.
    pub(super) fn follow(&mut self, waits: Option<Duration>, passed: Duration) -> f64 {
        let Some(waits) = waits else {
            self.lasted = Duration::ZERO;
            return 0.0;
        };
        let waits_s = waits.as_secs_f64();
        let share = (passed.as_secs_f64() / SMOOTH.as_secs_f64()).min(1.0);
        self.mean_s = if self.lasted.is_zero() { waits_s } else { self.mean_s + share * (waits_s - self.mean_s) };
        self.lasted += passed;
        if self.lasted < SETTLED {
            return 0.0;
        }
        let target_s = *self.target_s.get_or_insert(self.mean_s);
        let off_s = self.mean_s - target_s;
        let beyond_s = (off_s.abs() - TOLERATED.as_secs_f64()).max(0.0).copysign(off_s);
        (beyond_s / CORRECT_WITHIN.as_secs_f64()).clamp(-MOST, MOST)
    }
}

impl Level {
    /// How much more waits than is to, where that is too much to be bent away: the device, or we, stood still for a while. It is left
    /// out then, or the voice would be late for minutes.
    pub(super) fn surplus(&mut self) -> Option<Duration> {
        let target_s = self.target_s?;
        let surplus = Duration::from_secs_f64((self.mean_s - target_s).max(0.0));
        (!self.lasted.is_zero() && surplus > TOO_LATE).then(|| {
            self.mean_s = target_s;
            surplus
        })
    }

    /// How much is to wait, once that is known.
    pub(super) fn target(&self) -> Option<Duration> {
        self.target_s.map(Duration::from_secs_f64)
    }
}

/// More than this is not bent away.
const TOO_LATE: Duration = Duration::from_millis(250);
/// What is handed to the resampler at once.
const CHUNK: Duration = Duration::from_millis(5);
/// The most by which a stream is bent: devices are off by 0.01 % as a rule, and nobody hears a half of a percent in speech.
const MOST: f64 = 0.005;
/// Over how long what waits is averaged: packets come each 20 ms, devices fetch each 10 ms.
const SMOOTH: Duration = Duration::from_secs(2);
/// After how long an average is one.
const SETTLED: Duration = Duration::from_secs(4);
/// What is left alone: an average wanders by a few milliseconds without any drift.
const TOLERATED: Duration = Duration::from_millis(5);
/// In what time an error would be made good.
const CORRECT_WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: Hz, seconds: usize) -> Vec<f32> {
        let step = std::f32::consts::TAU * 440.0 / rate.0 as f32;
        (0..rate.0 as usize * seconds).map(|n| (n as f32 * step).sin() * 0.5).collect()
    }

    #[test]
    fn any_pair_of_rates_in_chunks_of_any_size() {
        let mut rng = fastrand::Rng::with_seed(1);
        for (from, to) in [(44_100, 16_000), (16_000, 44_100), (48_000, 48_000), (24_000, 96_000), (8_000, 16_000)] {
            let sound = tone(Hz(from), 1);
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            Stretch::new(Hz(from), Hz(to)).push(&sound, &mut whole);
            let (mut stretch, mut rest) = (Stretch::new(Hz(from), Hz(to)), &sound[..]);
            while !rest.is_empty() {
                let (part, behind) = rest.split_at(rng.usize(1..1_000).min(rest.len()));
                stretch.push(part, &mut parts);
                rest = behind;
            }
            assert_eq!(whole, parts, "{from} to {to}");
            assert!(whole.len().abs_diff(to as usize) < to as usize / 50, "{from} to {to}: {}", whole.len());
            let rms = (whole.iter().map(|sample| sample * sample).sum::<f32>() / whole.len() as f32).sqrt();
            assert!((rms - 0.3535).abs() < 0.01, "{from} to {to}: {rms}");
        }
    }

    /// A device that stood still for most of a second: what has piled up is left out within two seconds, once.
    #[test]
    fn what_piles_up_while_a_device_stands_still_is_left_out() {
        let (mut level, mut waits, mut left_out) = (Level::default(), 0.060_f64, Vec::new());
        for step in 0..10_000_u32 {
            let bend = level.follow(Some(Duration::from_secs_f64(waits)), Duration::from_millis(5));
            if let Some(surplus) = level.surplus() {
                waits = level.target().unwrap().as_secs_f64();
                left_out.push((step, surplus));
            }
            waits += if step.is_multiple_of(4) { 0.020 / (1.0 + bend) } else { 0.0 };
            let stands_still = (2_000..2_160).contains(&step);
            waits -= if stands_still { 0.0 } else { 0.005 };
        }
        assert!(left_out.len() == 1 && left_out[0].0 < 2_400, "{left_out:?}");
        assert!((0.035..0.1).contains(&waits), "{waits}");
    }

    /// Ten minutes of sound into a device whose clock is off by 200 ppm: what waits stays near to where it was.
    #[test]
    fn a_device_whose_clock_is_off_neither_fills_up_nor_runs_dry() {
        for off in [-200e-6, 200e-6] {
            let (mut level, mut waits) = (Level::default(), 0.060_f64);
            let (mut lowest, mut highest) = (f64::MAX, f64::MIN);
            for step in 0..120_000_u32 {
                // We write each 20 ms, it fetches each 5 ms.
                let bend = level.follow(Some(Duration::from_secs_f64(waits)), Duration::from_millis(5));
                if step.is_multiple_of(4) {
                    waits += 0.020 / (1.0 + bend);
                }
                waits -= 0.005 * (1.0 + off);
                (lowest, highest) = (lowest.min(waits), highest.max(waits));
            }
            assert!(lowest > 0.035 && highest < 0.085, "{off}: {lowest:.3} to {highest:.3} s");
        }
    }
}
