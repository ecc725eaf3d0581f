//! What the less common events speak of: recordings and streams, layouts, songs, calls, and how things end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Metadata, Name, PeerId, metadata, seconds};

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// As it was meant to.
    Normal,
    /// With a code of the platform's.
    Coded {
        /// The code.
        code: i64,
        /// The platform's word for it.
        reason: String,
    },
    /// It crashed, or broke.
    Failed {
        /// The platform's word, where it gave one.
        reason: Option<String>,
    },
}

impl End {
    /// Whether it was not meant to end.
    pub fn is_failure(&self) -> bool {
        matches!(self, End::Failed { .. })
    }
}

/// What changed of something. Private, as what people say of themselves is among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Changes {
    /// The fields that changed, with their new values.
    Named(#[serde(deserialize_with = "metadata::of_value")] Metadata),
    /// All there is now: what is not in it is no longer said.
    Whole(#[serde(deserialize_with = "metadata::of_value")] Metadata),
}

/// What of a connection is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// That which carries messages. On platforms whose agents' sound comes on the same connection, the sound too.
    Signal,
    /// That which carries sound and pictures.
    Media,
}

/// Of which kind an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// The room is recorded.
    Recording,
    /// Something is played to the room.
    Playback,
    /// The room is streamed elsewhere, or something is streamed in.
    Stream,
}

/// A recording, a playback or a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Asset {
    /// Which kind.
    pub kind: AssetKind,
    /// Its id.
    pub id: String,
    /// The platform's word for its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it began, in seconds since 1970, by the platform's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_s: Option<f64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_s: Option<f64>,
    /// How long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_s: Option<f64>,
}

impl Asset {
    /// One of which nothing is known but its kind and id.
    pub fn new(kind: AssetKind, id: impl Into<String>) -> Asset {
        Asset {
            kind,
            id: id.into(),
            state: None,
            url: None,
            started_s: None,
            ended_s: None,
            duration_s: None,
            position_s: None,
        }
    }
}

/// One rectangle of a layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cell {
    /// Who is shown in it, if somebody is.
    pub member: Option<PeerId>,
    /// Its left edge, in percent of the canvas.
    pub x: f32,
    /// Its upper edge.
    pub y: f32,
    /// Its width.
    pub width: f32,
    /// Its height.
    pub height: f32,
    /// What lies above has the higher number.
    pub z: i32,
    /// The platform's name for it.
    pub position: String,
    /// Whether it is shown.
    pub visible: bool,
}

/// A song of a room's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Song {
    /// Its place in the queue.
    pub entry: String,
    /// What is played.
    pub media: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Where it is from, and its id there.
    pub source: Option<(String, String)>,
    /// How long it is.
    #[serde(rename = "length_s", with = "seconds")]
    #[cfg_attr(test, schemars(with = "f64"))]
    pub length: Duration,
    /// Who added it.
    pub added_by: Option<String>,
    /// Votes for it.
    pub up: u32,
    /// Votes against it.
    pub down: u32,
}

/// A vote on a song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// For it.
    Up,
    /// Against it.
    Down,
}

/// An offer or an answer of WebRTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sdp {
    /// The text. It holds addresses, so it is private.
    pub text: Name,
    /// Offer or answer, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// What is set up and torn down by offer and answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// A call, by its id.
    Call(String),
    /// A media session, by its id.
    Session(String),
}

/// How a peer's presence changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is there.
    Enter,
    /// It is gone.
    Leave,
    /// It says something new of itself.
    Update,
}

/// A device of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Device {
    /// Its id, where it is known.
    pub id: Option<String>,
    /// What it is called.
    pub label: Option<String>,
}

/// Which device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Takes pictures.
    Camera,
    /// Takes sound.
    Microphone,
    /// Gives sound.
    Speaker,
}
