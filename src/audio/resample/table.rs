//! The coefficients of the polyphase filters, one table for each ratio of rates and all streams of a process.
//!
//! The filter is a sinc under a Kaiser window of [`REACH`] samples of the lower rate to either side. Its stop band lies
//! 92 dB down; from pass to stop it takes a fifth of the lower Nyquist frequency, which stands in the middle of that: flat to
//! 90 %, gone from 110 % on.

use std::{f64::consts::PI, sync::OnceLock};

/// Rates that go into each other by larger numbers than this have no table.
pub(super) const LARGEST: usize = 6;
/// How far the filter sees to either side, in samples of the lower rate. All ratios up to [`LARGEST`] but 5 to 4 make
/// whole samples of it at the higher rate, too.
pub(super) const REACH: usize = 30;
/// The Kaiser window's parameter.
const BETA: f64 = 9.2;

/// The coefficients for one ratio of rates.
pub(super) struct Table {
    /// The output's rate to the input's, as `up` to `down` in lowest terms.
    pub(super) up: usize,
    pub(super) down: usize,
    /// How far the filter sees to either side, in samples of the input.
    pub(super) reach: usize,
    /// For each place of an output sample between two of the input's, its taps, the oldest first.
    coefficients: Box<[f32]>,
}

impl Table {
    /// The table that makes `up` samples of `down`, in lowest terms; `None` if those are not small.
    pub(super) fn of(up: usize, down: usize) -> Option<&'static Table> {
        static TABLES: [[OnceLock<Table>; LARGEST]; LARGEST] =
            [const { [const { OnceLock::new() }; LARGEST] }; LARGEST];
        let place = TABLES.get(up.checked_sub(1)?)?.get(down.checked_sub(1)?)?;
        Some(place.get_or_init(|| Table::new(up, down)))
    }

    fn new(up: usize, down: usize) -> Table {
        let reach = REACH * down.max(up) / up;
        let coefficients = (0..up).flat_map(|phase| phase_of(phase as f64 / up as f64, reach)).collect();
        Table { up, down, reach, coefficients }
    }

    /// Samples of the input under one output sample.
    #[inline(always)]
    pub(super) fn taps(&self) -> usize {
        2 * self.reach
    }

    /// The taps of an output sample that lies `phase` parts of `up` behind a sample of the input.
    #[inline(always)]
    pub(super) fn phase(&self, phase: usize) -> &[f32] {
        &self.coefficients[phase * self.taps()..][..self.taps()]
    }
}

/// The taps of an output sample that lies by `behind` of a sample behind one of the input's. They add up to one, so that a
/// constant stays one.
fn phase_of(behind: f64, reach: usize) -> Vec<f32> {
    let cutoff = REACH as f64 / reach as f64;
    let at = |tap: usize| {
        // The last tap is `reach` samples behind the input's sample.
        let t = (tap + 1) as f64 - reach as f64 - behind;
        sinc(t * cutoff) * kaiser(t / reach as f64)
    };
    let exact: Vec<f64> = (0..2 * reach).map(at).collect();
    let sum: f64 = exact.iter().sum();
    exact.iter().map(|tap| (tap / sum) as f32).collect()
}

fn sinc(t: f64) -> f64 {
    if t == 0.0 { 1.0 } else { (PI * t).sin() / (PI * t) }
}

/// The window at a place from -1 to 1; nothing beyond.
fn kaiser(place: f64) -> f64 {
    if place.abs() >= 1.0 { 0.0 } else { bessel(BETA * (1.0 - place * place).sqrt()) / bessel(BETA) }
}

/// The modified Bessel function of the first kind and order zero, by its series.
fn bessel(x: f64) -> f64 {
    let terms = (1..50).scan(1.0, |term, k| {
        *term *= (x / 2.0 / f64::from(k)).powi(2);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_looks_alike_from_either_side() {
        for (up, down) in [(3, 2), (2, 3), (6, 1), (5, 6)] {
            let table = Table::of(up, down).unwrap();
            for phase in 1..up {
                let mirrored = table.phase(up - phase).iter().rev();
                for (tap, (a, b)) in table.phase(phase).iter().zip(mirrored).enumerate() {
                    assert!((a - b).abs() < 1e-6, "{up}/{down}, phase {phase}, tap {tap}: {a} and {b}");
                }
            }
        }
    }

    #[test]
    fn ratios_of_large_numbers_have_no_table() {
        assert!(Table::of(160, 147).is_none());
        assert!(Table::of(7, 1).is_none());
        assert!(Table::of(0, 1).is_none());
        assert!(Table::of(5, 6).is_some());
    }
}
