//! What an engine that says text aloud implements.
//!
//! An engine is given a sentence at a time, and gives sound as it makes it, with the times of words where it knows them. Queues,
//! deadlines, fallbacks, pacing and what was heard are the runtime's; see [`speech::Voices`](crate::speech::Voices).
//!
//! ```
//! use async_trait::async_trait;
//! use roomtone::{
//!     audio::Hz,
//!     conversation::{About, EngineError, Languages, Sentence, SoundSink, TextToSpeech, sound_channel},
//! };
//!
//! /// A beep for each word.
//! struct Beeper;
//!
//! #[async_trait]
//! impl TextToSpeech for Beeper {
//!     fn about(&self) -> About {
//!         About { name: "beeper".into(), languages: Languages::Any }
//!     }
//!
//!     async fn say(&self, sentence: &Sentence, sound: &mut SoundSink) -> Result<(), EngineError> {
//!         for _ in sentence.text.split_whitespace() {
//!             sound.push(Hz::K16, vec![1_000; 1_600]).await?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let (mut sink, mut sound) = sound_channel();
//! Beeper.say(&Sentence::new("Good morning."), &mut sink).await?;
//! assert!(sound.try_recv().is_ok());
//! # Ok::<(), EngineError>(())
//! # }).unwrap();
//! ```

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{About, EngineError, Word};
use crate::audio::Hz;

/// An engine. One serves all sessions of a process.
#[async_trait]
pub trait TextToSpeech: Send + Sync + 'static {
    /// What it is. Asked once.
    fn about(&self) -> About;

    /// How many sentences it works on at a time; more wait.
    fn most_at_once(&self) -> usize {
        1
    }

    /// Says a sentence. The future is dropped when nobody wants to hear it any more, and when it is late.
    ///
    /// # Errors
    /// [`EngineError::Failed`] or [`EngineError::Broken`]; the next engine then says the sentence from its beginning.
    async fn say(&self, sentence: &Sentence, sound: &mut SoundSink) -> Result<(), EngineError>;
}

/// What is to be said.
#[derive(Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The text, without markup; no line breaks, no control characters.
    pub text: Arc<str>,
    /// The language, where the deploy names one.
    pub language: Option<Arc<str>>,
}

impl Sentence {
    /// A sentence in whatever language the engine takes it for.
    pub fn new(text: &str) -> Sentence {
        Sentence { text: text.into(), language: None }
    }
}

impl fmt::Debug for Sentence {
    /// What is said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sentence({} bytes)", self.text.len())
    }
}

/// Some of what an engine made.
#[derive(Debug, Clone, PartialEq)]
pub enum SoundPiece {
    /// Samples behind those before, mono.
    Sound {
        /// Their rate, the same throughout a sentence.
        rate: Hz,
        /// The samples.
        samples: Vec<i16>,
    },
    /// When a word is said, since the sentence's first sample. An engine gives all of the text's words, parted by spaces, in
    /// their order, or none.
    Word(Word),
}

/// Where an engine puts what it makes. It waits while nobody takes it.
#[derive(Debug)]
pub struct SoundSink(mpsc::Sender<SoundPiece>);

/// A sink, and the end at which its sound comes out.
pub fn sound_channel() -> (SoundSink, mpsc::Receiver<SoundPiece>) {
    let (sender, receiver) = mpsc::channel(PIECES);
    (SoundSink(sender), receiver)
}

impl SoundSink {
    /// Gives samples.
    ///
    /// # Errors
    /// Nobody listens any more: the engine may stop.
    pub async fn push(&mut self, rate: Hz, samples: Vec<i16>) -> Result<(), EngineError> {
        self.send(SoundPiece::Sound { rate, samples }).await
    }

    /// Says when a word is said.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn word(&mut self, word: Word) -> Result<(), EngineError> {
        self.send(SoundPiece::Word(word)).await
    }

    async fn send(&mut self, piece: SoundPiece) -> Result<(), EngineError> {
        self.0.send(piece).await.map_err(|_| EngineError::Shed)
    }
}

/// Pieces that wait to be taken.
const PIECES: usize = 64;
