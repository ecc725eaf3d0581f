//! Engines behind the traits of [`conversation`](crate::conversation): where they are, how they are loaded once and serve
//! all sessions of a process, what happens when they fail.
//!
//! ```text
//! Transcriber (one a session) → Chain (one a deploy) → Pool (one an engine) → SpeechWorker (one a thread)
//! ```
//!
//! - [`Transcriber`] turns what an agent is told into [`Caption`](crate::conversation::transcript::Caption)s.
//! - [`Chain`] asks one engine after the other, so that the next takes over within an utterance.
//! - [`Pool`] has the threads of one engine and the queue before them.
//! - [`engines`] is the table of engines: what each is, what it needs on the disk, how it is put there.

#[cfg_attr(not(feature = "console"), allow(dead_code, unused_imports))]
mod answers;
mod breaker;
mod chain;
mod check;
pub mod command;
pub mod engines;
mod gate;
pub mod models;
#[cfg(feature = "onnx")]
pub mod moonshine;
#[cfg(feature = "denoise")]
pub mod noise;
#[cfg(feature = "onnx")]
mod onnx;
pub mod openai;
mod pieces;
mod pool;
mod program;
mod server;
#[cfg(feature = "onnx")]
pub mod silero;
#[cfg(feature = "onnx")]
pub mod smart_turn;
mod stats;
#[cfg(test)]
pub(crate) mod testing;
mod trace;
mod transcriber;
pub mod voices;

pub(crate) use answers::Answers;
#[cfg(feature = "console")]
pub(crate) use answers::AnswersError;
pub use chain::{Chain, ChainLink};
pub use check::{CheckFailed, SENTENCE, check, check_worker, errors, sentence};
pub use models::{ModelLink, Models};
pub use pool::{Answer, Job, Pool, PoolSettings};
pub use stats::{AskedEngine, EngineMeasures, EngineStats, measures};
pub use transcriber::{Transcriber, TranscriberSettings};
pub use voices::{Said, Saying, Voice, VoiceLink, Voices};

use std::sync::Arc;

use crate::conversation::TurnListener;
use answers::{Key, Kind};

/// Has a listener judge whether somebody has finished, or what it once made of the same.
pub(crate) async fn judge(listener: Arc<dyn TurnListener>, samples: Arc<[i16]>) -> Option<f32> {
    let asked = samples.clone();
    let work = async move { listener.finished(samples).await };
    answers::once(Kind::TurnListener, || Key::default().samples(&asked), work).await
}
