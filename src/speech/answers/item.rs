//! What an engine may answer, whichever kind it is, and how that is written down.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    audio::Hz,
    conversation::{EngineError, Nonsense, SoundPiece, Transcription, Word},
    speech::{Answer, AskedEngine, Said},
};

/// One answer, or a piece of one.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::speech) enum Item {
    /// What was understood, and by which engine.
    Heard(Box<Heard>),
    /// Sound. In a file it is the place of that in another.
    Sound {
        rate: Hz,
        at: u64,
        count: usize,
        #[serde(skip)]
        samples: Vec<i16>,
    },
    /// When a word is said.
    Word(TimedWord),
    /// The sentence is said from its beginning.
    Restarts,
    /// Some of a reply.
    Text(String),
    /// How probable it is that somebody has finished.
    Finished(Option<f32>),
    /// Nothing more comes, or only this error.
    Over(Option<EngineError>),
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::speech) struct Heard {
    engine: String,
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<TimedWord>,
    confidence: Option<f32>,
    sentence_end: Option<f32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_tentative: bool,
    nonsense: Option<Nonsense>,
    queued: Duration,
    took: Duration,
}

/// A word whose times are exact: in a transcript they are rounded.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::speech) struct TimedWord {
    text: String,
    begins: Duration,
    ends: Duration,
}

impl From<Word> for TimedWord {
    fn from(Word { text, begins, ends }: Word) -> TimedWord {
        TimedWord { text, begins, ends }
    }
}

impl From<TimedWord> for Word {
    fn from(TimedWord { text, begins, ends }: TimedWord) -> Word {
        Word { text, begins, ends }
    }
}

/// Something that an engine answers.
pub(in crate::speech) trait Recorded: Sized {
    fn into_item(self) -> Item;

    /// Of an item that another kind of engine gives it makes what stands for a failure.
    fn from_item(item: Item) -> Self;
}

impl Recorded for Result<(Answer, AskedEngine), EngineError> {
    fn into_item(self) -> Item {
        match self {
            Ok((Answer { heard, nonsense, queued, took }, engine)) => Item::Heard(Box::new(Heard {
                engine: engine.name.to_string(),
                text: heard.text,
                words: heard.words.into_iter().map(TimedWord::from).collect(),
                confidence: heard.confidence,
                sentence_end: heard.sentence_end,
                is_tentative: heard.is_tentative,
                nonsense,
                queued,
                took,
            })),
            Err(error) => Item::Over(Some(error)),
        }
    }

    fn from_item(item: Item) -> Self {
        let heard = match item {
            Item::Heard(heard) => *heard,
            item => return Err(error_of(item)),
        };
        let transcription = Transcription {
            text: heard.text,
            words: heard.words.into_iter().map(Word::from).collect(),
            confidence: heard.confidence,
            sentence_end: heard.sentence_end,
            is_tentative: heard.is_tentative,
        };
        let Heard { engine, nonsense, queued, took, .. } = Heard { text: String::new(), words: Vec::new(), ..heard };
        Ok((Answer { heard: transcription, nonsense, queued, took }, AskedEngine::named(engine.as_str().into())))
    }
}

impl Recorded for Said {
    fn into_item(self) -> Item {
        match self {
            Said::Piece(SoundPiece::Sound { rate, samples }) => {
                Item::Sound { rate, at: 0, count: samples.len(), samples }
            }
            Said::Piece(SoundPiece::Word(word)) => Item::Word(word.into()),
            Said::Restarts => Item::Restarts,
            Said::Failed(error) => Item::Over(Some(error)),
        }
    }

    fn from_item(item: Item) -> Said {
        match item {
            Item::Sound { rate, samples, .. } => Said::Piece(SoundPiece::Sound { rate, samples }),
            Item::Word(word) => Said::Piece(SoundPiece::Word(word.into())),
            Item::Restarts => Said::Restarts,
            item => Said::Failed(error_of(item)),
        }
    }
}

impl Recorded for String {
    fn into_item(self) -> Item {
        Item::Text(self)
    }

    fn from_item(item: Item) -> String {
        match item {
            Item::Text(text) => text,
            _ => String::new(),
        }
    }
}

impl Recorded for Option<f32> {
    fn into_item(self) -> Item {
        Item::Finished(self)
    }

    fn from_item(item: Item) -> Option<f32> {
        match item {
            Item::Finished(finished) => finished,
            _ => None,
        }
    }
}

fn error_of(item: Item) -> EngineError {
    match item {
        Item::Over(Some(error)) => error,
        _ => EngineError::Failed("the recording has an answer of another kind here".into()),
    }
}
