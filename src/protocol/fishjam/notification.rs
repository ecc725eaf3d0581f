//! Server notifications: one typed value for each message that a Fishjam sends about its rooms and streams.

use prost::Message;

use super::wire::{
    ServerMessage,
    notifications::{Track as WireTrack, TrackType},
    server_message::{
        Content, PeerType, channel_added, channel_removed, recording_status_changed, track_added,
        track_metadata_updated, track_removed, vad_notification,
    },
};
use crate::event::{
    ComponentNews, Metadata, PeerId, PeerKind, RoomEvent, RoomId, RosterChange, Track, TrackId, TrackKind,
};

/// What a Fishjam tells its servers, by notifier or webhook.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The fields are ids of what the variant names.
#[non_exhaustive]
pub enum Notification {
    /// A room was created.
    RoomCreated { room: RoomId },
    /// A room was deleted.
    RoomDeleted { room: RoomId },
    /// A room crashed; nothing else is said of its peers.
    RoomCrashed { room: RoomId },
    /// A peer may now connect.
    PeerAdded { room: RoomId, peer: PeerId, kind: PeerKind },
    /// A peer may no longer connect.
    PeerDeleted { room: RoomId, peer: PeerId, kind: PeerKind },
    /// A peer is in the room.
    PeerConnected { room: RoomId, peer: PeerId, kind: PeerKind },
    /// A peer left the room; it may come back.
    PeerDisconnected { room: RoomId, peer: PeerId, kind: PeerKind },
    /// What is said of a peer changed.
    PeerMetadataUpdated { room: RoomId, peer: PeerId, kind: PeerKind, metadata: Metadata },
    /// The server's side of a peer crashed.
    PeerCrashed { room: RoomId, peer: PeerId, kind: PeerKind, reason: String },
    /// A track began. `peer` is absent for a component's track.
    TrackAdded { room: RoomId, peer: Option<PeerId>, track: Track },
    /// A track ended.
    TrackRemoved { room: RoomId, peer: Option<PeerId>, track: Track },
    /// What is said of a track changed.
    TrackMetadataUpdated { room: RoomId, peer: Option<PeerId>, track: Track },
    /// A data channel opened.
    ChannelAdded { room: RoomId, peer: Option<PeerId>, channel: String },
    /// A data channel closed.
    ChannelRemoved { room: RoomId, peer: Option<PeerId>, channel: String },
    /// A peer's tracks are forwarded to a composition.
    TrackForwarding { room: RoomId, peer: PeerId, composition_url: String, input: String },
    /// They no longer are.
    TrackForwardingRemoved { room: RoomId, peer: PeerId, composition_url: String, input: String },
    /// The server's detector heard a voice start or stop.
    Voice { room: RoomId, peer: PeerId, track: TrackId, speaking: bool },
    /// A stream is being published.
    StreamConnected { stream: String },
    /// A stream is no longer published.
    StreamDisconnected { stream: String },
    /// Someone watches a stream.
    ViewerConnected { stream: String, viewer: String },
    /// Someone stopped watching.
    ViewerDisconnected { stream: String, viewer: String },
    /// Someone publishes a stream.
    StreamerConnected { stream: String, streamer: String },
    /// Someone stopped publishing.
    StreamerDisconnected { stream: String, streamer: String },
    /// A recording is in a new state.
    RecordingStatusChanged { recording: String, status: RecordingStatus, metadata: Metadata },
    /// A component crashed. Of servers before 2025.
    ComponentCrashed { room: RoomId, component: String },
    /// An HLS stream can be played. Of servers before 2025.
    HlsPlayable { room: RoomId, component: String },
    /// An HLS stream was stored. Of servers before 2025.
    HlsUploaded { room: RoomId },
    /// An HLS stream could not be stored. Of servers before 2025.
    HlsUploadCrashed { room: RoomId },
}

/// The state of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingStatus {
    /// A state this version does not know.
    Unknown,
    /// It is being recorded.
    Active,
    /// It has ended and is being prepared.
    Finished,
    /// It can be fetched.
    Available,
    /// It is lost.
    Failed,
}

/// Bytes that are not a server message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not a Fishjam message: {reason}")]
pub struct DecodeError {
    /// How many bytes there were.
    pub bytes: usize,
    /// Where they break.
    pub reason: String,
}

impl DecodeError {
    pub(super) fn new(bytes: usize, error: &prost::DecodeError) -> DecodeError {
        DecodeError { bytes, reason: error.to_string() }
    }
}

/// What was read of one message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// What it says, in its order.
    pub notifications: Vec<Notification>,
    /// Why members of a batch could not be read, one for each that is left out.
    pub unreadable: Vec<DecodeError>,
}

/// Reads one message of the server socket, or one webhook body. A batch comes out in its order; what is not a
/// notification (authentication, what later versions add) and batches within batches come out as nothing. A member of a
/// batch that cannot be read costs itself alone.
///
/// ```
/// use roomtone::protocol::fishjam::{Notification, decode_notifications};
/// let body = [0x52, 0x04, 0x0a, 0x02, b'r', b'1'];
/// let decoded = decode_notifications(&body).unwrap();
/// assert_eq!(decoded.notifications, [Notification::RoomCreated { room: "r1".into() }]);
/// ```
///
/// # Errors
/// [`DecodeError`] for bytes that are not protobuf of this kind.
pub fn decode_notifications(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let whole = match ServerMessage::decode(bytes) {
        Ok(whole) => whole,
        Err(error) => {
            return members_of_batch(bytes).map(decode_members).ok_or_else(|| DecodeError::new(bytes.len(), &error));
        }
    };
    let notifications = match whole.content {
        Some(Content::NotificationBatch(batch)) => {
            batch.notifications.into_iter().filter_map(|member| Notification::from_wire(member.content?)).collect()
        }
        Some(content) => Notification::from_wire(content).into_iter().collect(),
        None => Vec::new(),
    };
    Ok(Decoded { notifications, unreadable: Vec::new() })
}

/// The members of a message that is a batch and nothing else, each as its bytes.
fn members_of_batch(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut batch, rest) = next_field(bytes.strip_prefix(&BATCH)?)?;
    let mut members = Vec::new();
    while !batch.is_empty() {
        let (member, rest) = next_field(batch.strip_prefix(&[MEMBER])?)?;
        members.push(member);
        batch = rest;
    }
    rest.is_empty().then_some(members)
}

fn next_field(mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = prost::decode_length_delimiter(&mut bytes).ok()?;
    bytes.split_at_checked(length)
}

fn decode_members(members: Vec<&[u8]>) -> Decoded {
    let mut decoded = Decoded::default();
    for member in members {
        match ServerMessage::decode(member) {
            Ok(message) => decoded.notifications.extend(message.content.and_then(Notification::from_wire)),
            Err(error) => decoded.unreadable.push(DecodeError::new(member.len(), &error)),
        }
    }
    decoded
}

/// The key of `ServerMessage.notification_batch`: field 33, with a length.
const BATCH: [u8; 2] = [0x8a, 0x02];
/// The key of `NotificationBatch.notifications`: field 1, with a length.
const MEMBER: u8 = 0x0a;

impl Notification {
    /// The notification in a message's content, if it is one.
    #[allow(deprecated)] // Old servers still send what the protocol has retired.
    pub fn from_wire(content: Content) -> Option<Notification> {
        Some(match content {
            Content::RoomCreated(m) => Notification::RoomCreated { room: m.room_id.into() },
            Content::RoomDeleted(m) => Notification::RoomDeleted { room: m.room_id.into() },
            Content::RoomCrashed(m) => Notification::RoomCrashed { room: m.room_id.into() },
            Content::StreamConnected(m) => Notification::StreamConnected { stream: m.stream_id },
            Content::StreamDisconnected(m) => Notification::StreamDisconnected { stream: m.stream_id },
            Content::ViewerConnected(m) => Notification::ViewerConnected { stream: m.stream_id, viewer: m.viewer_id },
            Content::ViewerDisconnected(m) => {
                Notification::ViewerDisconnected { stream: m.stream_id, viewer: m.viewer_id }
            }
            Content::StreamerConnected(m) => {
                Notification::StreamerConnected { stream: m.stream_id, streamer: m.streamer_id }
            }
            Content::StreamerDisconnected(m) => {
                Notification::StreamerDisconnected { stream: m.stream_id, streamer: m.streamer_id }
            }
            Content::RecordingStatusChanged(m) => Notification::RecordingStatusChanged {
                status: m.status().into(),
                recording: m.recording_id,
                metadata: Metadata::from_text(&m.metadata),
            },
            Content::ComponentCrashed(m) => {
                Notification::ComponentCrashed { room: m.room_id.into(), component: m.component_id }
            }
            Content::HlsPlayable(m) => Notification::HlsPlayable { room: m.room_id.into(), component: m.component_id },
            Content::HlsUploaded(m) => Notification::HlsUploaded { room: m.room_id.into() },
            Content::HlsUploadCrashed(m) => Notification::HlsUploadCrashed { room: m.room_id.into() },
            other => return Self::of_peer(other),
        })
    }

    fn of_peer(content: Content) -> Option<Notification> {
        macro_rules! peer {
            ($variant:ident, $m:ident) => {
                Notification::$variant {
                    kind: peer_kind($m.peer_type()),
                    room: $m.room_id.into(),
                    peer: $m.peer_id.into(),
                }
            };
        }
        Some(match content {
            Content::PeerAdded(m) => peer!(PeerAdded, m),
            Content::PeerDeleted(m) => peer!(PeerDeleted, m),
            Content::PeerConnected(m) => peer!(PeerConnected, m),
            Content::PeerDisconnected(m) => peer!(PeerDisconnected, m),
            Content::PeerMetadataUpdated(m) => Notification::PeerMetadataUpdated {
                kind: peer_kind(m.peer_type()),
                metadata: Metadata::from_text(&m.metadata),
                room: m.room_id.into(),
                peer: m.peer_id.into(),
            },
            Content::PeerCrashed(m) => Notification::PeerCrashed {
                kind: peer_kind(m.peer_type()),
                reason: m.reason,
                room: m.room_id.into(),
                peer: m.peer_id.into(),
            },
            Content::VadNotification(m) => Notification::Voice {
                speaking: m.status() == vad_notification::Status::Speech,
                room: m.room_id.into(),
                peer: m.peer_id.into(),
                track: m.track_id.into(),
            },
            other => return Self::of_track(other),
        })
    }

    fn of_track(content: Content) -> Option<Notification> {
        macro_rules! owner {
            ($m:ident, $module:ident) => {
                match $m.endpoint_info {
                    Some($module::EndpointInfo::PeerId(id)) => Some(PeerId::from(id)),
                    _ => None,
                }
            };
        }
        macro_rules! track {
            ($variant:ident, $m:ident, $module:ident) => {
                Notification::$variant {
                    room: $m.room_id.into(),
                    peer: owner!($m, $module),
                    track: track_from_wire($m.track?),
                }
            };
        }
        Some(match content {
            Content::TrackAdded(m) => track!(TrackAdded, m, track_added),
            Content::TrackRemoved(m) => track!(TrackRemoved, m, track_removed),
            Content::TrackMetadataUpdated(m) => track!(TrackMetadataUpdated, m, track_metadata_updated),
            Content::ChannelAdded(m) => Notification::ChannelAdded {
                room: m.room_id.into(),
                peer: owner!(m, channel_added),
                channel: m.channel_id,
            },
            Content::ChannelRemoved(m) => Notification::ChannelRemoved {
                room: m.room_id.into(),
                peer: owner!(m, channel_removed),
                channel: m.channel_id,
            },
            Content::TrackForwarding(m) => Notification::TrackForwarding {
                room: m.room_id.into(),
                peer: m.peer_id.into(),
                composition_url: m.composition_url,
                input: m.input_id,
            },
            Content::TrackForwardingRemoved(m) => Notification::TrackForwardingRemoved {
                room: m.room_id.into(),
                peer: m.peer_id.into(),
                composition_url: m.composition_url,
                input: m.input_id,
            },
            _ => return None,
        })
    }

    /// The room it is about; `None` for streams and recordings.
    pub fn room(&self) -> Option<&RoomId> {
        use Notification::*;
        match self {
            RoomCreated { room } | RoomDeleted { room } | RoomCrashed { room } => Some(room),
            PeerAdded { room, .. } | PeerDeleted { room, .. } | PeerConnected { room, .. } => Some(room),
            PeerDisconnected { room, .. } | PeerMetadataUpdated { room, .. } | PeerCrashed { room, .. } => Some(room),
            TrackAdded { room, .. } | TrackRemoved { room, .. } | TrackMetadataUpdated { room, .. } => Some(room),
            ChannelAdded { room, .. } | ChannelRemoved { room, .. } | Voice { room, .. } => Some(room),
            TrackForwarding { room, .. } | TrackForwardingRemoved { room, .. } => Some(room),
            ComponentCrashed { room, .. } | HlsPlayable { room, .. } => Some(room),
            HlsUploaded { room } | HlsUploadCrashed { room } => Some(room),
            _ => None,
        }
    }

    /// The event of its room that it is by itself. What changes the picture of the room, or ends it, is told by the
    /// roster and the session instead.
    pub fn room_event(&self) -> Option<RoomEvent> {
        let component = |news| RoomEvent::Component { news };
        Some(match self.clone() {
            Notification::PeerAdded { peer, kind, .. } => RoomEvent::PeerExpected { peer, kind },
            Notification::PeerDeleted { peer, kind, .. } => RoomEvent::PeerDismissed { peer, kind },
            Notification::Voice { peer, track, speaking, .. } => RoomEvent::VoiceActivity { peer, track, speaking },
            Notification::ChannelAdded { peer, channel, .. } => RoomEvent::Channel { peer, channel, open: true },
            Notification::ChannelRemoved { peer, channel, .. } => RoomEvent::Channel { peer, channel, open: false },
            Notification::TrackForwarding { peer, composition_url, input, .. } => {
                RoomEvent::Forwarding { peer, composition_url, input, begun: true }
            }
            Notification::TrackForwardingRemoved { peer, composition_url, input, .. } => {
                RoomEvent::Forwarding { peer, composition_url, input, begun: false }
            }
            Notification::TrackAdded { peer: None, track, .. } => component(ComponentNews::TrackAdded { track }),
            Notification::TrackMetadataUpdated { peer: None, track, .. } => {
                component(ComponentNews::TrackUpdated { track })
            }
            Notification::TrackRemoved { peer: None, track, .. } => {
                component(ComponentNews::TrackRemoved { track: track.id })
            }
            Notification::ComponentCrashed { component: id, .. } => component(ComponentNews::Crashed { id }),
            Notification::HlsPlayable { component: id, .. } => component(ComponentNews::HlsPlayable { id }),
            Notification::HlsUploaded { .. } => component(ComponentNews::HlsUploaded { stored: true }),
            Notification::HlsUploadCrashed { .. } => component(ComponentNews::HlsUploaded { stored: false }),
            _ => return None,
        })
    }

    /// What it says of who is in the room and what they publish, if anything.
    pub fn roster_change(&self) -> Option<RosterChange> {
        Some(match self.clone() {
            Notification::PeerConnected { peer, kind, .. } => RosterChange::Present { peer, kind },
            Notification::PeerDisconnected { peer, .. } | Notification::PeerDeleted { peer, .. } => {
                RosterChange::Absent { peer, crash: None }
            }
            Notification::PeerCrashed { peer, reason, .. } => RosterChange::Absent { peer, crash: Some(reason) },
            Notification::PeerMetadataUpdated { peer, kind, metadata, .. } => {
                RosterChange::Described { peer, kind, metadata }
            }
            Notification::TrackAdded { peer: Some(peer), track, .. }
            | Notification::TrackMetadataUpdated { peer: Some(peer), track, .. } => {
                RosterChange::Publishes { peer, track }
            }
            Notification::TrackRemoved { peer: Some(peer), track, .. } => {
                RosterChange::Withdraws { peer, track: track.id }
            }
            _ => return None,
        })
    }
}

impl From<recording_status_changed::Status> for RecordingStatus {
    fn from(status: recording_status_changed::Status) -> RecordingStatus {
        match status {
            recording_status_changed::Status::Unspecified => RecordingStatus::Unknown,
            recording_status_changed::Status::Active => RecordingStatus::Active,
            recording_status_changed::Status::Finished => RecordingStatus::Finished,
            recording_status_changed::Status::Available => RecordingStatus::Available,
            recording_status_changed::Status::Failed => RecordingStatus::Failed,
        }
    }
}

/// A peer's kind from its type on the wire.
pub fn peer_kind(kind: PeerType) -> PeerKind {
    match kind {
        PeerType::Unspecified => PeerKind::Unknown,
        PeerType::Webrtc => PeerKind::Person,
        PeerType::Agent => PeerKind::Agent,
        PeerType::Vapi => PeerKind::Vapi,
    }
}

/// A peer's type on the wire from its kind.
pub fn peer_type(kind: PeerKind) -> PeerType {
    match kind {
        PeerKind::Unknown => PeerType::Unspecified,
        PeerKind::Person => PeerType::Webrtc,
        PeerKind::Agent => PeerType::Agent,
        PeerKind::Vapi => PeerType::Vapi,
    }
}

/// A track from the wire.
pub fn track_from_wire(track: WireTrack) -> Track {
    let kind = match track.r#type() {
        TrackType::Audio => TrackKind::Audio,
        TrackType::Video => TrackKind::Video,
        TrackType::Unspecified => TrackKind::Unknown,
    };
    Track { kind, metadata: Metadata::from_text(&track.metadata), id: track.id.into() }
}

/// A track's type on the wire.
pub fn track_type(kind: TrackKind) -> TrackType {
    match kind {
        TrackKind::Audio => TrackType::Audio,
        TrackKind::Video => TrackType::Video,
        TrackKind::Unknown => TrackType::Unspecified,
    }
}
