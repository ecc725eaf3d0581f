//! A user of an NkMEDIA server, as a program is one.
//!
//! ```text
//! we                                       NkMEDIA
//!  | core/user/login                   ->
//!  |                                   <-  ack, ok
//!  | core/event/subscribe media        ->
//!  |                                   <-  ok, and from now on every event, each answered within 5 s
//!  | media/room/list, media/room/info  ->
//!  |                                   <-  who was there before us
//!  | core/event/get_subscriptions      ->      every 20 s: a client that says nothing for 30 s is cut off
//! ```
//!
//! Nothing is kept from one connection to the next: after a break all of this is done again.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    events::{PLATFORM, listener, publisher},
    frame::{Incoming, read},
    objects::MemberBody,
};
use crate::{
    agent::{Action, ActionError},
    event::{Event, Member, Metadata, Peer, RoomEvent, RoomId},
    protocol::{
        Fault, FaultKind, Frame, Machine, Output,
        machine::{Unreadable, read_text},
        requests::{Request, Requests},
    },
};

/// Who we are to the server.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// See the module's head.
pub struct Client {
    login: Login,
    outputs: VecDeque<Output>,
    unreadable: Unreadable,
    requests: Requests<u64, Asked>,
    next_tid: u64,
    /// The server has the commands' last names: `get_list` for `list`, `get_info` for `info`, `destroy` for `stop`.
    has_last_names: bool,
    /// Rooms that are to be looked at.
    unasked: VecDeque<RoomId>,
    keep_alive: Option<Instant>,
}

/// What the connection itself has asked for.
#[derive(Debug)]
enum Asked {
    Login,
    Subscribe,
    KeepAlive,
    Rooms,
    Room(RoomId),
}

impl Client {
    /// One that logs in as this user.
    pub fn new(login: Login) -> Client {
        let (outputs, requests) = (VecDeque::new(), Requests::default());
        Client {
            login,
            outputs,
            unreadable: Unreadable::default(),
            requests,
            next_tid: 0,
            has_last_names: false,
            unasked: VecDeque::new(),
            keep_alive: None,
        }
    }

    fn ask(&mut self, now: Instant, asked: Asked, command: [&str; 3], data: &Value) {
        self.request(now, Request::Own(asked), command, data);
    }

    fn request(&mut self, now: Instant, request: Request<Asked>, [class, subclass, cmd]: [&str; 3], data: &Value) {
        self.next_tid += 1;
        let mut frame = json!({ "class": class, "subclass": subclass, "cmd": cmd, "tid": self.next_tid });
        if data.as_object().is_some_and(|data| !data.is_empty()) {
            frame["data"] = data.clone();
        }
        self.outputs.push_back(Output::Send(frame.to_string()));
        self.requests.insert(now, self.next_tid, request);
        if self.keep_alive.is_some() {
            self.keep_alive = Some(now + KEEP_ALIVE);
        }
    }

    fn reply(&mut self, tid: &Value) {
        self.outputs.push_back(Output::Send(json!({ "result": "ok", "tid": tid }).to_string()));
    }

    fn on_reply(&mut self, now: Instant, tid: u64, result: Result<Value, String>) {
        let asked = match self.requests.take(&tid) {
            None => return,
            Some(Request::Own(asked) | Request::Look(asked)) => asked,
            Some(Request::Act(number, action)) => {
                let result = result.map(drop).map_err(|why| ActionError::refused(&action, why));
                return self.outputs.push_back(Output::Acted(number, result));
            }
        };
        match (asked, result) {
            (Asked::Login, Ok(_)) => {
                self.keep_alive = Some(now + KEEP_ALIVE);
                // Once, for all: overlapping subscriptions tell everything twice.
                self.ask(now, Asked::Subscribe, ["core", "event", "subscribe"], &json!({ "class": "media" }));
            }
            (Asked::Login, Err(why)) => {
                self.close(
                    FaultKind::Unauthorized,
                    format!("NkMEDIA refuses the login ({why}); check user and password"),
                );
            }
            (Asked::Subscribe, Ok(_)) => {
                self.outputs.push_back(Output::Live);
                self.list_rooms(now);
            }
            (Asked::Subscribe, Err(why)) => {
                self.close(FaultKind::Unauthorized, format!("NkMEDIA refuses the subscription to its events ({why})"));
            }
            (Asked::Rooms, Ok(listed)) => {
                self.unasked = rooms_of(&listed);
                self.outputs.push_back(Output::Listed(self.unasked.iter().cloned().collect()));
                self.look_at_rooms(now);
            }
            // The commands were renamed once.
            (Asked::Rooms, Err(_)) if !self.has_last_names => {
                self.has_last_names = true;
                self.list_rooms(now);
            }
            (Asked::Rooms, Err(why)) => {
                self.outputs.push_back(Output::Trouble(format!("NkMEDIA lists no rooms: {why}")))
            }
            (Asked::Room(room), info) => {
                // One that cannot be told of is gone meanwhile.
                info.into_iter().for_each(|info| self.on_room(room.clone(), &info));
                self.look_at_rooms(now);
            }
            (Asked::KeepAlive, _) => {}
        }
    }

    fn list_rooms(&mut self, now: Instant) {
        let command = if self.has_last_names { "get_list" } else { "list" };
        self.request(now, Request::Look(Asked::Rooms), ["media", "room", command], &json!({}));
    }

    /// Asks for a few of the rooms at a time: a server with thousands answers in its own time.
    fn look_at_rooms(&mut self, now: Instant) {
        while self.requests.looks() < AT_ONCE {
            let Some(room) = self.unasked.pop_front() else { return };
            let data = json!({ "room_id": room.as_str() });
            let command = if self.has_last_names { "get_info" } else { "info" };
            self.request(now, Request::Look(Asked::Room(room)), ["media", "room", command], &data);
        }
    }

    fn on_room(&mut self, room: RoomId, info: &Value) {
        let peers = |key: &str, peer: fn(&MemberBody) -> Peer| {
            let sessions = info[key].as_object().into_iter().flatten();
            let members =
                sessions.map(move |(session, said)| Member { peer: peer(&member_of(session, said)), state: None });
            members.collect::<Vec<Member>>()
        };
        let by_role = |body: &MemberBody| match body.role.as_str() {
            "listener" | "viewer" => listener(body),
            _ => publisher(body),
        };
        // Newer servers have one list of all, each with a role.
        let roster = [peers("publishers", publisher), peers("listeners", listener), peers("members", by_role)].concat();
        let mut about = info.as_object().cloned().unwrap_or_default();
        about.retain(|key, _| !matches!(key.as_str(), "publishers" | "listeners" | "members"));
        let info = Metadata::new(about.into());
        let entered = RoomEvent::Entered { me: None, info, roster: Some(roster), running: Vec::new() };
        self.outputs.push_back(Output::Event(Box::new(Event::derived(entered).in_room(room))));
    }

    fn close(&mut self, kind: FaultKind, message: String) {
        self.outputs.push_back(Output::Close(Fault::new(kind, message)));
    }
}

/// A member of a list: its session is the key; the value is its user, or says more.
fn member_of(session: &str, said: &Value) -> MemberBody {
    let mut body = MemberBody::deserialize(said).unwrap_or_default();
    body.session_id = session.to_owned();
    if let Some(user) = said.as_str() {
        body.user = user.to_owned();
    }
    body
}

/// Lists of rooms came as ids, as objects, and as either under a key.
fn rooms_of(listed: &Value) -> VecDeque<RoomId> {
    let inner = ["rooms", "ids", "list"].iter().find_map(|key| listed[*key].as_array());
    let all = inner.or_else(|| listed.as_array()).into_iter().flatten();
    let id = |room: &Value| room.as_str().or_else(|| room["room_id"].as_str()).map(RoomId::from);
    all.filter_map(id).take(MOST_ROOMS).collect()
}

impl Machine for Client {
    fn on_open(&mut self, now: Instant, _since_1970: Duration) {
        self.outputs.clear();
        self.requests.forget(&mut self.outputs);
        (self.next_tid, self.keep_alive, self.unreadable) = (0, None, Unreadable::default());
        self.unasked.clear();
        let password = self.login.password.expose_secret().to_owned();
        // Services read one of the two.
        let data = json!({ "user": self.login.user, "password": password, "pass": password });
        self.ask(now, Asked::Login, ["core", "user", "login"], &data);
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        match read_text(PLATFORM, frame, &mut self.unreadable, &mut self.outputs, read) {
            Some(Incoming::Event { tid, event }) => {
                self.reply(&tid);
                self.outputs.push_back(Output::Event(event));
            }
            Some(Incoming::Ping { tid }) => self.reply(&tid),
            Some(Incoming::Request { tid, name }) => {
                let data = json!({ "code": 1_000, "error": format!("an agent does not take {name}") });
                let text = json!({ "result": "error", "tid": tid, "data": data }).to_string();
                self.outputs.push_back(Output::Send(text));
            }
            Some(Incoming::Reply { tid, result }) => self.on_reply(now, tid, result),
            Some(Incoming::Ack) | None => {}
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.keep_alive.is_some_and(|due| due <= now) {
            self.ask(now, Asked::KeepAlive, ["core", "event", "get_subscriptions"], &json!({}));
        }
        self.requests.on_time(now, &mut self.outputs);
        self.look_at_rooms(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.requests.poll_timeout().into_iter().chain(self.keep_alive).min()
    }

    fn act(&mut self, now: Instant, number: u64, _room: &RoomId, action: &Action) -> Result<(), ActionError> {
        match action {
            Action::Remove { peer } => {
                let data = json!({ "session_id": peer.as_str() });
                let command = if self.has_last_names { "destroy" } else { "stop" };
                self.request(now, Request::Act(number, action.clone()), ["media", "session", command], &data);
                Ok(())
            }
            other => Err(ActionError::unsupported(other, "NkMEDIA")),
        }
    }
}

/// Well within the 30 s after which a server cuts off who says nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Rooms that are asked for at a time,
const AT_ONCE: usize = 16;
/// and in all.
const MOST_ROOMS: usize = 10_000;
