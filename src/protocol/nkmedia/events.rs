//! NkMEDIA's table: what each event means.
//!
//! Names changed while the platform was made. The table has the first ones; `first_name` leads from every later name to them.

use serde_json::Value;

use super::objects::*;
use crate::{
    event::{
        CallEvent, Changes, End, EventKind, Leg, Metadata, Peer, PeerEvent, PeerKind, Place, Role, RoomEvent, Sdp,
    },
    protocol::spec::{EventSpec, Said, event_table},
};

/// The platform's name in [`Native::platform`](crate::event::Native::platform).
pub const PLATFORM: &str = "nkmedia";

/// The first name of an event that a server of any age calls `class/subclass/type`.
fn first_name(name: &str, role: &str) -> &'static str {
    match (name, role) {
        ("media/session/destroyed", _) => "media/session/stop",
        ("media/session/type", _) => "media/session/updated_type",
        ("media/room/created", _) => "media/room/started",
        ("media/room/started_member", "listener" | "viewer") => "media/room/started_listener",
        ("media/room/started_member", _) => "media/room/started_publisher",
        ("media/room/stopped_member", "listener" | "viewer") => "media/room/stopped_listener",
        ("media/room/stopped_member", _) => "media/room/stopped_publisher",
        ("collab/call/ringing", _) => "media/call/ringing",
        ("collab/call/accepted" | "collab/call/session_answer", _) => "media/call/answer",
        ("collab/call/hangup", _) => "media/call/hangup",
        _ => EVENTS.iter().map(|spec| spec.wire).find(|wire| *wire == name).unwrap_or_default(),
    }
}

/// The line of an event, by its name and, where members are spoken of, their role.
pub(super) fn spec(name: &str, role: &str) -> Option<&'static EventSpec> {
    let first = first_name(name, role);
    EVENTS.iter().find(|spec| spec.wire == first)
}

event_table! {
    PLATFORM, |wire, name| ["publisher", "listener"].iter().any(|role| first_name(name, role) == wire);
    Answered {
        documented "session.answer" "media/session/answer" "call.answered" Platform => |said, _| {
            let leg = Leg::Session(said.obj_id.clone());
            Said::new(CallEvent::Answered { leg, sdp: sdp(said.body) }, Some(Place::Session(said.obj_id)))
        };
        documented "call.ringing" "media/call/ringing" "call.ringing" Platform => |said, _| {
            let leg = Leg::Call(said.obj_id.clone());
            Said::new(CallEvent::Ringing { leg, sdp: sdp(said.body) }, Some(Place::Call(said.obj_id)))
        };
        documented "call.answer" "media/call/answer" "call.answered" Platform => |said, _| {
            let leg = Leg::Call(said.obj_id.clone());
            Said::new(CallEvent::Answered { leg, sdp: sdp(said.body) }, Some(Place::Call(said.obj_id)))
        };
    }
    Ended {
        documented "session.stop" "media/session/stop" "call.ended" Platform => |said, _| {
            let leg = Leg::Session(said.obj_id.clone());
            Said::new(CallEvent::Ended { leg, end: end(said.body) }, Some(Place::Session(said.obj_id)))
        };
        documented "room.destroyed" "media/room/destroyed" "room.closed" Platform => |said, _| {
            in_room(said.obj_id, RoomEvent::Closed { end: end(said.body) })
        };
        documented "call.hangup" "media/call/hangup" "call.ended" Platform => |said, _| {
            let leg = Leg::Call(said.obj_id.clone());
            Said::new(CallEvent::Ended { leg, end: end(said.body) }, Some(Place::Call(said.obj_id)))
        };
    }
    TypeUpdated {
        documented "session.updated_type" "media/session/updated_type" "call.updated" Platform => |said, payload| {
            updated(said.obj_id, &payload["body"])
        };
    }
    RoomStarted {
        documented "room.started" "media/room/started" "room.opened" Platform => |said, payload| {
            in_room(said.obj_id, RoomEvent::Opened { info: Metadata::new(payload["body"].clone()) })
        };
    }
    MemberChanged {
        documented "room.started_publisher" "media/room/started_publisher" "peer.joined" Platform => |said, _| {
            in_room(said.obj_id, PeerEvent::joined(publisher(&said.body)))
        };
        documented "room.stopped_publisher" "media/room/stopped_publisher" "peer.left" Platform => |said, _| {
            in_room(said.obj_id, PeerEvent::left(publisher(&said.body)))
        };
        documented "room.started_listener" "media/room/started_listener" "peer.joined" Platform => |said, _| {
            in_room(said.obj_id, PeerEvent::joined(listener(&said.body)))
        };
        documented "room.stopped_listener" "media/room/stopped_listener" "peer.left" Platform => |said, _| {
            in_room(said.obj_id, PeerEvent::left(listener(&said.body)))
        };
    }
    Candidate {
        later "session.candidate" "media/session/candidate" "call.updated" Platform => |said, _| updated(said.obj_id, &said.body);
    }
}

fn in_room(room: String, kind: impl Into<EventKind>) -> Said {
    Said::new(kind, (!room.is_empty()).then(|| Place::Room(room.into())))
}

fn updated(session: String, changed: &Value) -> Said {
    let (leg, changes) = (Leg::Session(session.clone()), Changes::Named(Metadata::new(changed.clone())));
    Said::new(CallEvent::Updated { leg, changes }, Some(Place::Session(session)))
}

fn sdp(body: AnsweredBody) -> Option<Sdp> {
    let AnsweredBody { answer } = body;
    let kind = Some(answer.sdp_type).filter(|kind| !kind.is_empty());
    (!answer.sdp.is_empty()).then(|| Sdp { text: answer.sdp.as_str().into(), kind })
}

/// Codes changed from month to month, and one document has `error` for `reason`: nothing is built on either.
fn end(body: EndedBody) -> End {
    let EndedBody { code, reason, error } = body;
    let reason = if reason.is_empty() { error } else { reason };
    End::Coded { code: code.unwrap_or_default(), reason }
}

/// A publisher or a listener is a session; which user has it may be unknown.
pub(super) fn publisher(body: &MemberBody) -> Peer {
    let user = first(&body.user, &body.user_id).map(Into::into);
    Peer { role: Role::Publisher, user, ..Peer::new(body.session_id.as_str().into(), PeerKind::Person) }
}

pub(super) fn listener(body: &MemberBody) -> Peer {
    let of = first(&body.peer, &body.peer_id).map(Into::into);
    Peer { role: Role::Listener { of }, ..publisher(body) }
}

fn first<'a>(old: &'a str, new: &'a str) -> Option<&'a str> {
    [old, new].into_iter().find(|text| !text.is_empty())
}
