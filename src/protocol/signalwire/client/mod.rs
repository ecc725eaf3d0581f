//! The server side of SignalWire's Realtime API, as a program speaks it: rooms are followed without media.
//!
//! ```text
//! we                                             SignalWire
//!  | signalwire.connect (project, token)     ->
//!  |                                         <-  protocol, authorization
//!  | signalwire.subscribe video.rooms        ->
//!  |                                         <-  ok, and from now on each room's video.room.started
//!  | signalwire.subscribe the room's channel ->
//!  |                                         <-  ok, and from now on its events, each acknowledged by its id
//!  |                                         <-  signalwire.ping, answered; 15 s without one: the link is dead
//! ```
//!
//! After a break the connection is opened with the `protocol` of the last one. If the server gives it back, it has kept the
//! subscriptions that it had taken, and members are asked for room by room, as what happened meanwhile is lost; if not, all is
//! asked for anew. Rooms are listed again either way: some may have begun.

mod answers;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    events::{PLATFORM, base, room_of},
    frame::{Incoming, read},
    objects::{RoomChanged, RoomSubscribed},
};
use crate::{
    agent::{Action, ActionError},
    event::{Event, RoomId},
    net::limits,
    protocol::{
        Fault, FaultKind, Frame, Machine, Output,
        machine::{Unreadable, read_text},
        requests::{Request, Requests},
    },
};

/// Who we are to SignalWire.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A project and its API token, as programs have them.
    Project {
        /// The project's id.
        project: String,
        /// Its token.
        token: SecretString,
    },
    /// A video room token (a JWT), as a page has it. It is renewed before it ends.
    Jwt {
        /// The project's id.
        project: String,
        /// The token.
        token: SecretString,
    },
}

impl Credentials {
    fn authentication(&self) -> Value {
        match self {
            Credentials::Project { project, token } => json!({ "project": project, "token": token.expose_secret() }),
            Credentials::Jwt { project, token } => json!({ "project": project, "jwt_token": token.expose_secret() }),
        }
    }
}

/// See the module's head.
pub struct Client {
    credentials: Credentials,
    outputs: VecDeque<Output>,
    unreadable: Unreadable,
    requests: Requests<String, Asked>,
    next_id: u64,
    /// What the server called the connection, to go on where it broke.
    protocol: Option<String>,
    authorization_state: Option<String>,
    /// By the session's id.
    rooms: BTreeMap<RoomId, Subscription>,
    /// The same moment on both clocks.
    opened: Option<(Instant, Duration)>,
    watchdog: Option<Instant>,
    renew_at: Option<Instant>,
    /// It has asked us to say nothing more, and closes by then.
    leaves_by: Option<Instant>,
}

/// What tells of a room.
#[derive(Debug, Clone)]
struct Subscription {
    channel: String,
    /// The server has taken it, and keeps it with the protocol.
    is_taken: bool,
}

/// What the connection itself has asked for.
#[derive(Debug)]
enum Asked {
    Connect { with_protocol: bool },
    SubscribeRooms,
    SubscribeRoom(RoomId),
    Members(RoomId),
    Reauthenticate,
}

impl Client {
    /// One that shows these credentials.
    pub fn new(credentials: Credentials) -> Client {
        Client {
            credentials,
            outputs: VecDeque::new(),
            unreadable: Unreadable::default(),
            requests: Requests::default(),
            next_id: 0,
            protocol: None,
            authorization_state: None,
            rooms: BTreeMap::new(),
            opened: None,
            watchdog: None,
            renew_at: None,
            leaves_by: None,
        }
    }

    fn request(&mut self, now: Instant, request: Request<Asked>, method: &str, params: Value) {
        self.next_id += 1;
        let id = format!("roomtone-{}", self.next_id);
        let text = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        self.outputs.push_back(Output::Send(text));
        self.requests.insert(now, id, request);
    }

    fn ask(&mut self, now: Instant, asked: Asked, method: &str, params: Value) {
        self.request(now, Request::Own(asked), method, params);
    }

    fn answer(&mut self, id: &Value, result: &Value) {
        if self.leaves_by.is_some() {
            return;
        }
        let text = json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
        self.outputs.push_back(Output::Send(text));
    }

    fn connect(&mut self, now: Instant) {
        let mut params = json!({
            "version": { "major": 3, "minor": 0, "revision": 0 },
            "event_acks": true,
            "agent": concat!("roomtone/", env!("CARGO_PKG_VERSION")),
            "authentication": self.credentials.authentication(),
        });
        if let Some(protocol) = &self.protocol {
            params["protocol"] = json!(protocol);
        }
        if let Some(state) = &self.authorization_state {
            params["authorization_state"] = json!(state);
        }
        let with_protocol = self.protocol.is_some();
        self.ask(now, Asked::Connect { with_protocol }, "signalwire.connect", params);
    }

    fn subscribe(&mut self, now: Instant, asked: Asked, channel: &str, events: &[&str]) {
        let params = json!({ "event_channel": channel, "events": events, "get_initial_state": true });
        self.ask(now, asked, "signalwire.subscribe", params);
    }

    fn subscribe_room(&mut self, now: Instant, room: &RoomId) {
        if let Some(Subscription { channel, .. }) = self.rooms.get(room).cloned() {
            self.subscribe(now, Asked::SubscribeRoom(room.clone()), &channel, ROOM_EVENTS);
        }
    }

    fn on_event(&mut self, now: Instant, name: &str, event: Event) {
        let native = event.native.as_ref();
        match base(name) {
            "room.started" => {
                if let Some(said) = native.and_then(|native| native.view::<RoomChanged>()) {
                    let channel = channel_of(&said.room_session.event_channel, &said.room.event_channel);
                    self.follow_room(now, room_of(&said).into(), channel);
                }
            }
            "room.ended" => drop(event.room().map(|room| self.rooms.remove(room))),
            "room.subscribed" => {
                if let (Some(said), Some(room)) =
                    (native.and_then(|native| native.view::<RoomSubscribed>()), event.room())
                {
                    let channel = channel_of(&said.room_session.event_channel, &said.room.event_channel);
                    let is_known = self.rooms.contains_key(room);
                    if let Some(channel) = channel.filter(|_| !is_known && self.rooms.len() < MOST_ROOMS) {
                        self.rooms.insert(room.clone(), Subscription { channel, is_taken: true });
                    }
                }
            }
            "signalwire.authorization.state" => {
                let state = native.and_then(|native| native.json()?["authorization_state"].as_str().map(str::to_owned));
                self.authorization_state = state;
            }
            _ => {}
        }
        self.outputs.push_back(Output::Event(Box::new(event)));
    }

    fn follow_room(&mut self, now: Instant, room: RoomId, channel: Option<String>) {
        let Some(channel) = channel.filter(|_| self.rooms.len() < MOST_ROOMS) else { return };
        if !self.rooms.contains_key(&room) {
            self.rooms.insert(room.clone(), Subscription { channel, is_taken: false });
            self.subscribe_room(now, &room);
        }
    }

    fn on_request(&mut self, now: Instant, id: &Value, method: &str, params: &Value) {
        match method {
            "signalwire.ping" => {
                self.watchdog = Some(now + WATCHDOG);
                self.answer(id, &json!({ "timestamp": params["timestamp"] }));
            }
            "signalwire.disconnect" => {
                self.answer(id, &json!({}));
                self.leaves_by = Some(now + limits::ANSWER);
            }
            _ => self.answer(id, &json!({})),
        }
    }

    fn close(&mut self, kind: FaultKind, message: String) {
        self.outputs.push_back(Output::Close(Fault::new(kind, message)));
    }
}

impl Machine for Client {
    fn on_open(&mut self, now: Instant, since_1970: Duration) {
        self.opened = Some((now, since_1970));
        self.outputs.clear();
        self.requests.forget(&mut self.outputs);
        (self.watchdog, self.renew_at, self.leaves_by) = (None, None, None);
        self.unreadable = Unreadable::default();
        self.connect(now);
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        match read_text(PLATFORM, frame, &mut self.unreadable, &mut self.outputs, read) {
            Some(Incoming::Event { id, name, event }) => {
                self.answer(&id, &json!({}));
                self.on_event(now, &name, *event);
            }
            Some(Incoming::Forwarded(event)) => self.outputs.push_back(Output::Event(event)),
            Some(Incoming::Request { id, method, params }) => self.on_request(now, &id, &method, &params),
            Some(Incoming::Answer { id, result }) => self.on_answer(now, &id, result),
            Some(Incoming::Nothing) | None => {}
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.watchdog.take_if(|due| *due <= now).is_some() {
            self.close(FaultKind::Broken, format!("no ping has come for {} s", WATCHDOG.as_secs()));
        }
        if self.leaves_by.take_if(|due| *due <= now).is_some() {
            self.close(FaultKind::Broken, "the server has asked us to leave".to_owned());
        }
        if self.renew_at.take_if(|due| *due <= now).is_some() {
            self.outputs.push_back(Output::WantsToken);
        }
        self.requests.on_time(now, &mut self.outputs);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.requests.poll_timeout().into_iter().chain(self.watchdog).chain(self.renew_at).chain(self.leaves_by).min()
    }

    fn act(&mut self, now: Instant, number: u64, room: &RoomId, action: &Action) -> Result<(), ActionError> {
        let (method, peer) = match action {
            Action::MuteAudio { peer, muted: true } => ("video.member.audio_mute", peer),
            Action::MuteAudio { peer, muted: false } => ("video.member.audio_unmute", peer),
            Action::MuteVideo { peer, muted: true } => ("video.member.video_mute", peer),
            Action::MuteVideo { peer, muted: false } => ("video.member.video_unmute", peer),
            Action::Remove { peer } => ("video.member.remove", peer),
            other => return Err(ActionError::unsupported(other, "SignalWire")),
        };
        if self.leaves_by.is_some() {
            return Err(ActionError::unanswered(action, "the server is about to close the connection"));
        }
        let params = json!({ "room_session_id": room.as_str(), "member_id": peer.as_str() });
        self.request(now, Request::Act(number, action.clone()), method, params);
        Ok(())
    }

    fn on_token(&mut self, now: Instant, token: SecretString) {
        if let Credentials::Jwt { project, token: old } = &mut self.credentials {
            let authentication = json!({ "project": project, "jwt_token": token.expose_secret() });
            *old = token;
            let params = json!({ "authentication": authentication });
            self.ask(now, Asked::Reauthenticate, "signalwire.reauthenticate", params);
        }
    }
}

fn channel_of(channel: &Value, twin: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().or_else(|| value.get(0)?.as_str()).map(str::to_owned);
    text(channel).or_else(|| text(twin)).filter(|channel| !channel.is_empty())
}

/// What is asked for of each room.
const ROOM_EVENTS: &[&str] = &[
    "video.room.subscribed",
    "video.room.updated",
    "video.room.audience_count",
    "video.room.ended",
    "video.layout.changed",
    "video.member.joined",
    "video.member.left",
    "video.member.updated",
    "video.member.talking",
    "video.member.promoted",
    "video.member.demoted",
    "video.playback.started",
    "video.playback.updated",
    "video.playback.ended",
    "video.recording.started",
    "video.recording.updated",
    "video.recording.ended",
    "video.stream.started",
    "video.stream.ended",
];
/// How long after a ping the next one must come.
const WATCHDOG: Duration = Duration::from_secs(15);
/// How long before a token's end another one is asked for.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// A token that is given out so late is not asked for in a circle.
const RENEW_AGAIN: Duration = Duration::from_secs(20);
/// No token lasts longer than ten years, whatever its end says.
const FARTHEST_S: f64 = 315_360_000.0;
const BAD_CREDENTIALS: i64 = -32_002;
const INTERNAL: i64 = -32_603;
const NOT_FOUND: i64 = 404;
/// Rooms that are followed at a time.
const MOST_ROOMS: usize = 10_000;
