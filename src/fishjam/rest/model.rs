//! The JSON of Fishjam's REST interface. Requests leave out what is not set; answers take what later versions add.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    audio::Hz,
    event::{Metadata, Peer as RoomPeer, PeerId, PeerKind, RoomId, Snapshot, Track as RoomTrack, TrackId, TrackKind},
};

/// What kind of room it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names are Fishjam's own.
pub enum RoomType {
    #[default]
    Conference,
    AudioOnly,
    Livestream,
    AudioOnlyLivestream,
    /// The old name of a conference.
    FullFeature,
    /// The old name of a livestream.
    Broadcaster,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl RoomType {
    /// Whether it takes viewers and streamers rather than peers who talk.
    pub fn is_livestream(self) -> bool {
        matches!(self, RoomType::Livestream | RoomType::AudioOnlyLivestream | RoomType::Broadcaster)
    }
}

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

/// Whether a peer gets everyone's tracks or only those asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscribeMode {
    /// Everyone's.
    #[default]
    Auto,
    /// Only those that [`subscribe_peer`](super::Client::subscribe_peer) or
    /// [`subscribe_tracks`](super::Client::subscribe_tracks) named.
    Manual,
    /// A mode that this version does not know.
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
    fn to_room_peer(&self) -> RoomPeer {
        let kind = match self.kind {
            PeerType::Webrtc => PeerKind::Person,
            PeerType::Agent => PeerKind::Agent,
            PeerType::Vapi => PeerKind::Vapi,
            PeerType::Unknown => PeerKind::Unknown,
        };
        let tracks = self.tracks.iter().map(Track::to_room_track).collect();
        RoomPeer { id: self.id.clone(), kind, metadata: self.metadata.clone(), tracks }
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

/// Access to media over QUIC. The URL and the token are secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoqAccess {
    /// Where to connect; the token is in it.
    pub connection_url: String,
    /// The token by itself.
    pub token: String,
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

private!(MoqAccess, PersonOptions, VapiOptions, Livestream, LivestreamPeer);

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
    pub(super) fn name(self) -> &'static str {
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
