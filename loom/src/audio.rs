//! From the package, by path.
#![allow(dead_code)]

#[path = "../../src/audio/format.rs"]
mod format;
#[path = "../../src/audio/overflow.rs"]
pub mod overflow;
#[path = "../../src/audio/playhead.rs"]
mod playhead;
#[path = "../../src/audio/ring.rs"]
pub mod ring;

pub use format::Hz;
pub use playhead::Playhead;
