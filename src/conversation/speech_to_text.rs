//! What an engine that turns speech into text implements.
//!
//! An engine sees whole utterances: what one person said, from before the first sound to the pause behind it, or the
//! beginning of it while the person still speaks. That suits every kind of model, and an utterance can be given to another
//! engine, or to the same one started anew, when one fails in the middle. Streams, partial results, deadlines, queues and
//! fallbacks are the runtime's; see [`speech::Transcriber`](crate::speech::Transcriber).
//!
//! ```
//! use roomtone::conversation::{About, EngineError, Languages, Spoken, SpeechToText, SpeechWorker, Transcription};
//!
//! /// Says how long somebody spoke.
//! struct Stopwatch;
//!
//! impl SpeechToText for Stopwatch {
//!     fn about(&self) -> About {
//!         About { name: "stopwatch".into(), languages: Languages::Any }
//!     }
//!
//!     fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
//!         Ok(Box::new(Stopwatch))
//!     }
//! }
//!
//! impl SpeechWorker for Stopwatch {
//!     fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
//!         Ok(Transcription::of(format!("{:.1} seconds", speech.duration().as_secs_f64())))
//!     }
//! }
//!
//! # fn main() -> Result<(), EngineError> {
//! let samples = [0; 24_000];
//! assert_eq!(Stopwatch.worker()?.transcribe(&Spoken::whole(&samples))?.text, "1.5 seconds");
//! # Ok(())
//! # }
//! ```

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::audio::Hz;

/// An engine. One serves all sessions of a process.
pub trait SpeechToText: Send + Sync + 'static {
    /// What it is. Asked once.
    fn about(&self) -> About;

    /// Loads or starts what one thread works with. Called on that thread, which it may block for as long as loading takes,
    /// and again after an [`EngineError::Broken`].
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] with what is missing and what to do.
    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError>;
}

/// What one thread works with: a loaded model, a running program, a client.
pub trait SpeechWorker {
    /// The words of an utterance, or of its beginning. May block until [`Spoken::deadline`]; whoever asked does not wait
    /// for longer. Silence and noise give an empty text.
    ///
    /// # Errors
    /// [`EngineError::Failed`] where this utterance could not be done, [`EngineError::Broken`] where the worker is of no
    /// use any more and another is to be made.
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError>;
}

/// What an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What it is called in logs and metrics.
    pub name: Arc<str>,
    /// What it understands.
    pub languages: Languages,
}

/// The languages that an engine understands, as two letters of ISO 639-1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Languages {
    /// Those.
    These(Vec<String>),
    /// It is not known, or all.
    Any,
}

impl Languages {
    /// English alone.
    pub fn english() -> Languages {
        Languages::These(vec!["en".to_owned()])
    }

    /// Whether `language`, which may name a region as `en-GB` does, is one of them.
    pub fn include(&self, language: &str) -> bool {
        let base = language.split(['-', '_']).next().unwrap_or(language);
        match self {
            Languages::Any => true,
            Languages::These(known) => known.iter().any(|known| known.eq_ignore_ascii_case(base)),
        }
    }
}

impl fmt::Display for Languages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Languages::Any => f.write_str("any"),
            Languages::These(known) => f.write_str(&known.join(", ")),
        }
    }
}

/// Some speech of one person.
#[derive(Clone, Copy)]
pub struct Spoken<'a> {
    /// The samples, mono, at [`Spoken::RATE`].
    pub samples: &'a [i16],
    /// Whether the utterance is over. If not, more is going to follow, and the words are going to be asked for again.
    pub is_final: bool,
    /// The language, where the deploy names one.
    pub language: Option<&'a str>,
    /// When nobody waits for the answer any more.
    pub deadline: Instant,
    /// Whether other utterances wait for the same engine: what could be done better in more time is then done well enough.
    pub others_wait: bool,
}

impl<'a> Spoken<'a> {
    /// The rate of all speech that engines are given.
    pub const RATE: Hz = Hz::K16;

    /// A whole utterance, with a minute's time.
    pub fn whole(samples: &'a [i16]) -> Spoken<'a> {
        let deadline = Instant::now() + Duration::from_secs(60);
        Spoken { samples, is_final: true, language: None, deadline, others_wait: false }
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        Spoken::RATE.duration_of(self.samples.len() as u64)
    }

    /// How much time is left.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl fmt::Debug for Spoken<'_> {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spoken({:?}, final: {})", self.duration(), self.is_final)
    }
}

/// What an engine understood.
#[derive(Clone, Default, PartialEq)]
pub struct Transcription {
    /// The words, with whatever punctuation the engine sets.
    pub text: String,
    /// When each was said, where the engine knows.
    pub words: Vec<Word>,
    /// The mean logarithm of the probability of what was chosen, where the engine knows: 0 is certain, below -1 a guess.
    pub confidence: Option<f32>,
    /// How probable it is that a sentence ends with the last word, from 0 to 1, where the engine knows.
    pub sentence_end: Option<f32>,
    /// The engine came to no end with so little. It helps to decide whose turn it is, and never stands for what was said; captions
    /// are made of it for those who answer alone.
    pub is_tentative: bool,
}

impl Transcription {
    /// A text of which nothing else is known.
    pub fn of(text: impl Into<String>) -> Transcription {
        Transcription { text: text.into(), ..Transcription::default() }
    }

    /// The same, as far as it can be so of speech that lasts so long: with times that lie elsewhere no word has one, and a
    /// confidence that can be no logarithm of a probability is none.
    pub fn within(self, lasts: Duration) -> Transcription {
        let fits = |word: &Word| word.begins <= word.ends && word.ends <= lasts + SLACK;
        let words = if self.words.iter().all(fits) { self.words } else { Vec::new() };
        let held = |word: Word| Word { begins: word.begins.min(lasts), ends: word.ends.min(lasts), ..word };
        let confidence = self.confidence.filter(|confidence| confidence.is_finite() && *confidence <= 0.0);
        let sentence_end = self.sentence_end.filter(|share| (0.0..=1.0).contains(share));
        Transcription { words: words.into_iter().map(held).collect(), confidence, sentence_end, ..self }
    }
}

/// Engines count in blocks.
const SLACK: Duration = Duration::from_millis(500);

impl fmt::Debug for Transcription {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transcription({} bytes, confidence: {:?})", self.text.len(), self.confidence)
    }
}

/// A word with its time.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word.
    pub text: String,
    /// When it begins: in an engine's answer since the speech began, in a caption on the clock of the agent's frames.
    #[serde(rename = "begin_s", with = "crate::event::seconds")]
    pub begins: Duration,
    /// When it ends, on the same clock.
    #[serde(rename = "end_s", with = "crate::event::seconds")]
    pub ends: Duration,
}

impl fmt::Debug for Word {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({:?} to {:?})", self.begins, self.ends)
    }
}

/// Why there are no words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineError {
    /// The engine cannot be used as it is: what is missing, and what to do.
    #[error("{0}")]
    Unavailable(String),
    /// This utterance could not be done.
    #[error("{0}")]
    Failed(String),
    /// What one thread worked with is of no use any more.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("no answer within its time")]
    Late,
    /// More waits than can be done in time.
    #[error("too much is waiting")]
    Full,
    /// A partial result that gave way to something more urgent.
    #[error("left out for something more urgent")]
    Shed,
}
