//! Recordings: each speaker's track to a file of its own, and everybody mixed.
//!
//! Files are whole at every moment but for what was not flushed, and memory does not grow with their length.

mod file;
mod mix;
mod tape;

pub use file::Format;
pub(super) use tape::INDEX;
pub use tape::{LONGEST_SILENCE, Tape};

use crate::audio::Hz;

/// What is recorded, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapeSettings {
    /// The form of the files.
    pub format: Format,
    /// Their rate, which is that of the frames.
    pub rate: Hz,
    /// Whether everybody is also recorded into one file.
    pub mix: bool,
}
