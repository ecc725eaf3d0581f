//! The window through which a stretch of sound is looked at.

use std::f32::consts::TAU;

/// Hann's, of this many samples: what a sample weighs that stands there. It is 0 at 0 and at the end, and 1 in the middle; from
/// 0 on it is periodic, from 1/2 on symmetric.
pub(crate) fn hann(at: f32, samples: usize) -> f32 {
    0.5 - 0.5 * (TAU * at / samples as f32).cos()
}
