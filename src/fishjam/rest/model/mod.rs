//! The JSON of Fishjam's REST interface. Requests leave out what is not set; answers take what later versions add.

mod media;

pub use media::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    audio::Hz,
    event::{Metadata, Peer as RoomPeer, PeerId, PeerKind, RoomId, Snapshot, Track as RoomTrack, TrackId, TrackKind},
};
pub use crate::{event::RoomKind as RoomType, signal::SubscribeMode};

/// The video codec of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum VideoCodec {
    #[default]
    H264,
    Vp8,
    #[serde(other)]
    Unknown,
}

/// What a room is created with; everything has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoomConfig {
    /// The most peers at a time; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_peers: Option<u32>,
    /// The kind of room.
    pub room_type: RoomType,
    /// The video codec.
    pub video_codec: VideoCodec,
    /// Whether a livestream may be watched without a token.
    pub public: bool,
    /// Whether webhooks may come several in one body.
    pub batch_webhook_notifications: bool,
    /// Where webhooks go; overrides the dashboard's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// A room and who is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// What it was created with, defaults filled in.
    pub config: RoomConfig,
    /// Its peers, connected or not.
    pub peers: Vec<Peer>,
    /// The composition that its tracks are forwarded to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composition_info: Option<CompositionInfo>,
}

impl Room {
    /// Who is connected now.
    pub fn snapshot(&self) -> Snapshot {
        let connected = self.peers.iter().filter(|peer| peer.status == Status::Connected);
        Snapshot { peers: connected.map(Peer::to_room_peer).collect() }
    }
}

/// Whether a peer is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Status {
    Connected,
    Disconnected,
    #[serde(other)]
    Unknown,
}

/// What kind of peer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum PeerType {
    Webrtc,
    Agent,
    Vapi,
    #[serde(other)]
    Unknown,
}

/// What a peer in manual mode is subscribed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscriptions {
    /// All tracks of these peers.
    pub peers: Vec<PeerId>,
    /// These tracks.
    pub tracks: Vec<TrackId>,
}

/// A peer of a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Its id.
    pub id: PeerId,
    /// Person, agent or Vapi.
    #[serde(rename = "type")]
    pub kind: PeerType,
    /// Whether it is in the room.
    pub status: Status,
    /// What it publishes.
    pub tracks: Vec<Track>,
    /// What is said of it: `{"peer": …, "server": …}` for people.
    #[serde(default)]
    pub metadata: Metadata,
    /// What it gets without asking.
    #[serde(default)]
    pub subscribe_mode: SubscribeMode,
    /// What it asked for.
    #[serde(default)]
    pub subscriptions: Subscriptions,
}

impl Peer {
    pub(crate) fn to_room_peer(&self) -> RoomPeer {
        let kind = match self.kind {
            PeerType::Webrtc => PeerKind::Person,
            PeerType::Agent => PeerKind::Agent,
            PeerType::Vapi => PeerKind::Vapi,
            PeerType::Unknown => PeerKind::Unknown,
        };
        let tracks = self.tracks.iter().map(Track::to_room_track).collect();
        RoomPeer { metadata: self.metadata.clone(), tracks, ..RoomPeer::new(self.id.clone(), kind) }
    }
}

/// A track of a peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Its id.
    pub id: TrackId,
    /// `audio` or `video`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is said of it.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Track {
    fn to_room_track(&self) -> RoomTrack {
        let kind = match self.kind.as_str() {
            "audio" => TrackKind::Audio,
            "video" => TrackKind::Video,
            _ => TrackKind::Unknown,
        };
        RoomTrack { id: self.id.clone(), kind, metadata: self.metadata.clone() }
    }
}

/// A peer to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "options", rename_all = "lowercase")]
pub enum NewPeer {
    /// A person.
    Webrtc(PersonOptions),
    /// An agent.
    Agent(AgentOptions),
    /// A Vapi call.
    Vapi(VapiOptions),
}

/// What a person's peer is created with.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PersonOptions {
    /// What the app says of the person.
    pub metadata: Map<String, Value>,
    /// What the person gets without asking.
    pub subscribe_mode: SubscribeMode,
}

/// What an agent's peer is created with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentOptions {
    /// The form of the sound it gets.
    pub output: AgentOutput,
    /// What it gets without asking.
    pub subscribe_mode: SubscribeMode,
}

/// The form of the sound that an agent gets: mono PCM16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentOutput {
    /// `pcm16`, the only one there is.
    pub audio_format: AudioFormat,
    /// 16 or 24 kHz.
    pub audio_sample_rate: Hz,
}

impl Default for AgentOutput {
    fn default() -> AgentOutput {
        AgentOutput { audio_format: AudioFormat::Pcm16, audio_sample_rate: Hz::K16 }
    }
}

/// How sound comes to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum AudioFormat {
    #[default]
    Pcm16,
}

/// What a Vapi peer is created with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VapiOptions {
    /// The key for Vapi.
    pub api_key: String,
    /// The call to join.
    pub call_id: String,
    /// What it gets without asking.
    #[serde(default)]
    pub subscribe_mode: SubscribeMode,
    /// Whether the call ends when the last person leaves.
    #[serde(default)]
    pub auto_close: bool,
}

/// A peer that was made, with what it needs to come in.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Admission {
    /// The peer.
    pub peer: Peer,
    /// Shown on the socket; valid for 24 hours.
    pub token: String,
    /// The socket's address on its media node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_websocket_url: Option<String>,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Admission({}, token [private])", self.peer.id)
    }
}

/// What holds tokens, keys or people's data prints as a mark.
macro_rules! private {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "([private])"))
            }
        }
    )+};
}

use private;
private!(PersonOptions, VapiOptions);
