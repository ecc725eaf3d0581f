//! Livestreams, recordings, compositions, and media over QUIC.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Status;
use crate::event::{PeerId, TrackId};

/// A composition that a room's tracks are forwarded to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompositionInfo {
    /// The composition's URL.
    pub composition_url: String,
    /// Which tracks, and as what.
    #[serde(default)]
    pub forwardings: Vec<Forwarding>,
}

/// A peer's tracks as an input of a composition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forwarding {
    /// The input's id.
    pub input_id: String,
    /// Whose tracks.
    pub peer_id: PeerId,
    /// The microphone's, if there is one.
    #[serde(default)]
    pub audio_track_id: Option<TrackId>,
    /// The camera's, if there is one.
    #[serde(default)]
    pub video_track_id: Option<TrackId>,
}

/// A livestream, who publishes it and who has a token to watch it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Livestream {
    /// Its id.
    pub id: String,
    /// Whether it may be watched without a token.
    #[serde(default)]
    pub public: bool,
    /// Whether it has no picture.
    #[serde(default)]
    pub audio_only: Option<bool>,
    /// Who may publish.
    #[serde(default)]
    pub streamers: Vec<LivestreamPeer>,
    /// Who may watch.
    #[serde(default)]
    pub viewers: Vec<LivestreamPeer>,
}

/// Someone with a token for a livestream.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivestreamPeer {
    /// The id.
    pub id: String,
    /// The token.
    pub token: String,
    /// Whether it publishes now; not told of viewers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// How a livestream is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LivestreamOptions {
    /// Whether it may be watched without a token.
    pub public: bool,
    /// Whether it has no picture.
    pub audio_only: bool,
    /// Where webhooks go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// A composition that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Composition {
    /// Its id.
    #[serde(rename = "composition_id")]
    pub id: String,
    /// Its URL, as recordings and forwardings take it.
    #[serde(rename = "api_url")]
    pub url: String,
}

/// Access to media over QUIC. The URL and the token are secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoqAccess {
    /// Where to connect; the token is in it.
    pub connection_url: String,
    /// The token by itself.
    pub token: String,
}

/// Which paths a [`MoqAccess`] is for; at least one must be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MoqPaths {
    /// Where it may publish.
    pub publish_path: Option<String>,
    /// What it may subscribe to.
    pub subscribe_path: Option<String>,
    /// How long it is valid, in seconds: 3600 unless said, 604800 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
}

/// The state of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum RecordingStatus {
    Active,
    Finished,
    Available,
    Failed,
    #[serde(other)]
    Unknown,
}

impl RecordingStatus {
    pub(in crate::fishjam::rest) fn name(self) -> &'static str {
        match self {
            RecordingStatus::Active => "active",
            RecordingStatus::Finished => "finished",
            RecordingStatus::Available => "available",
            RecordingStatus::Failed => "failed",
            RecordingStatus::Unknown => "unknown",
        }
    }
}

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewRecording {
    /// Of which composition's output.
    pub source: CompositionSource,
    /// What the app says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// An output of a composition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompositionSource {
    /// The composition's URL.
    #[serde(rename = "compositionURL")]
    pub composition_url: String,
    /// The output's id.
    #[serde(rename = "outputId")]
    pub output_id: String,
    /// How large the recording is, compared with the output; 1 unless said.
    #[serde(rename = "scaleRatio", skip_serializing_if = "Option::is_none")]
    pub scale_ratio: Option<f64>,
}

/// A recording that the server makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: RecordingStatus,
    /// What is recorded.
    pub source: Value,
    /// What the app says of it.
    #[serde(default)]
    pub metadata: Value,
    /// Its parts, once there are any.
    #[serde(default)]
    pub files: Vec<RecordingFile>,
}

/// A part of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingFile {
    /// Where it can be fetched.
    pub url: String,
}

super::private!(MoqAccess, Livestream, LivestreamPeer);
