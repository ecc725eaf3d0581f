//! What the agent says where no engine can speak: made while the engines still could.

use std::{fmt, sync::Arc};

use super::line::Line;
use crate::{
    audio::Hz,
    conversation::{EngineError, Sentence, SoundPiece, speaking::speakable},
    speech::{Said, Voices},
};

/// A phrase with its sound, kept for when there is no other. Cheap to clone.
#[derive(Clone)]
pub struct Apology {
    text: Arc<str>,
    pieces: Arc<[SoundPiece]>,
}

impl Apology {
    /// Has it said once, to nobody.
    ///
    /// # Errors
    /// That no engine says it.
    pub async fn make(text: &str, voices: &Voices, language: Option<Arc<str>>) -> Result<Apology, EngineError> {
        let text: Arc<str> = speakable(text).into();
        let mut saying = voices.say(Sentence { text: text.clone(), language });
        let mut pieces = Vec::new();
        while let Some(said) = saying.next().await {
            match said {
                Said::Piece(piece) => pieces.push(piece),
                Said::Restarts => pieces.clear(),
                Said::Failed(error) => return Err(error),
            }
        }
        Ok(Apology { text, pieces: pieces.into() })
    }

    /// A line of a reply, all of which is made.
    pub(super) fn line(&self, rate: Hz) -> Line {
        let mut line = Line::new(self.text.to_string(), rate);
        self.pieces.iter().for_each(|piece| line.take(piece.clone()));
        line.finish();
        line
    }
}

impl fmt::Debug for Apology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Apology({:?}, {} pieces)", self.text, self.pieces.len())
    }
}
