//! The sound of the sandbox's rooms: who speaks what when, who hears it, who records it.
//!
//! All of it is a machine on made-up time. Every track gives blocks of 20 ms, each with the time at which its first
//! sample sounds in the room; blocks of equal rates pass sample for sample.

mod clip;
mod playout;
mod speech;
mod stream;
mod tap;

pub(super) use clip::{AtRate, Clip, Rates};
pub(super) use playout::Playout;
pub(super) use speech::{Said, Speech, Utterance};
pub(super) use stream::{Opened, Stream, open};
pub(super) use tap::Tap;

use std::time::Instant;

use crate::audio::Hz;

/// The rates at which sound is made ready: those that agents hear, and that of Opus.
pub(super) const RATES: &[Hz] = &[Hz::K16, Hz::K24, Hz::K48];

/// 20 ms of one track.
pub(super) struct Block {
    /// When its first sample sounds.
    pub(super) sounds_at: Instant,
    /// It follows right behind the block before.
    pub(super) continues: bool,
    /// Its samples, at whatever rate they are wanted.
    pub(super) sound: BlockSound,
}

/// The samples of a block.
pub(super) enum BlockSound {
    /// Block `index` of a clip, counted from the clip's start.
    Clip { clip: std::sync::Arc<Clip>, index: u64 },
    /// A block of a file that is read while it is said.
    Rated(stream::Rated),
    /// Samples as an agent sent them.
    Raw(Vec<i16>),
}
