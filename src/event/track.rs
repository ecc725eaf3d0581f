//! What peers publish.

use serde::{Deserialize, Serialize};

use super::{Metadata, PeerId, TrackId, metadata};

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Neither said.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A published track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Track {
    /// The track's id, unique in its room.
    pub id: TrackId,
    /// Sound or pictures.
    #[serde(default)]
    pub kind: TrackKind,
    /// What the publisher says of it.
    #[serde(default, deserialize_with = "metadata::of_value")]
    pub metadata: Metadata,
}

/// Whose a track is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A peer's.
    Peer(PeerId),
    /// A part of the room's that is no peer: a composition, an incoming stream. The name is the platform's; empty where
    /// it gives none.
    Component(String),
}

impl Owner {
    /// The peer, where it is one's.
    pub fn peer(&self) -> Option<&PeerId> {
        match self {
            Owner::Peer(peer) => Some(peer),
            Owner::Component(_) => None,
        }
    }
}

impl Track {
    /// A track of which nothing is known but its id and kind.
    pub fn new(id: TrackId, kind: TrackKind) -> Track {
        Track { id, kind, metadata: Metadata::default() }
    }
}
