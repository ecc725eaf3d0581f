//! What both ways between a device's callback and the sound thread have in common.

use ringbuf::{
    HeapCons,
    traits::{Consumer, Observer},
};

/// Appends all that waits.
pub(super) fn drain_into(ring: &mut HeapCons<f32>, out: &mut Vec<f32>) {
    let start = out.len();
    out.resize(start + ring.occupied_len(), 0.0);
    let got = ring.pop_slice(&mut out[start..]);
    out.truncate(start + got);
}

/// Frames that a callback handles at once, on the stack.
pub(super) const AT_ONCE: usize = 256;
