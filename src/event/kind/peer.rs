//! What happens to peers and to what they publish.

use serde::{Deserialize, Serialize};

use crate::event::{Changes, End, Metadata, Owner, Peer, PeerId, PeerState, Presence, Track, TrackId, metadata};

/// To a peer.
///
/// Order that holds for what an agent is told: `Joined`, then its tracks' `Added`, then its sound, then `Removed`, then
/// `Left`. A peer that was there before the agent is told in the same way, right after the agent joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum PeerEvent {
    /// A peer may now come in; `Joined` follows when it does.
    #[serde(rename = "peer.registered")]
    Registered {
        /// The peer that it is about.
        peer: Peer,
    },
    /// A peer came in. Its tracks follow as events of their own.
    #[serde(rename = "peer.joined")]
    Joined {
        /// The peer that it is about.
        peer: Peer,
        /// How it presents itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<PeerState>,
    },
    /// A peer left, or was lost.
    #[serde(rename = "peer.left")]
    Left {
        /// The peer that it is about.
        peer: Peer,
        /// Of its own will, or not.
        end: End,
    },
    /// A peer may no longer come in.
    #[serde(rename = "peer.removed")]
    Removed {
        /// The peer that it is about.
        peer: Peer,
    },
    /// What is said of a peer changed, or its kind became known.
    #[serde(rename = "peer.updated")]
    Updated {
        /// The peer as it is now known.
        peer: Peer,
        /// What of it.
        changes: Changes,
    },
    /// A peer may do something else now; its new role is in `peer`.
    #[serde(rename = "peer.role")]
    Role {
        /// The peer that it is about.
        peer: Peer,
        /// What it may do, in the platform's words.
        #[serde(default, deserialize_with = "metadata::of_value")]
        grants: Metadata,
    },
    /// A peer is, or is no longer, or is otherwise, on the room's channel.
    #[serde(rename = "peer.presence")]
    Presence {
        /// The peer that it is about.
        peer: Peer,
        /// What has changed about its presence.
        state: Presence,
        /// By which connection, where a peer has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
    },
}

/// To a track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum TrackEvent {
    /// It begins.
    #[serde(rename = "track.added")]
    Added {
        /// The peer, or the part of the room, that publishes it.
        owner: Owner,
        /// The track that it is about.
        track: Track,
    },
    /// What is said of it changed.
    #[serde(rename = "track.updated")]
    Updated {
        /// The peer, or the part of the room, that publishes it.
        owner: Owner,
        /// The track with its new metadata.
        track: Track,
    },
    /// It ended.
    #[serde(rename = "track.removed")]
    Removed {
        /// The peer, or the part of the room, that publishes it.
        owner: Owner,
        /// The track that it is about.
        track: Track,
    },
}

/// The platform's own detector heard a voice begin or end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename = "voice.activity")]
#[cfg_attr(test, schemars(transform = crate::event::Tagged("voice.activity")))]
pub struct VoiceActivity {
    /// The peer that it is about.
    pub peer: PeerId,
    /// On which track, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<TrackId>,
    /// Whether it began.
    pub speaking: bool,
}

impl PeerEvent {
    pub(super) fn name(&self) -> &'static str {
        match self {
            PeerEvent::Registered { .. } => "peer.registered",
            PeerEvent::Joined { .. } => "peer.joined",
            PeerEvent::Left { .. } => "peer.left",
            PeerEvent::Removed { .. } => "peer.removed",
            PeerEvent::Updated { .. } => "peer.updated",
            PeerEvent::Role { .. } => "peer.role",
            PeerEvent::Presence { .. } => "peer.presence",
        }
    }

    /// A peer came in, of whose state nothing is said.
    pub fn joined(peer: Peer) -> PeerEvent {
        PeerEvent::Joined { peer, state: None }
    }

    /// A peer left of its own will.
    pub fn left(peer: Peer) -> PeerEvent {
        PeerEvent::Left { peer, end: End::Normal }
    }

    /// Who it is about.
    pub fn peer(&self) -> &Peer {
        match self {
            PeerEvent::Registered { peer }
            | PeerEvent::Joined { peer, .. }
            | PeerEvent::Left { peer, .. }
            | PeerEvent::Removed { peer }
            | PeerEvent::Updated { peer, .. }
            | PeerEvent::Role { peer, .. }
            | PeerEvent::Presence { peer, .. } => peer,
        }
    }
}

impl TrackEvent {
    /// A peer's track begins.
    pub fn added(peer: &PeerId, track: Track) -> TrackEvent {
        TrackEvent::Added { owner: Owner::Peer(peer.clone()), track }
    }

    /// A peer's track ended.
    pub fn removed(peer: &PeerId, track: Track) -> TrackEvent {
        TrackEvent::Removed { owner: Owner::Peer(peer.clone()), track }
    }

    /// Whose track it is.
    pub fn owner(&self) -> &Owner {
        let (TrackEvent::Added { owner, .. } | TrackEvent::Updated { owner, .. } | TrackEvent::Removed { owner, .. }) =
            self;
        owner
    }

    /// Which track.
    pub fn track(&self) -> &Track {
        let (TrackEvent::Added { track, .. } | TrackEvent::Updated { track, .. } | TrackEvent::Removed { track, .. }) =
            self;
        track
    }
}
