//! What happens to our connection, and to a room as a whole.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Asset, Changes, End, Member, Metadata, PeerId, Plane, metadata, optional_seconds};

/// To our own connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum LinkEvent {
    /// It is up. After a break, what was missed is told by the roster.
    #[serde(rename = "link.up")]
    Up {
        /// Messages, or sound.
        plane: Plane,
        /// Who we are to the platform, where it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        me: Option<PeerId>,
        /// How long it was away, if it was up before.
        #[serde(rename = "after_s", default, skip_serializing_if = "Option::is_none", with = "optional_seconds")]
        #[cfg_attr(test, schemars(with = "Option<f64>"))]
        after: Option<Duration>,
    },
    /// It broke. Sound is lost until it is up again.
    #[serde(rename = "link.down")]
    Down {
        /// Messages, or sound.
        plane: Plane,
        /// What is known of the cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is being mended.
    #[serde(rename = "link.retrying")]
    Retrying {
        /// Messages, or sound.
        plane: Plane,
    },
}

/// To a room, or to our own seat in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum RoomEvent {
    /// There is a new room.
    #[serde(rename = "room.opened")]
    Opened {
        /// What is said of it.
        #[serde(default, deserialize_with = "metadata::of_value")]
        info: Metadata,
    },
    /// The room is over for everyone.
    #[serde(rename = "room.closed")]
    Closed {
        /// Deleted, or crashed.
        end: End,
    },
    /// What is said of the room changed.
    #[serde(rename = "room.updated")]
    Updated {
        /// What of it.
        changes: Changes,
    },
    /// We are in the room.
    #[serde(rename = "room.entered")]
    Entered {
        /// As whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        me: Option<PeerId>,
        /// What is said of the room.
        #[serde(default, deserialize_with = "metadata::of_value")]
        info: Metadata,
        /// Who else is there, where that is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roster: Option<Vec<Member>>,
        /// What is running there.
        #[serde(default)]
        running: Vec<Asset>,
    },
    /// We are no longer in the room.
    #[serde(rename = "room.exited")]
    Exited {
        /// Why.
        end: End,
    },
    /// Everyone who is in the room.
    #[serde(rename = "room.roster")]
    Roster {
        /// Them.
        peers: Vec<Member>,
    },
    /// How many look and listen.
    #[serde(rename = "room.audience")]
    Audience {
        /// All of them.
        total: u64,
    },
}

impl RoomEvent {
    pub(super) fn name(&self) -> &'static str {
        match self {
            RoomEvent::Opened { .. } => "room.opened",
            RoomEvent::Closed { .. } => "room.closed",
            RoomEvent::Updated { .. } => "room.updated",
            RoomEvent::Entered { .. } => "room.entered",
            RoomEvent::Exited { .. } => "room.exited",
            RoomEvent::Roster { .. } => "room.roster",
            RoomEvent::Audience { .. } => "room.audience",
        }
    }
}
