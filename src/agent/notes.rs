//! What an agent writes down: transcripts, decisions, whatever is for people or programs rather than for the room.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{action::PendingAction, camera::Capture};
use crate::event::PeerId;

/// A line that an agent wrote.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Whose words these are, where they are somebody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<PeerId>,
    /// When what it says was heard, on the clock of the agent's frames, where that is known.
    #[serde(rename = "heard_s", skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub heard: Option<Duration>,
    /// The line.
    pub text: String,
    /// Whether another note is going to stand in its place: live captions, not for the record. Sinks leave it out unless
    /// they are told otherwise.
    #[serde(rename = "interim", skip_serializing_if = "std::ops::Not::not")]
    pub is_interim: bool,
    /// The same for programs, under a name that says what it is, as in `{"caption": {…}}`.
    #[serde(flatten)]
    pub data: Map<String, Value>,
}

impl fmt::Debug for Note {
    /// What people said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({} bytes)", self.text.len())
    }
}

/// Takes notes. They become events of the agent's session, and go where its host sends them. Cheap to clone.
///
/// ```
/// # use roomtone::agent::{Agent, AgentError, Input, Room};
/// # struct Scribe;
/// # #[async_trait::async_trait]
/// # impl Agent for Scribe {
/// async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
///     while let Some(input) = room.next().await {
///         if let Input::Gap(gap) = input {
///             room.notes.write(format!("{} was silent", gap.source.peer));
///         }
///     }
///     Ok(())
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Notes(mpsc::Sender<Request>);

/// What an agent asks its driver for.
#[derive(Debug)]
pub(crate) enum Request {
    Capture(Capture),
    Note(Note),
    Act(PendingAction),
}

impl Notes {
    pub(super) fn new(requests: mpsc::Sender<Request>) -> Notes {
        Notes(requests)
    }

    /// Writes a line. Says whether it was taken: of more than 64 that were not fetched yet, none is.
    pub fn write(&self, text: impl Into<String>) -> bool {
        self.post(Note { text: text.into(), ..Note::default() })
    }

    /// Writes what somebody said, and when.
    pub fn write_said(&self, speaker: &PeerId, heard: Duration, text: impl Into<String>) -> bool {
        self.post(Note { speaker: Some(speaker.clone()), heard: Some(heard), text: text.into(), ..Note::default() })
    }

    /// Writes a note of any kind.
    pub fn post(&self, note: Note) -> bool {
        // What is going to be replaced leaves room for what is not.
        if note.is_interim && self.0.capacity() < self.0.max_capacity() / 2 {
            return false;
        }
        let taken = self.0.try_send(Request::Note(note)).is_ok();
        if !taken {
            tracing::warn!("a note was lost: more were written at once than can wait");
        }
        taken
    }
}

fn seconds<S: serde::Serializer>(at: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&at.map(|at| (at.as_secs_f64() * 1e3).round() / 1e3))
}
