//! SignalWire's table: what each event of a room means.
//!
//! Events of the wire are called `video.member.joined` and so on; newer servers leave `video.` out. Eleven exist in a browser
//! page alone, which knows of its devices and its media: a page forwards them in a frame of our own (`sdk_event`), see
//! `web/signalwire-bridge.js`.

use serde_json::{Map, Value};

use super::objects::*;
use crate::{
    event::{
        Asset, AssetKind, CallEvent, Cell, Changes, Device, DeviceEvent, DeviceKind, End, EventKind,
        LayoutChanged as Layout, Leg, LinkEvent, MediaEvent, Member as RoomMember, Metadata, Other, Peer, PeerEvent,
        PeerKind, PeerState, Place, Plane, Role, RoomEvent, VoiceActivity,
    },
    protocol::spec::{EventSpec, Said, event_table},
};

/// The platform's name in [`Native::platform`](crate::event::Native::platform).
pub const PLATFORM: &str = "signalwire";

/// A name without the prefix that only older servers put before it.
pub(super) fn base(name: &str) -> &str {
    name.strip_prefix("video.").unwrap_or(name)
}

/// The line of an event, by any of its names.
pub(super) fn spec(name: &str) -> Option<&'static EventSpec> {
    let base = base(name);
    EVENTS.iter().find(|spec| self::base(spec.wire) == base || spec.event == base)
}

event_table! {
    PLATFORM, |wire, name| base(wire) == base(name);
    DeviceLost {
        documented "camera.disconnected" "camera.disconnected" "device.lost" Local => |lost, _| device_lost(DeviceKind::Camera, lost);
        documented "microphone.disconnected" "microphone.disconnected" "device.lost" Local => |lost, _| device_lost(DeviceKind::Microphone, lost);
        documented "speaker.disconnected" "speaker.disconnected" "device.lost" Local => |lost, _| device_lost(DeviceKind::Speaker, lost);
    }
    DeviceSwitched {
        documented "camera.updated" "camera.updated" "device.switched" Local => |said, _| device_switched(DeviceKind::Camera, said);
        documented "microphone.updated" "microphone.updated" "device.switched" Local => |said, _| device_switched(DeviceKind::Microphone, said);
        documented "speaker.updated" "speaker.updated" "device.switched" Local => |said, _| device_switched(DeviceKind::Speaker, said);
    }
    LayoutChanged {
        documented "layout.changed" "video.layout.changed" "layout.changed" Platform => |said, _| {
            let LayoutChanged { layout, room_session_id, .. } = said;
            let cells = layout.layers.into_iter().map(cell).collect();
            in_room(room_session_id, Layout { id: some(layout.id), name: layout.name, cells })
        };
    }
    MediaChanged {
        documented "media.connected" "media.connected" "link.up" Local => |_, _| {
            Said::new(LinkEvent::Up { plane: Plane::Media, me: None, after: None }, None)
        };
        documented "media.disconnected" "media.disconnected" "link.down" Local => |_, _| {
            Said::new(LinkEvent::Down { plane: Plane::Media, reason: None }, None)
        };
        documented "media.reconnecting" "media.reconnecting" "link.retrying" Local => |_, _| {
            Said::new(LinkEvent::Retrying { plane: Plane::Media }, None)
        };
    }
    MemberRoleChanged {
        documented "member.demoted" "video.member.demoted" "peer.role" Platform => |said, _| role_changed(said, Role::Audience);
        documented "member.promoted" "video.member.promoted" "peer.role" Platform => |said, _| role_changed(said, Role::Member);
    }
    MemberChanged {
        documented "member.joined" "video.member.joined" "peer.joined" Platform => |said, _| {
            let RoomMember { peer, state } = member(&said.member);
            in_room(said.room_session_id, PeerEvent::Joined { peer, state })
        };
        documented "member.left" "video.member.left" "peer.left" Platform => |said, _| {
            in_room(said.room_session_id, PeerEvent::left(member(&said.member).peer))
        };
        documented "member.talking" "video.member.talking" "voice.activity" Platform => |said, _| {
            let speaking = said.member.talking.unwrap_or_default();
            in_room(said.room_session_id, VoiceActivity { peer: said.member.id.into(), track: None, speaking })
        };
        documented "member.updated" "video.member.updated" "peer.updated" Platform => |said, payload| {
            let changes = named(&payload["member"], &said.member.updated);
            in_room(said.room_session_id, PeerEvent::Updated { peer: member(&said.member).peer, changes })
        };
    }
    MemberList {
        documented "memberList.updated" "memberList.updated" "room.roster" Derived => |said, _| {
            let place = said.members.first().map(|member| member.room_session_id.clone());
            in_room(place.unwrap_or_default(), RoomEvent::Roster { peers: said.members.iter().map(member).collect() })
        };
    }
    PlaybackChanged {
        documented "playback.ended" "video.playback.ended" "media.ended" Platform => |said, _| playback(said, MediaEvent::Ended);
        documented "playback.started" "video.playback.started" "media.started" Platform => |said, _| playback(said, MediaEvent::Started);
        documented "playback.updated" "video.playback.updated" "media.updated" Platform => |said, _| playback(said, MediaEvent::Updated);
    }
    RecordingChanged {
        documented "recording.ended" "video.recording.ended" "media.ended" Platform => |said, _| recording(said, MediaEvent::Ended);
        documented "recording.started" "video.recording.started" "media.started" Platform => |said, _| recording(said, MediaEvent::Started);
        documented "recording.updated" "video.recording.updated" "media.updated" Platform => |said, _| recording(said, MediaEvent::Updated);
    }
    AudienceCount {
        documented "room.audience_count" "video.room.audience_count" "room.audience" Platform => |said, _| {
            in_room(said.room_session_id, RoomEvent::Audience { total: said.total.unwrap_or_default() })
        };
    }
    RoomSubscribed {
        documented "room.joined" "video.room.subscribed" "room.entered" Platform => |said, payload| {
            let session = said.room_session;
            let running = running(&session);
            let entered = RoomEvent::Entered {
                me: some(said.member_id).map(Into::into),
                info: info(&payload["room_session"]),
                roster: Some(session.members.iter().map(member).collect()),
                running,
            };
            in_room(first([session.id, said.room.room_session_id]), entered)
        };
    }
    RoomLeft {
        documented "room.left" "room.left" "room.exited" Local => |said, _| {
            let end = some(said.reason).map_or(End::Normal, |reason| End::Failed { reason: Some(reason) });
            Said::new(RoomEvent::Exited { end }, None)
        };
    }
    RoomChanged {
        documented "room.updated" "video.room.updated" "room.updated" Platform => |said, payload| {
            let key = if said.room_session.updated.is_empty() { "room" } else { "room_session" };
            let updated = if key == "room" { &said.room.updated } else { &said.room_session.updated };
            let changes = named(&payload[key], updated);
            in_room(room_of(&said), RoomEvent::Updated { changes })
        };
        later "room.started" "video.room.started" "room.opened" Platform => |said, payload| {
            in_room(room_of(&said), RoomEvent::Opened { info: info(&payload["room_session"]) })
        };
        later "room.ended" "video.room.ended" "room.closed" Platform => |said, _| {
            in_room(room_of(&said), RoomEvent::Closed { end: End::Normal })
        };
    }
    StreamChanged {
        documented "stream.ended" "video.stream.ended" "media.ended" Platform => |said, _| stream(said, MediaEvent::Ended);
        documented "stream.started" "video.stream.started" "media.started" Platform => |said, _| stream(said, MediaEvent::Started);
    }
    VertoMessage {
        later "verto.bye" "webrtc.message" "call.ended" Platform => |said, _| {
            let VertoParams { call_id, cause, cause_code } = said.params;
            match said.method.as_str() {
                "verto.bye" => {
                    let code = cause_code.as_i64().or_else(|| cause_code.as_str()?.parse().ok()).unwrap_or_default();
                    let end = End::Coded { code, reason: cause };
                    Said::new(CallEvent::Ended { leg: Leg::Call(call_id.clone()), end }, Some(Place::Call(call_id)))
                }
                _ => Said::new(Other {}, None),
            }
        };
    }
}

/// The form of `camera.disconnected`, `microphone.disconnected` and `speaker.disconnected`.
pub type DeviceLost = PageDevice;

fn in_room(session: String, kind: impl Into<EventKind>) -> Said {
    Said::new(kind, some(session).map(|session| Place::Room(session.into())))
}

/// SignalWire writes empty text where there is nothing.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn first<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

pub(super) fn room_of(said: &RoomChanged) -> String {
    first([
        said.room_session_id.clone(),
        said.room_session.id.clone(),
        said.room_session.room_session_id.clone(),
        said.room.room_session_id.clone(),
    ])
}

/// Who a member is. Its names for roles are the model's, and what is none of them keeps its own.
pub(super) fn member(member: &Member) -> RoomMember {
    let (kind, role) = match member.kind.as_str() {
        "member" => (PeerKind::Person, Role::Member),
        "audience" => (PeerKind::Person, Role::Audience),
        "" => (PeerKind::Unknown, Role::Member),
        other => (PeerKind::Unknown, Role::Named(other.into())),
    };
    let peer = Peer { role, name: member.name.as_str().into(), ..Peer::new(member.id.as_str().into(), kind) };
    let state = PeerState {
        audio_muted: member.audio_muted,
        video_muted: member.video_muted,
        deaf: member.deaf,
        visible: member.visible,
        hand_raised: member.handraised,
    };
    RoomMember { peer, state: (state != PeerState::default()).then_some(state) }
}

fn role_changed(said: MemberRoleChanged, role: Role) -> Said {
    let peer = Peer { role, ..Peer::new(said.member_id.into(), PeerKind::Person) };
    in_room(said.room_session_id, PeerEvent::Role { peer, grants: Metadata::new(said.authorization) })
}

/// What changed of an object that names what changed.
fn named(object: &Value, updated: &[String]) -> Changes {
    let changed: Map<String, Value> =
        updated.iter().filter_map(|key| Some((key.clone(), object.get(key)?.clone()))).collect();
    Changes::Named(Metadata::new(changed.into()))
}

/// What is said of a room itself; who and what is in it has places of its own.
fn info(session: &Value) -> Metadata {
    let mut info = session.as_object().cloned().unwrap_or_default();
    for elsewhere in ["members", "recordings", "playbacks", "streams"] {
        info.remove(elsewhere);
    }
    Metadata::new(if info.is_empty() { Value::Null } else { info.into() })
}

fn running(session: &RoomSession) -> Vec<Asset> {
    let recordings = session.recordings.iter().cloned().map(recording_asset);
    let playbacks = session.playbacks.iter().cloned().map(playback_asset);
    let streams = session.streams.iter().cloned().map(stream_asset);
    recordings.chain(playbacks).chain(streams).collect()
}

fn recording(said: RecordingChanged, happens: fn(Box<Asset>) -> MediaEvent) -> Said {
    in_room(said.room_session_id, happens(Box::new(recording_asset(said.recording))))
}

fn playback(said: PlaybackChanged, happens: fn(Box<Asset>) -> MediaEvent) -> Said {
    in_room(said.room_session_id, happens(Box::new(playback_asset(said.playback))))
}

fn stream(said: StreamChanged, happens: fn(Box<Asset>) -> MediaEvent) -> Said {
    in_room(said.room_session_id, happens(Box::new(stream_asset(said.stream))))
}

fn recording_asset(recording: Recording) -> Asset {
    Asset {
        state: some(recording.state),
        started_s: recording.started_at,
        ended_s: recording.ended_at,
        duration_s: recording.duration,
        ..Asset::new(AssetKind::Recording, recording.id)
    }
}

fn playback_asset(playback: Playback) -> Asset {
    Asset {
        state: some(playback.state),
        url: some(playback.url),
        started_s: playback.started_at,
        ended_s: playback.ended_at,
        position_s: playback.position.map(|ms| ms / 1_000.0),
        ..Asset::new(AssetKind::Playback, playback.id)
    }
}

fn stream_asset(stream: Stream) -> Asset {
    Asset {
        state: some(stream.state),
        url: some(stream.url),
        started_s: stream.started_at,
        ended_s: stream.ended_at,
        duration_s: stream.duration,
        ..Asset::new(AssetKind::Stream, stream.id)
    }
}

fn cell(layer: Layer) -> Cell {
    let percent = |value: Option<f64>| value.unwrap_or_default() as f32;
    Cell {
        member: some(layer.member_id).map(Into::into),
        x: percent(layer.x),
        y: percent(layer.y),
        width: percent(layer.width),
        height: percent(layer.height),
        z: layer.z_index.unwrap_or_default() as i32,
        position: layer.position,
        visible: layer.visible.unwrap_or_default(),
    }
}

fn device(device: PageDevice) -> Device {
    Device { id: some(device.id), label: some(device.label) }
}

fn device_lost(kind: DeviceKind, lost: PageDevice) -> Said {
    Said::new(DeviceEvent::Lost { kind, device: device(lost) }, None)
}

fn device_switched(kind: DeviceKind, said: DeviceSwitched) -> Said {
    Said::new(DeviceEvent::Switched { kind, from: device(said.previous), to: device(said.current) }, None)
}
