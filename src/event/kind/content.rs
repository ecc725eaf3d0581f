//! What happens to what a room shows, records, plays and writes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Asset, Cell, Name, Peer, PeerId, Song, Vote, optional_seconds};

/// The room is shown in another way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename = "layout.changed")]
#[cfg_attr(test, schemars(transform = crate::event::Tagged("layout.changed")))]
pub struct LayoutChanged {
    /// The layout's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Where who is shown.
    pub cells: Vec<Cell>,
}

/// To a recording, a playback or a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum MediaEvent {
    /// It runs.
    #[serde(rename = "media.started")]
    Started(Box<Asset>),
    /// It is in another state.
    #[serde(rename = "media.updated")]
    Updated(Box<Asset>),
    /// It is over.
    #[serde(rename = "media.ended")]
    Ended(Box<Asset>),
}

/// In the room's chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum ChatEvent {
    /// Somebody wrote something.
    #[serde(rename = "chat.said")]
    Said {
        /// The message's id.
        id: String,
        /// Who wrote it.
        author: Box<Peer>,
        /// What; private.
        text: Name,
    },
    /// A message is gone.
    #[serde(rename = "chat.deleted")]
    Deleted {
        /// Its id, as the platform gives it.
        id: String,
        /// Who took it away.
        by: Option<PeerId>,
    },
    /// Somebody wrote to us alone.
    #[serde(rename = "chat.direct")]
    Direct {
        /// In which conversation.
        conversation: String,
        /// The user who wrote.
        from: PeerId,
    },
}

/// To the room's queue of songs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum QueueEvent {
    /// This is played now.
    #[serde(rename = "queue.current")]
    Current {
        /// The song and what it stands at.
        song: Box<Song>,
        /// How far it is.
        #[serde(rename = "elapsed_s", default, skip_serializing_if = "Option::is_none", with = "optional_seconds")]
        #[cfg_attr(test, schemars(with = "Option<f64>"))]
        elapsed: Option<Duration>,
    },
    /// Somebody voted on it.
    #[serde(rename = "queue.voted")]
    Voted {
        /// On what.
        song: Box<Song>,
        /// The user who did so.
        by: PeerId,
        /// For it, or against it.
        vote: Vote,
    },
}
