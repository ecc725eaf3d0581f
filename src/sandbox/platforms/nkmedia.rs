//! An NkMEDIA server, as one of its users meets it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::{FakeOutput, FakeServer, Outputs, send};
use crate::protocol::Protocol;

/// Lets in any user with its password, tells events to those who subscribed, and closes on who does not answer within 5 s,
/// says nothing for too long, or says what makes no sense.
#[derive(Debug)]
pub struct FakeNkmedia {
    password: String,
    /// How long a client may say nothing.
    idle: Duration,
    /// How often clients are pinged; `None` for never, as services have it that were not told to.
    ping: Option<Duration>,
    /// The commands have their last names.
    has_last_names: bool,
    clients: BTreeMap<u64, Client>,
    rooms: BTreeMap<String, Room>,
    outputs: Outputs,
}

#[derive(Debug)]
struct Client {
    is_in: bool,
    is_subscribed: bool,
    next_tid: u64,
    /// By when each of the server's requests must be answered.
    unanswered: BTreeMap<u64, Instant>,
    heard: Instant,
    next_ping: Option<Instant>,
}

#[derive(Debug, Default)]
struct Room {
    about: Value,
    publishers: Map<String, Value>,
    listeners: Map<String, Value>,
}

impl Default for FakeNkmedia {
    /// The password `development`, 30 s of silence, no pings.
    fn default() -> FakeNkmedia {
        FakeNkmedia {
            password: "development".into(),
            idle: Duration::from_secs(30),
            ping: None,
            has_last_names: false,
            clients: BTreeMap::new(),
            rooms: BTreeMap::new(),
            outputs: Outputs::new(),
        }
    }
}

impl FakeNkmedia {
    /// One that lets in who shows this password.
    pub fn with_password(password: impl Into<String>) -> FakeNkmedia {
        FakeNkmedia { password: password.into(), ..FakeNkmedia::default() }
    }

    /// The same, which cuts off who says nothing for so long.
    pub fn idle(self, idle: Duration) -> FakeNkmedia {
        FakeNkmedia { idle, ..self }
    }

    /// The same, with the names that commands had at last: `get_list`, `get_info`, `destroy`.
    pub fn of_last_names(self) -> FakeNkmedia {
        FakeNkmedia { has_last_names: true, ..self }
    }

    /// The same, which pings this often.
    pub fn pinging(self, ping: Duration) -> FakeNkmedia {
        FakeNkmedia { ping: Some(ping), ..self }
    }

    fn request(&mut self, now: Instant, number: u64, mut frame: Value) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        client.next_tid += 1;
        frame["tid"] = json!(client.next_tid);
        client.unanswered.insert(client.next_tid, now + ANSWER);
        send(&mut self.outputs, number, &frame);
    }

    fn reply(&mut self, number: u64, tid: &Value, result: Result<Value, (i64, &str)>) {
        let frame = match result {
            Ok(data) => json!({ "result": "ok", "tid": tid, "data": data }),
            Err((code, error)) => json!({ "result": "error", "tid": tid, "data": { "code": code, "error": error } }),
        };
        send(&mut self.outputs, number, &frame);
    }

    fn on_request(&mut self, now: Instant, number: u64, frame: &Value) {
        let (tid, data) = (&frame["tid"], &frame["data"]);
        let subclass = frame["subclass"].as_str().unwrap_or("core");
        let command = format!("{}/{subclass}/{}", text(&frame["class"]), text(&frame["cmd"]));
        let Some(client) = self.clients.get_mut(&number) else { return };
        // Each of the two has the others' names for unknown.
        let first_name = match (command.as_str(), self.has_last_names) {
            ("media/room/get_list", true) => "media/room/list",
            ("media/room/get_info", true) => "media/room/info",
            ("media/session/destroy", true) => "media/session/stop",
            ("media/room/list" | "media/room/info" | "media/session/stop", true) => "",
            (command, _) => command,
        };
        match first_name {
            "core/user/login" if client.is_in => self.reply(number, tid, Err((1_000, "Already authenticated"))),
            "core/user/login" => {
                send(&mut self.outputs, number, &json!({ "ack": tid }));
                let is_right = [&data["password"], &data["pass"]].into_iter().any(|shown| *shown == *self.password);
                client.is_in = is_right;
                client.next_ping = self.ping.filter(|_| is_right).map(|every| now + every);
                let result = if is_right {
                    Ok(json!({ "session_id": format!("fake-{number}") }))
                } else {
                    Err((1_000, "Unauthorized"))
                };
                self.reply(number, tid, result);
            }
            _ if !client.is_in => self.reply(number, tid, Err((1_000, "Not authenticated"))),
            "core/event/subscribe" => {
                client.is_subscribed |= data["class"] == "media" || data["class"] == "*";
                self.reply(number, tid, Ok(Value::Null));
            }
            "core/event/unsubscribe" => {
                client.is_subscribed = false;
                self.reply(number, tid, Ok(Value::Null));
            }
            "core/event/get_subscriptions" => self.reply(number, tid, Ok(json!([{ "class": "media" }]))),
            "media/room/list" => {
                let rooms: Vec<Value> = self.rooms.keys().map(|room| json!({ "room_id": room })).collect();
                self.reply(number, tid, Ok(rooms.into()));
            }
            "media/room/info" => {
                let of = if self.has_last_names { Room::last_info } else { Room::info };
                let info = self.rooms.get(text(&data["room_id"])).map(of);
                self.reply(number, tid, info.ok_or((2_031, "Room not found")));
            }
            "media/session/stop" => self.stop_session(now, number, tid, text(&data["session_id"])),
            _ => self.reply(number, tid, Err((9_999, "Unknown Error"))),
        }
    }

    /// A session that publishes or listens is ended by somebody else: its room says so.
    fn stop_session(&mut self, now: Instant, number: u64, tid: &Value, session: &str) {
        let found = self.rooms.iter().find_map(|(id, room)| {
            let user = room.publishers.get(session).map(|user| ("stopped_publisher", user.clone()));
            user.or_else(|| room.listeners.get(session).map(|said| ("stopped_listener", said["user"].clone())))
                .map(|(kind, user)| (id.clone(), kind, user))
        });
        let Some((room, kind, user)) = found else {
            return self.reply(number, tid, Err((2_000, "Session not found")));
        };
        self.reply(number, tid, Ok(Value::Null));
        let body = json!({ "session_id": session, "user": user });
        let event = json!({ "class": "media", "subclass": "room", "type": kind, "obj_id": room, "body": body });
        self.happen(now, &event);
    }

    fn happen(&mut self, now: Instant, data: &Value) {
        if data["subclass"] == "room" {
            let id = text(&data["obj_id"]).to_owned();
            let (body, kind) = (&data["body"], text(&data["type"]));
            let room = self.rooms.entry(id.clone()).or_default();
            let (session, user) = (text(&body["session_id"]).to_owned(), body["user"].clone());
            match kind {
                "started" | "created" => room.about = body.clone(),
                "started_publisher" => drop(room.publishers.insert(session, user)),
                "stopped_publisher" => drop(room.publishers.remove(&session)),
                "started_listener" => {
                    room.listeners.insert(session, json!({ "user": user, "peer": body["peer"] }));
                }
                "stopped_listener" => drop(room.listeners.remove(&session)),
                "destroyed" => drop(self.rooms.remove(&id)),
                _ => {}
            }
        }
        let hearing = self.clients.iter().filter(|(_, client)| client.is_subscribed);
        let hearing: Vec<u64> = hearing.map(|(number, _)| *number).collect();
        for number in hearing {
            self.request(now, number, json!({ "class": "core", "cmd": "event", "data": data }));
        }
    }
}

impl Room {
    /// As servers gave it at last: one list of all, each with a role.
    fn last_info(&self) -> Value {
        let mut info = self.about.as_object().cloned().unwrap_or_default();
        let publishers = self.publishers.iter();
        let publishers = publishers.map(|(id, user)| (id.clone(), json!({ "role": "publisher", "user_id": user })));
        let listeners = self.listeners.iter().map(|(id, said)| {
            (id.clone(), json!({ "role": "listener", "user_id": said["user"], "peer_id": said["peer"] }))
        });
        info.insert("members".into(), publishers.chain(listeners).collect::<Map<_, _>>().into());
        info.into()
    }

    fn info(&self) -> Value {
        let mut info = self.about.as_object().cloned().unwrap_or_default();
        info.insert("publishers".into(), self.publishers.clone().into());
        info.insert("listeners".into(), self.listeners.clone().into());
        info.into()
    }
}

impl FakeServer for FakeNkmedia {
    fn protocol(&self) -> Protocol {
        Protocol::Nkmedia
    }

    fn secret(&self) -> String {
        self.password.clone()
    }

    fn on_open(&mut self, now: Instant, client: u64) {
        let unanswered = BTreeMap::new();
        let fresh = Client { is_in: false, is_subscribed: false, next_tid: 0, unanswered, heard: now, next_ping: None };
        self.clients.insert(client, fresh);
    }

    fn on_text(&mut self, now: Instant, number: u64, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(client) = self.clients.get_mut(&number) else { return };
        client.heard = now;
        let tid = frame["tid"].as_u64();
        match (&frame["cmd"], &frame["result"], &frame["ack"]) {
            (Value::String(_), ..) => self.on_request(now, number, &frame),
            // An error is an answer, too.
            (_, Value::String(_), _) => drop(tid.and_then(|tid| client.unanswered.remove(&tid))),
            (_, _, Value::Number(tid)) => {
                let due = tid.as_u64().and_then(|tid| client.unanswered.get_mut(&tid));
                due.into_iter().for_each(|due| *due = now + ACKNOWLEDGED);
            }
            _ => self.outputs.push_back((number, FakeOutput::Close)),
        }
    }

    fn on_closed(&mut self, client: u64) {
        self.clients.remove(&client);
    }

    fn on_time(&mut self, now: Instant) {
        let idle = self.idle;
        let is_over = |client: &Client| client.heard + idle <= now || client.unanswered.values().any(|due| *due <= now);
        let over: Vec<u64> = self.clients.iter().filter(|(_, client)| is_over(client)).map(|(n, _)| *n).collect();
        for number in over {
            self.clients.remove(&number);
            self.outputs.push_back((number, FakeOutput::Close));
        }
        let Some(every) = self.ping else { return };
        let is_due = |client: &Client| client.next_ping.is_some_and(|due| due <= now);
        let due: Vec<u64> = self.clients.iter().filter(|(_, client)| is_due(client)).map(|(n, _)| *n).collect();
        for number in due {
            self.request(now, number, json!({ "class": "core", "cmd": "ping", "data": { "time": every.as_secs() } }));
            self.clients.get_mut(&number).into_iter().for_each(|client| client.next_ping = Some(now + every));
        }
    }

    fn play(&mut self, now: Instant, event: &Value) -> Result<(), String> {
        let data = if event["cmd"] == "event" { &event["data"] } else { event };
        if !data["subclass"].is_string() || !data["type"].is_string() {
            return Err("an event of NkMEDIA has a class, a subclass and a type".into());
        }
        self.happen(now, data);
        Ok(())
    }

    fn poll_output(&mut self) -> Option<(u64, FakeOutput)> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let of = |client: &Client| {
            let answers = client.unanswered.values().min().copied();
            [Some(client.heard + self.idle), answers, client.next_ping].into_iter().flatten().min()
        };
        self.clients.values().filter_map(of).min()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// How long the server waits for an answer,
const ANSWER: Duration = Duration::from_secs(5);
/// and how long for one that was acknowledged.
const ACKNOWLEDGED: Duration = Duration::from_secs(180);
