//! What happens in a room, in our own words: one model, whatever platform the room is on.

mod id;
mod metadata;
mod roster;

use std::time::Duration;

use serde::Serialize;

pub use id::{PeerId, RoomId, TrackId};
pub use metadata::Metadata;
pub use roster::{Roster, RosterChange, Snapshot};

/// Who a peer is to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerKind {
    /// A person, by browser or app.
    Person,
    /// A program such as this one.
    Agent,
    /// A telephone-style voice bot that the platform hosts (Vapi).
    Vapi,
    /// Not known yet, or of a kind this version does not know. It counts as a person: nobody must be overheard for want
    /// of news.
    Unknown,
}

impl PeerKind {
    /// Whether it is a person, as far as that is known.
    pub fn is_person(self) -> bool {
        matches!(self, PeerKind::Person | PeerKind::Unknown)
    }
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Neither said.
    Unknown,
}

/// A track that a peer publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Track {
    /// The track's id, unique in its room.
    pub id: TrackId,
    /// Sound or pictures.
    pub kind: TrackKind,
    /// What the publisher says of it.
    pub metadata: Metadata,
}

/// A peer that is in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The peer's id.
    pub id: PeerId,
    /// Person or program.
    pub kind: PeerKind,
    /// What is said of the peer.
    pub metadata: Metadata,
    /// What it publishes, in the order in which it came.
    pub tracks: Vec<Track>,
}

impl Peer {
    /// A peer of which nothing is known but its id and kind.
    pub fn new(id: PeerId, kind: PeerKind) -> Peer {
        Peer { id, kind, metadata: Metadata::default(), tracks: Vec::new() }
    }

    /// The track `id`, if the peer publishes it.
    pub fn track(&self, id: &TrackId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == *id)
    }
}

/// What happened to a part of the room that is no peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "component")]
#[non_exhaustive]
pub enum ComponentNews {
    /// It publishes a track.
    TrackAdded {
        /// Which.
        track: Track,
    },
    /// What is said of its track changed.
    TrackUpdated {
        /// The track with its new metadata.
        track: Track,
    },
    /// Its track ended.
    TrackRemoved {
        /// Which.
        track: TrackId,
    },
    /// It crashed. Of servers before 2025, as what follows.
    Crashed {
        /// Its id.
        id: String,
    },
    /// An HLS stream can be played.
    HlsPlayable {
        /// Its id.
        id: String,
    },
    /// An HLS stream was stored, or could not be.
    HlsUploaded {
        /// Whether it was.
        stored: bool,
    },
}

/// Something that happened in the agent's room.
///
/// Order that holds for every peer: `PeerJoined`, then its `TrackAdded`s, then its sound, then `TrackRemoved`, then
/// `PeerLeft`. A peer that was there before the agent is told in the same way, right after the agent joined.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum RoomEvent {
    /// A peer came in. Its tracks follow as events of their own.
    PeerJoined {
        /// Who; `tracks` is empty.
        peer: Peer,
    },
    /// What is said of a peer changed, or its kind became known.
    PeerUpdated {
        /// Whose.
        peer: PeerId,
        /// Person or program, as it is known now.
        kind: PeerKind,
        /// All of the new metadata.
        metadata: Metadata,
    },
    /// A peer left, or was lost.
    PeerLeft {
        /// Who.
        peer: PeerId,
        /// The platform's word, where the peer crashed.
        crash: Option<String>,
    },
    /// A peer publishes a new track.
    TrackAdded {
        /// Whose.
        peer: PeerId,
        /// Which.
        track: Track,
    },
    /// What is said of a track changed.
    TrackUpdated {
        /// Whose.
        peer: PeerId,
        /// The track with its new metadata.
        track: Track,
    },
    /// A track ended.
    TrackRemoved {
        /// Whose.
        peer: PeerId,
        /// Which.
        track: TrackId,
    },
    /// The platform's own detector heard a voice start or stop.
    VoiceActivity {
        /// Who.
        peer: PeerId,
        /// On which track.
        track: TrackId,
        /// Whether the voice started.
        speaking: bool,
    },
    /// The link to the room broke. Sound is lost until `LinkRestored`.
    LinkLost {
        /// What is known of the cause.
        reason: String,
    },
    /// The link is back; the agent's voice has a new track.
    LinkRestored {
        /// How long it was away.
        after: Duration,
    },
    /// A peer may now come in; `PeerJoined` follows when it does.
    PeerExpected {
        /// Who.
        peer: PeerId,
        /// Person or program.
        kind: PeerKind,
    },
    /// A peer may no longer come in.
    PeerDismissed {
        /// Who.
        peer: PeerId,
        /// Person or program.
        kind: PeerKind,
    },
    /// A data channel opened or closed.
    Channel {
        /// Whose, where it is a peer's.
        peer: Option<PeerId>,
        /// Which.
        channel: String,
        /// Whether it opened.
        open: bool,
    },
    /// A peer's tracks are forwarded to a composition, or no longer are.
    Forwarding {
        /// Whose.
        peer: PeerId,
        /// Where the composition is.
        composition_url: String,
        /// Its input.
        input: String,
        /// Whether it began.
        begun: bool,
    },
    /// Something of the room that belongs to no peer.
    Component {
        /// What happened.
        news: ComponentNews,
    },
    /// The agent's host is going to end: the agent may finish what it is doing and return. It is told to leave at the
    /// latest when this time has passed.
    Draining {
        /// How long it may go on.
        within: Duration,
    },
    /// The room has ended for everyone; the agent's inbox ends after this.
    RoomEnded {
        /// Deleted by its owner, or crashed.
        crashed: bool,
    },
}
