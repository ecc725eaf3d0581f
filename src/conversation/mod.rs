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

mod context;
mod language_model;
pub mod listening;
pub(crate) mod plausible;
mod reply;
pub mod speaking;
mod speech_to_text;
pub mod testing;
mod text_to_speech;
pub mod transcript;
pub mod turn;
mod turn_detector;

pub use context::{Context, Entry, Heard, Role};
pub use language_model::{LanguageModel, Prompt, TextSink, text_channel};
pub use plausible::{Nonsense, has_phrase, nonsense, words};
pub(crate) use reply::{AfterReply, Announced, Part};
pub use reply::{Announcer, Conversation, Speech, UserTurn};
pub use speech_to_text::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription, Word};
pub use text_to_speech::{Sentence, SoundPiece, SoundSink, TextToSpeech, sound_channel};
pub use turn_detector::{SaidSoFar, TextTurnDetector, TurnDetector, TurnListener};
