//! Who is in a room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Metadata, PeerId, Track, TrackId, metadata};

/// Who a peer is to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PeerKind {
    /// A person, by browser or app.
    Person,
    /// A program such as this one.
    Agent,
    /// A telephone-style voice bot that the platform hosts (Vapi).
    Vapi,
    /// Not known yet, or of a kind this version does not know. It counts as a person: nobody must be overheard for want
    /// of a notification.
    #[default]
    #[serde(other)]
    Unknown,
}

impl PeerKind {
    /// Whether it is a person, as far as that is known.
    pub fn is_person(self) -> bool {
        matches!(self, PeerKind::Person | PeerKind::Unknown)
    }
}

/// What a peer may do in the room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes part.
    #[default]
    Member,
    /// Looks and listens.
    Audience,
    /// Sends sound or pictures, and gets none.
    Publisher,
    /// Gets what one peer, or everyone, sends.
    Listener {
        /// Whom it listens to, where that is said.
        of: Option<PeerId>,
    },
    /// Watches a stream.
    Viewer,
    /// What a platform calls it.
    Named(Arc<str>),
}

/// A peer of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Peer {
    /// The peer's id.
    pub id: PeerId,
    /// Person or program.
    #[serde(default)]
    pub kind: PeerKind,
    /// What it may do.
    #[serde(default, skip_serializing_if = "is_member")]
    pub role: Role,
    /// The user's id, on platforms where a user may be several peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
    /// The name that is shown; private, as metadata is.
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    pub name: Name,
    /// What is said of the peer.
    #[serde(default, deserialize_with = "metadata::of_value")]
    pub metadata: Metadata,
    /// What it publishes, in the order in which it came. Empty in events, where tracks have events of their own.
    #[serde(default)]
    pub tracks: Vec<Track>,
}

impl Peer {
    /// What people call it: the name that the platform tells, or the one in the metadata, where clients of a Fishjam put it.
    pub fn display_name(&self) -> Option<String> {
        if !self.name.is_empty() {
            return Some(self.name.as_str().to_owned());
        }
        let metadata = self.metadata.json();
        let places = [metadata, &metadata["peer"], &metadata["server"]];
        let names = places.into_iter().flat_map(|place| NAME_KEYS.map(|key| &place[key]));
        names.filter_map(Value::as_str).map(str::trim).find(|name| !name.is_empty()).map(str::to_owned)
    }

    /// A peer of which nothing is known but its id and kind.
    pub fn new(id: PeerId, kind: PeerKind) -> Peer {
        Peer {
            id,
            kind,
            role: Role::Member,
            user: None,
            name: Name::default(),
            metadata: Metadata::default(),
            tracks: Vec::new(),
        }
    }

    /// The track `id`, if the peer publishes it.
    pub fn track(&self, id: &TrackId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == *id)
    }

    /// The peer as events speak of it.
    pub(super) fn without_tracks(&self) -> Peer {
        Peer { tracks: Vec::new(), ..self.clone() }
    }
}

fn is_member(role: &Role) -> bool {
    *role == Role::Member
}

/// Text that names or quotes a person: `Debug` prints a mark in its place, so that it cannot slip into a log.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Name(Option<Arc<str>>);

impl Name {
    /// The text; empty where there is none.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name((!text.is_empty()).then(|| text.into()))
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "[private]" })
    }
}

/// How a peer presents itself, as far as the platform tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PeerState {
    /// Sends no sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_muted: Option<bool>,
    /// Sends no pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_muted: Option<bool>,
    /// Hears nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deaf: Option<bool>,
    /// Is shown in the room's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible: Option<bool>,
    /// Asks to speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand_raised: Option<bool>,
}

/// A peer and how it presents itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Member {
    /// The peer that it is about.
    pub peer: Peer,
    /// How, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PeerState>,
}
/// Under which a name stands in metadata.
const NAME_KEYS: [&str; 5] = ["displayName", "display_name", "name", "userName", "username"];
