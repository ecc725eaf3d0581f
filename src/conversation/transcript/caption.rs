//! What somebody said, so far or for good.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    agent::Note,
    conversation::{
        Word,
        listening::{Utterance, UtteranceId},
        turn::Covers,
    },
    event::{PeerId, TrackId, seconds},
};

/// The words of one utterance. Partial ones follow each other under the same number, the newest replaces the one before;
/// one that is not partial comes last.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Caption {
    /// The utterance's number, unique within a session.
    pub utterance: UtteranceId,
    /// Who speaks.
    pub speaker: PeerId,
    /// What the speaker is called, where the room knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// On which track.
    pub track: TrackId,
    /// When the speech began, on the clock of the agent's frames.
    #[serde(rename = "begin_s", with = "seconds")]
    pub begins: Duration,
    /// When it ended, or how far it is understood so far.
    #[serde(rename = "end_s", with = "seconds")]
    pub ends: Duration,
    /// What the text is worth.
    #[serde(flatten)]
    pub quality: Quality,
    /// How much of what was said the text covers: a partial one may cover all up to a pause, and stands if that is the end.
    #[serde(skip)]
    pub covers: Covers,
    /// How probable it is that a sentence ends with the last word, where the engine knows.
    #[serde(skip)]
    pub sentence_end: Option<f32>,
    /// How sure the engine is of the text, where it knows: see [`Transcription::confidence`](crate::conversation::Transcription).
    #[serde(skip)]
    pub confidence: Option<f32>,
    /// The text; empty where nothing was understood.
    pub text: String,
    /// The words with their times, where the engine knows them, on the same clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// The engine that understood it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Arc<str>>,
    /// How much sound within is missing.
    #[serde(rename = "missing_s", default, skip_serializing_if = "Duration::is_zero", with = "seconds")]
    pub missing: Duration,
    /// Whether the utterance was cut because it grew too long, so that the next one goes on where this ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
}

/// What a caption's text is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status", content = "why")]
pub enum Quality {
    /// It goes on.
    Partial,
    /// It is over, and this is what was said.
    Final,
    /// It is over, and was not understood to its end: this is what had been understood by then.
    StoodIn(Lost),
    /// It is over, and was not understood.
    Lost(Lost),
}

/// Why an utterance was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// No engine answered in time.
    Late,
    /// No engine could do it.
    Failed,
    /// More waited than could be done in time.
    Full,
    /// It broke off within a word, of which an engine made what cannot have been said: the speaker has left, or was cut off.
    BrokenOff,
}

impl Caption {
    /// An empty one for an utterance.
    pub fn of(utterance: &Utterance, quality: Quality) -> Caption {
        let missing: usize = utterance.gaps.iter().map(|(_, samples)| samples).sum();
        Caption {
            utterance: utterance.id,
            speaker: utterance.source.peer.clone(),
            name: None,
            track: utterance.source.track.clone(),
            begins: utterance.speech_began(),
            ends: utterance.speech_ended(),
            quality,
            covers: match quality {
                Quality::Partial => Covers::Beginning,
                Quality::Final => Covers::All,
                Quality::StoodIn(_) | Quality::Lost(_) => Covers::StoodIn,
            },
            sentence_end: None,
            confidence: None,
            text: String::new(),
            words: Vec::new(),
            engine: None,
            missing: crate::conversation::Spoken::RATE.duration_of(missing as u64),
            continues: utterance.end == crate::conversation::listening::End::Cut,
        }
    }

    /// What a caption is called in a note's data.
    pub const NAME: &str = "caption";

    /// The note that tells it.
    pub fn note(&self) -> Note {
        let caption = serde_json::to_value(self).expect("a caption is plain");
        Note {
            speaker: Some(self.speaker.clone()),
            heard: Some(self.begins),
            text: self.text.clone(),
            is_interim: self.is_partial(),
            data: [(Caption::NAME.to_owned(), caption)].into_iter().collect(),
        }
    }

    /// The caption that a note tells, if it does.
    pub fn of_note(note: &Note) -> Option<Caption> {
        Caption::deserialize(note.data.get(Caption::NAME)?).ok()
    }

    /// Whether more of the same utterance follows.
    pub fn is_partial(&self) -> bool {
        self.quality == Quality::Partial
    }

    /// Whether this is what was said, and not only as far as it was understood.
    pub fn is_final(&self) -> bool {
        self.quality == Quality::Final
    }

    /// What the speaker is called, or else its id.
    pub fn who(&self) -> &str {
        self.name.as_deref().unwrap_or(self.speaker.as_str())
    }
}

impl fmt::Debug for Caption {
    /// What was said, and who is called what, stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Caption { utterance, speaker, quality, text, .. } = self;
        write!(f, "Caption({} of {speaker}, {quality:?}, {} bytes)", utterance.0, text.len())
    }
}
