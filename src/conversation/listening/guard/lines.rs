//! How much of a sound stands still: the lines of its spectrum, followed from frame to frame.

use std::sync::{Arc, LazyLock};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

/// Samples that are looked at: 64 ms keep neighbouring notes apart and smear what glides.
pub(super) const WINDOW: usize = 1_024;

/// The lines of one speaker's sound.
pub(super) struct Lines {
    work: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
    /// Those of the frame before, and of this one, both ascending.
    known: Vec<Line>,
    found: Vec<Line>,
}

#[derive(Clone, Copy)]
struct Line {
    hz: f32,
    /// Frames that it has stood still for.
    age: u8,
}

/// What all speakers share.
struct Shared {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// By bin: how much a line there weighs. Higher ones weigh more, up to 2 kHz: they move further when the pitch moves.
    weights: Vec<f32>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let weight = |bin: usize| {
        let octave = (bin as f32 * BIN_HZ / 500.0).powi(2);
        octave / (1.0 + octave / 16.0) + 0.02
    };
    Shared {
        fft: RealFftPlanner::new().plan_fft_forward(WINDOW),
        window: hann(WINDOW),
        weights: (0..=WINDOW / 2).map(weight).collect(),
    }
});

impl Default for Lines {
    fn default() -> Lines {
        let fft = &SHARED.fft;
        Lines {
            work: vec![0.0; WINDOW],
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; WINDOW / 2 + 1],
            known: Vec::with_capacity(WINDOW / 4),
            found: Vec::with_capacity(WINDOW / 4),
        }
    }
}

impl Lines {
    /// Which part of the strength of all lines is in such as stand still, from 0 to 1.
    pub(super) fn steadiness(&mut self, sound: &[f32]) -> f32 {
        let shared = &*SHARED;
        self.work.iter_mut().zip(sound).zip(&shared.window).for_each(|((to, from), weight)| *to = from * weight);
        let done = shared.fft.process_with_scratch(&mut self.work, &mut self.spectrum, &mut self.scratch);
        done.expect("the buffers were made for it");
        for bin in LOW - 2..HIGH + 3 {
            self.power[bin] = self.spectrum[bin].norm_sqr() * (4.0 / (WINDOW * WINDOW) as f32) + 1e-12;
        }
        self.follow(&shared.weights)
    }

    fn follow(&mut self, weights: &[f32]) -> f32 {
        let power = &self.power;
        let top = (LOW..HIGH).map(|bin| power[bin] * weights[bin]).fold(0.0, f32::max);
        let (mut all, mut still, mut near) = (1e-20, 0.0, 0);
        self.found.clear();
        for bin in LOW..HIGH {
            if !is_line(power, bin) || power[bin] * weights[bin] < FAINT * top {
                continue;
            }
            let hz = place(power, bin) * BIN_HZ;
            let off = |line: &Line| (line.hz - hz).abs();
            while near + 1 < self.known.len() && off(&self.known[near + 1]) <= off(&self.known[near]) {
                near += 1;
            }
            let line = match self.known.get(near).filter(|line| off(line) < (STILL * hz).max(STILL_HZ)) {
                Some(line) => {
                    let age = line.age.saturating_add(1);
                    Line { hz: line.hz + (hz - line.hz) / f32::from(age.min(RIPE)), age }
                }
                None => Line { hz, age: 1 },
            };
            let strength = (power[bin] * weights[bin]).sqrt();
            all += strength;
            still += if line.age >= RIPE { strength } else { 0.0 };
            self.found.push(line);
        }
        std::mem::swap(&mut self.known, &mut self.found);
        still / all
    }
}

/// Whether a bin stands out from those around it.
fn is_line(power: &[f32], bin: usize) -> bool {
    let p = power[bin];
    p >= power[bin - 1] && p > power[bin + 1] && p > 2.0 * power[bin - 2].min(power[bin + 2]) && p >= 1e-10
}

/// Where a line is between the bins: the top of the parabola through three logarithms.
pub(super) fn place(power: &[f32], bin: usize) -> f32 {
    let (a, b, c) = (power[bin - 1].ln(), power[bin].ln(), power[bin + 1].ln());
    bin as f32 + (0.5 * (a - c) / (a - 2.0 * b + c).min(-1e-6)).clamp(-0.7, 0.7)
}

pub(super) fn hann(samples: usize) -> Vec<f32> {
    (0..samples).map(|n| crate::audio::hann(n as f32 + 0.5, samples)).collect()
}

const BIN_HZ: f32 = 16_000.0 / WINDOW as f32;
/// Where lines are sought: what a telephone passes on, 90 to 3,900 Hz.
const LOW: usize = 5;
const HIGH: usize = 249;
/// A line stands still while it stays this close to where it was, a twelfth of a semitone, or this close in Hz: low lines are
/// not found any closer.
const STILL: f32 = 0.005;
const STILL_HZ: f32 = 1.5;
/// Frames after which it is steady: 128 ms, longer than a voice keeps its pitch that closely.
const RIPE: u8 = 8;
/// Weaker lines, in power to the strongest, are left aside.
const FAINT: f32 = 3e-4;
