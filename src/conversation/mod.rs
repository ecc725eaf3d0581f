//! Conversations: hearing who speaks and what is said. Machines without I/O and without a clock; the engines behind the
//! traits are in [`speech`](crate::speech).
//!
//! ```text
//! frames → noise filter → voice activity → utterances → speech to text → captions → transcript
//! ```
//!
//! - [`listening`] turns each speaker's frames into utterances.
//! - [`SpeechToText`] is what an engine implements; [`speech::Transcriber`](crate::speech::Transcriber) joins both.
//! - [`transcript`] brings what several people said into one order, takes out what must not be kept, and writes it down as
//!   JSON lines, WebVTT and text.

pub mod listening;
pub(crate) mod plausible;
pub mod speaking;
mod speech_to_text;
pub mod testing;
pub mod transcript;
pub mod turn;

pub use plausible::{Nonsense, nonsense};
pub use speech_to_text::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription, Word};
