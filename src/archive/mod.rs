//! What sessions leave on the disk: recordings and transcripts, for as long as they may be kept.
//!
//! Each room has a folder. [`recording`] writes its sound, [`TranscriptFiles`] its words; [`retention`] removes what is too
//! old, [`erase`] what is about a room or a person, at once.

pub mod erase;
mod form;
pub mod recording;
pub mod retention;
mod transcript;

pub(crate) use form::FORMS;
pub use transcript::{Line, TranscriptFiles};
