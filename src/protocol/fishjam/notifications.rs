//! Server notifications: what a Fishjam tells its servers, by the server socket or by webhooks, as events.
//!
//! One message gives exactly one event, a batch one for each of its members. The event's native payload is the message as it
//! came; `native.name()` is its field of `ServerMessage` in JSON's spelling, as in `peerConnected`. What this version has no
//! word for is [`Other`], with all that was said in the payload: data channels, compositions, the HLS of old servers.

use bytes::Bytes;
use prost::Message;
use serde_json::Value;

use super::wire::{
    notifications::{Track as WireTrack, TrackType},
    server_message::{
        ChannelAdded, ChannelRemoved, ComponentCrashed, HlsPlayable, HlsUploadCrashed, HlsUploaded, PeerAdded,
        PeerConnected, PeerCrashed, PeerDeleted, PeerDisconnected, PeerMetadataUpdated, PeerType,
        RecordingStatusChanged, RoomCrashed, RoomCreated, RoomDeleted, StreamConnected, StreamDisconnected,
        StreamerConnected, StreamerDisconnected, TrackAdded, TrackForwarding, TrackForwardingRemoved,
        TrackMetadataUpdated, TrackRemoved, VadNotification, ViewerConnected, ViewerDisconnected,
        recording_status_changed, track_added, track_metadata_updated, track_removed, vad_notification,
    },
};
use crate::event::{
    Asset, AssetKind, Changes, End, Event, EventKind, MediaEvent, Metadata, Native, NativeView, Other, Owner, Peer,
    PeerEvent, PeerKind, Place, Role, RoomEvent, Track, TrackEvent, TrackKind, VoiceActivity,
};

/// The platform's name in [`Native::platform`].
pub const PLATFORM: &str = "fishjam";

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

    fn framing(bytes: usize) -> DecodeError {
        DecodeError { bytes, reason: "its fields do not fit its length".into() }
    }
}

/// What was read of one message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// What it says, in its order.
    pub events: Vec<Event>,
    /// Why members of a batch could not be read, one for each that is left out.
    pub unreadable: Vec<DecodeError>,
}

/// Reads one message of the server socket, or one webhook body. A batch comes out in its order. What belongs to the
/// connection (authentication, subscriptions) and batches within batches come out as nothing. A member of a batch that
/// cannot be read costs itself alone.
///
/// ```
/// use roomtone::{event::{EventKind, RoomEvent}, protocol::fishjam::decode};
/// let body = [0x52, 0x04, 0x0a, 0x02, b'r', b'1'];
/// let event = decode(&body).unwrap().events.remove(0);
/// assert!(matches!(event.kind, EventKind::Room(RoomEvent::Opened { .. })));
/// assert_eq!(event.room().unwrap().as_str(), "r1");
/// ```
///
/// # Errors
/// [`DecodeError`] for bytes that are not protobuf of this kind.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    match content(bytes)? {
        None => {}
        Some((BATCH, members)) => {
            for (field, member) in fields(members)? {
                match event_of_member(member) {
                    _ if field != MEMBER => {}
                    Ok(event) => decoded.events.extend(event),
                    Err(error) => decoded.unreadable.push(error),
                }
            }
        }
        Some((field, payload)) => decoded.events.extend(event(field, payload)?),
    }
    Ok(decoded)
}

fn event_of_member(member: &[u8]) -> Result<Option<Event>, DecodeError> {
    match content(member)? {
        Some((BATCH, _)) | None => Ok(None),
        Some((field, payload)) => event(field, payload),
    }
}

/// The field of a message that holds its content. Of several that this version knows the last counts, as protobuf has it;
/// what a later version adds beside them does not hide them.
fn content(bytes: &[u8]) -> Result<Option<(u64, &[u8])>, DecodeError> {
    let fields = fields(bytes)?;
    let known = fields.iter().rev().find(|(number, _)| NEWEST >= *number);
    Ok(known.or(fields.last()).copied())
}

/// The fields of a message that have a length, each with its number.
fn fields(bytes: &[u8]) -> Result<Vec<(u64, &[u8])>, DecodeError> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.extend(next_field(&mut rest).ok_or_else(|| DecodeError::framing(bytes.len()))?);
    }
    Ok(found)
}

/// Takes one field off. The inner `None` is one without a length, which no notification has.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<Option<(u64, &'a [u8])>> {
    let key = prost::encoding::decode_varint(rest).ok()?;
    let (number, length) = match key & 7 {
        0 => return prost::encoding::decode_varint(rest).ok().map(|_| None),
        1 => (None, 8),
        2 => (Some(key >> 3), usize::try_from(prost::encoding::decode_varint(rest).ok()?).ok()?),
        5 => (None, 4),
        _ => return None,
    };
    let (payload, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(number.map(|number| (number, payload)))
}

/// Who publishes the track of a message: each of the three messages of tracks has a type of its own for it.
macro_rules! owner {
    ($message:ident, $info:expr) => {
        match $info {
            Some($message::EndpointInfo::PeerId(id)) => Owner::Peer(id.into()),
            Some($message::EndpointInfo::ComponentId(id)) => Owner::Component(id),
            None => Owner::Component(String::new()),
        }
    };
}

/// The fields of `ServerMessage` that are notifications: number, message, name in JSON, and what it says where.
macro_rules! notifications {
    ($($number:literal $message:ident $name:literal => $says:expr;)+) => {
        pub(super) fn event(field: u64, payload: &[u8]) -> Result<Option<Event>, DecodeError> {
            match field {
                $($number => {
                    let read = $message::decode(payload).map_err(|error| DecodeError::new(payload.len(), &error))?;
                    let says: fn($message) -> (EventKind, Option<Place>) = $says;
                    let (kind, place) = says(read);
                    let native = Native::new(PLATFORM, $name, Bytes::copy_from_slice(payload), to_json);
                    Ok(Some(Event { place, ..Event::said(kind, native) }))
                })+
                // The connection's own.
                6..=9 => Ok(None),
                other => {
                    let native = Native::new(PLATFORM, format!("field{other}"), Bytes::copy_from_slice(payload), to_json);
                    Ok(Some(Event::said(Other {}, native)))
                }
            }
        }

        $(
            #[allow(deprecated)] // Old servers still send what the protocol has retired.
            impl NativeView for $message {
                const PLATFORM: &'static str = PLATFORM;
                const NAMES: &'static [&'static str] = &[$name];

                fn read(payload: &[u8]) -> Option<$message> {
                    $message::decode(payload).ok()
                }
            }
        )+

        /// The names of all notifications, as in [`Native::name`].
        pub const NAMES: &[&str] = &[$($name),+];
    };
}

notifications! {
    1 RoomCrashed "roomCrashed" => |m| in_room(m.room_id, RoomEvent::Closed { end: End::Failed { reason: None } });
    2 PeerConnected "peerConnected" => |m| {
        let peer = peer(&m.peer_id, m.peer_type());
        in_room(m.room_id, PeerEvent::Joined { peer, state: None })
    };
    3 PeerDisconnected "peerDisconnected" => |m| {
        let peer = peer(&m.peer_id, m.peer_type());
        in_room(m.room_id, PeerEvent::Left { peer, end: End::Normal })
    };
    4 PeerCrashed "peerCrashed" => |m| {
        let peer = peer(&m.peer_id, m.peer_type());
        let end = End::Failed { reason: Some(m.reason).filter(|reason| !reason.is_empty()) };
        in_room(m.room_id, PeerEvent::Left { peer, end })
    };
    5 ComponentCrashed "componentCrashed" => |m| in_room(m.room_id, Other {});
    10 RoomCreated "roomCreated" => |m| in_room(m.room_id, RoomEvent::Opened { info: Metadata::default() });
    11 RoomDeleted "roomDeleted" => |m| in_room(m.room_id, RoomEvent::Closed { end: End::Normal });
    13 HlsPlayable "hlsPlayable" => |m| in_room(m.room_id, Other {});
    14 HlsUploaded "hlsUploaded" => |m| in_room(m.room_id, Other {});
    15 HlsUploadCrashed "hlsUploadCrashed" => |m| in_room(m.room_id, Other {});
    16 PeerMetadataUpdated "peerMetadataUpdated" => |m| {
        let metadata = Metadata::from_text(&m.metadata);
        let peer = Peer { metadata: metadata.clone(), ..peer(&m.peer_id, m.peer_type()) };
        in_room(m.room_id, PeerEvent::Updated { peer, changes: Changes::Whole(metadata) })
    };
    17 TrackAdded "trackAdded" => |m| {
        let owner = owner!(track_added, m.endpoint_info);
        track_event(m.room_id, m.track, |track| TrackEvent::Added { owner, track })
    };
    18 TrackRemoved "trackRemoved" => |m| {
        let owner = owner!(track_removed, m.endpoint_info);
        track_event(m.room_id, m.track, |track| TrackEvent::Removed { owner, track })
    };
    19 TrackMetadataUpdated "trackMetadataUpdated" => |m| {
        let owner = owner!(track_metadata_updated, m.endpoint_info);
        track_event(m.room_id, m.track, |track| TrackEvent::Updated { owner, track })
    };
    20 PeerAdded "peerAdded" => |m| {
        let peer = peer(&m.peer_id, m.peer_type());
        in_room(m.room_id, PeerEvent::Registered { peer })
    };
    21 PeerDeleted "peerDeleted" => |m| {
        let peer = peer(&m.peer_id, m.peer_type());
        in_room(m.room_id, PeerEvent::Removed { peer })
    };
    22 StreamConnected "streamConnected" => |m| on_stream(&m.stream_id, MediaEvent::Started(stream(&m.stream_id)));
    23 StreamDisconnected "streamDisconnected" => |m| on_stream(&m.stream_id, MediaEvent::Ended(stream(&m.stream_id)));
    24 ViewerConnected "viewerConnected" => |m| {
        on_stream(&m.stream_id, PeerEvent::Joined { peer: viewer(&m.viewer_id), state: None })
    };
    25 ViewerDisconnected "viewerDisconnected" => |m| {
        on_stream(&m.stream_id, PeerEvent::Left { peer: viewer(&m.viewer_id), end: End::Normal })
    };
    26 StreamerConnected "streamerConnected" => |m| on_stream(&m.stream_id, MediaEvent::Started(stream(&m.stream_id)));
    27 StreamerDisconnected "streamerDisconnected" => |m| on_stream(&m.stream_id, MediaEvent::Ended(stream(&m.stream_id)));
    28 ChannelAdded "channelAdded" => |m| in_room(m.room_id, Other {});
    29 ChannelRemoved "channelRemoved" => |m| in_room(m.room_id, Other {});
    30 TrackForwarding "trackForwarding" => |m| in_room(m.room_id, Other {});
    31 TrackForwardingRemoved "trackForwardingRemoved" => |m| in_room(m.room_id, Other {});
    32 VadNotification "vadNotification" => |m| {
        let speaking = m.status() == vad_notification::Status::Speech;
        in_room(m.room_id, VoiceActivity { peer: m.peer_id.into(), track: Some(m.track_id.into()), speaking })
    };
    34 RecordingStatusChanged "recordingStatusChanged" => |m| (recording(&m).into(), None);
}

/// The newest field of `ServerMessage` that this version knows.
const NEWEST: u64 = 34;
/// `ServerMessage.notification_batch`.
const BATCH: u64 = 33;
/// `NotificationBatch.notifications`.
const MEMBER: u64 = 1;

fn in_room(room: String, kind: impl Into<EventKind>) -> (EventKind, Option<Place>) {
    (kind.into(), Some(Place::Room(room.into())))
}

fn on_stream(stream: &str, kind: impl Into<EventKind>) -> (EventKind, Option<Place>) {
    (kind.into(), Some(Place::Stream(stream.to_owned())))
}

fn track_event(
    room: String,
    track: Option<WireTrack>,
    event: impl FnOnce(Track) -> TrackEvent,
) -> (EventKind, Option<Place>) {
    match track {
        Some(track) => in_room(room, event(track_from_wire(track))),
        // It names none, so nothing can be said of it.
        None => in_room(room, Other {}),
    }
}

fn peer(id: &str, kind: PeerType) -> Peer {
    Peer::new(id.into(), peer_kind(kind))
}

fn viewer(id: &str) -> Peer {
    Peer { role: Role::Viewer, ..Peer::new(id.into(), PeerKind::Person) }
}

fn stream(id: &str) -> Box<Asset> {
    Box::new(Asset::new(AssetKind::Stream, id))
}

fn recording(message: &RecordingStatusChanged) -> MediaEvent {
    use recording_status_changed::Status;

    let asset = |state: Option<&str>| {
        let state = state.map(ToOwned::to_owned);
        Box::new(Asset { state, ..Asset::new(AssetKind::Recording, &message.recording_id) })
    };
    match message.status() {
        Status::Active => MediaEvent::Started(asset(Some("active"))),
        Status::Finished => MediaEvent::Ended(asset(Some("finished"))),
        Status::Failed => MediaEvent::Ended(asset(Some("failed"))),
        Status::Available => MediaEvent::Updated(asset(Some("available"))),
        Status::Unspecified => MediaEvent::Updated(asset(None)),
    }
}

/// A notification's payload in protobuf's canonical JSON.
fn to_json(name: &str, payload: &[u8]) -> Option<Value> {
    let whole = super::descriptors().get_message_by_name("fishjam.ServerMessage")?;
    let field = whole.get_field_by_json_name(name)?;
    let kind = field.kind();
    let read = prost_reflect::DynamicMessage::decode(kind.as_message()?.clone(), payload).ok()?;
    serde_json::to_value(&read).ok()
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
