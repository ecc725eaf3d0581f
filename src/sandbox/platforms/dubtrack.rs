//! Dubtrack, as one of its users meets it: its calls and its socket.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Call, FakeOutput, FakeServer, Outputs, Reply};
use crate::protocol::Protocol;

/// Lets in one user, has every room that is asked for, tells channels to who is attached, and closes on who does not ping.
#[derive(Debug)]
pub struct FakeDubtrack {
    password: String,
    ping_interval: Duration,
    ping_timeout: Duration,
    clients: BTreeMap<u64, Client>,
    /// Who is in a room, by its id.
    rooms: BTreeMap<String, BTreeMap<String, Value>>,
    outputs: Outputs,
    messages: u64,
}

#[derive(Debug)]
struct Client {
    channels: BTreeSet<String>,
    dead_at: Instant,
}

impl Default for FakeDubtrack {
    /// The password `development`, a ping each 25 s, 60 s of patience.
    fn default() -> FakeDubtrack {
        FakeDubtrack {
            password: "development".into(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(60),
            clients: BTreeMap::new(),
            rooms: BTreeMap::new(),
            outputs: Outputs::new(),
            messages: 0,
        }
    }
}

impl FakeDubtrack {
    /// One that lets in who shows this password.
    pub fn with_password(password: impl Into<String>) -> FakeDubtrack {
        FakeDubtrack { password: password.into(), ..FakeDubtrack::default() }
    }

    /// The same, with this interval and patience.
    pub fn pinging(self, ping_interval: Duration, ping_timeout: Duration) -> FakeDubtrack {
        FakeDubtrack { ping_interval, ping_timeout, ..self }
    }

    /// The id of the room of this name.
    pub fn room_id(name: &str) -> String {
        match name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => name.to_owned(),
            false => {
                let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
                    (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                format!("6500a1b2{sum:016x}")
            }
        }
    }

    fn send(&mut self, client: u64, action: &Value) {
        self.outputs.push_back((client, FakeOutput::Send(format!("4{action}"))));
    }

    fn tell(&mut self, channel: &str, action: &Value) {
        let hears = |client: &Client| client.channels.contains(channel);
        let hearing: Vec<u64> = self.clients.iter().filter(|(_, client)| hears(client)).map(|(n, _)| *n).collect();
        hearing.iter().for_each(|client| self.send(*client, action));
    }

    /// A message to a room, packed as the wire has it.
    fn tell_message(&mut self, channel: &str, name: &str, data: &Value) {
        let message = json!({ "name": name, "type": "json", "data": data.to_string() });
        self.tell(channel, &json!({ "action": 15, "channel": channel, "message": message }));
    }

    fn on_action(&mut self, client: u64, action: &Value) {
        let channel = action["channel"].as_str().unwrap_or_default().to_owned();
        match action["action"].as_i64() {
            Some(10) => {
                self.clients.get_mut(&client).into_iter().for_each(|known| known.channels.extend([channel.clone()]));
                let attached =
                    json!({ "action": 11, "channel": channel, "clientId": ME, "connectionId": connection(client) });
                self.send(client, &attached);
            }
            Some(12) => {
                self.clients
                    .get_mut(&client)
                    .into_iter()
                    .for_each(|known| known.channels.retain(|other| *other != channel));
                self.send(client, &json!({ "action": 13, "channel": channel }));
            }
            Some(14) => {
                let mut presence = action["presence"].clone();
                presence["clientId"] = json!(ME);
                presence["connectionId"] = json!(connection(client));
                self.tell(&channel, &json!({ "action": 14, "channel": channel, "presence": presence }));
            }
            _ => {}
        }
    }

    /// The rooms are as they are after a message.
    fn follow(&mut self, name: &str, data: &Value, channel: &str) {
        let room = channel.strip_prefix("room:").unwrap_or_default().to_owned();
        match name {
            "user-join" => {
                let mut member = data["roomUser"].clone();
                member["_user"] = data["user"].clone();
                let id = data["user"]["_id"].as_str().unwrap_or_default().to_owned();
                self.rooms.entry(room).or_default().insert(id, member);
            }
            "user-leave" | "user-kick" | "user-ban" => {
                let who = if name == "user-leave" { &data["user"] } else { &data["kickedUser"] };
                let id = who["_id"].as_str().unwrap_or_default();
                self.rooms.get_mut(&room).into_iter().for_each(|members| drop(members.remove(id)));
            }
            _ => {}
        }
    }

    fn on_chat_call(&mut self, call: &Call<'_>, rest: &[&str]) -> Reply {
        let me = json!({ "_id": ME, "username": "agent" });
        match (call.method, rest) {
            ("POST", [room]) => {
                self.messages += 1;
                let said = url::form_urlencoded::parse(call.body.as_bytes());
                let text = said.filter(|(key, _)| key == "message").map(|(_, text)| text.into_owned()).next();
                let text = text.unwrap_or_default();
                let data = json!({ "type": "chat-message", "chatid": format!("{ME}-{}", self.messages), "message": text,
                    "time": 1_790_000_000_000_u64, "user": me, "queue_object": { "userid": ME, "roomid": room } });
                self.tell_message(&format!("room:{room}"), "chat-message", &data);
                ok(data)
            }
            ("DELETE", [room, id]) => {
                let data = json!({ "type": "delete-chat-message", "chatid": id, "user": me });
                self.tell_message(&format!("room:{room}"), "delete-chat-message", &data);
                ok(Value::Null)
            }
            ("POST" | "DELETE", [what @ ("kick" | "mute"), room, "user", user]) => {
                if !self.rooms.get(*room).is_some_and(|members| members.contains_key(*user)) {
                    return Reply { status: 404, body: Value::Null, cookie: None };
                }
                let (name, key) = match (*what, call.method) {
                    ("kick", _) => ("user-kick", "kickedUser"),
                    (_, "POST") => ("user-mute", "mutedUser"),
                    _ => ("user-unmute", "mutedUser"),
                };
                let data = json!({ "type": name, "user": me, key: { "_id": user, "username": user } });
                let channel = format!("room:{room}");
                self.follow(name, &data, &channel);
                self.tell_message(&channel, name, &data);
                ok(Value::Null)
            }
            _ => Reply { status: 404, body: Value::Null, cookie: None },
        }
    }
}

impl FakeServer for FakeDubtrack {
    fn protocol(&self) -> Protocol {
        Protocol::Dubtrack
    }

    fn secret(&self) -> String {
        self.password.clone()
    }

    fn on_open(&mut self, now: Instant, client: u64) {
        let dead_at = now + self.ping_interval + self.ping_timeout;
        self.clients.insert(client, Client { channels: BTreeSet::new(), dead_at });
        let open = json!({ "sid": connection(client), "upgrades": [],
            "pingInterval": self.ping_interval.as_millis() as u64, "pingTimeout": self.ping_timeout.as_millis() as u64 });
        self.outputs.push_back((client, FakeOutput::Send(format!("0{open}"))));
        self.send(client, &json!({ "action": 4, "clientId": ME, "connectionId": connection(client) }));
    }

    fn on_text(&mut self, now: Instant, client: u64, text: &str) {
        let patience = self.ping_interval + self.ping_timeout;
        self.clients.get_mut(&client).into_iter().for_each(|known| known.dead_at = now + patience);
        if text == "2" {
            self.outputs.push_back((client, FakeOutput::Send("3".into())));
        } else if let Some(action) = text.strip_prefix('4').and_then(|body| serde_json::from_str(body).ok()) {
            self.on_action(client, &action);
        }
    }

    fn on_closed(&mut self, client: u64) {
        self.clients.remove(&client);
    }

    fn on_time(&mut self, now: Instant) {
        let dead = self.clients.iter().filter(|(_, client)| client.dead_at <= now).map(|(n, _)| *n);
        for client in dead.collect::<Vec<u64>>() {
            self.clients.remove(&client);
            self.outputs.push_back((client, FakeOutput::Close));
        }
    }

    fn play(&mut self, _now: Instant, event: &Value) -> Result<(), String> {
        // A frame as text, or the action in it.
        let unpacked = event.as_str().and_then(|text| serde_json::from_str(text.trim_start_matches('4')).ok());
        let action = unpacked.as_ref().unwrap_or(event);
        let number = action["action"].as_i64().ok_or("an event of Dubtrack is an action with a number")?;
        let channel = action["channel"].as_str().unwrap_or_default().to_owned();
        // What connecting and attaching say is said then.
        if matches!(number, 4 | 11) {
            return Ok(());
        }
        let data = action["message"]["data"].as_str().and_then(|text| serde_json::from_str(text).ok());
        self.follow(action["message"]["name"].as_str().unwrap_or_default(), &data.unwrap_or_default(), &channel);
        match channel.strip_prefix("user:") {
            // Private messages go to who is logged in.
            Some(_) => {
                let mut own = action.clone();
                own["channel"] = json!(format!("user:{ME}"));
                self.tell(&format!("user:{ME}"), &own);
            }
            None => self.tell(&channel, action),
        }
        Ok(())
    }

    fn on_call(&mut self, _now: Instant, call: &Call<'_>) -> Reply {
        let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        let form = |key: &str| {
            let found = url::form_urlencoded::parse(call.body.as_bytes()).find(|(name, _)| name == key);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        if segments == ["auth", "login"] {
            return match form("password") == self.password {
                true => Reply {
                    cookie: Some("connect.sid=fake".into()),
                    ..ok(json!({ "_id": ME, "username": form("username") }))
                },
                false => Reply { status: 400, body: json!({ "code": 400, "message": "Bad Request" }), cookie: None },
            };
        }
        if !call.cookie.contains("connect.sid=fake") {
            return Reply { status: 401, body: Value::Null, cookie: None };
        }
        match (call.method, &segments[..]) {
            ("GET", ["auth", "session"]) => ok(json!({ "_id": ME, "username": "agent" })),
            ("GET", ["auth", "token"]) => ok(json!({ "token": "fake/token+1", "clientId": ME, "action": 17 })),
            ("GET", ["room", name]) => {
                let id = FakeDubtrack::room_id(name);
                self.rooms.entry(id.clone()).or_default();
                ok(json!({ "_id": id, "name": name, "roomUrl": name }))
            }
            ("POST", ["room", room, "users"]) => {
                let member = json!({ "userid": ME, "roomid": room, "_user": { "_id": ME, "username": "agent" } });
                self.rooms.entry((*room).to_owned()).or_default().insert(ME.to_owned(), member);
                ok(Value::Null)
            }
            ("GET", ["room", room, "users"]) => {
                ok(self.rooms.get(*room).map(|members| members.values().cloned().collect()).unwrap_or_default())
            }
            (_, ["chat", rest @ ..]) => self.on_chat_call(call, rest),
            _ => Reply { status: 404, body: Value::Null, cookie: None },
        }
    }

    fn poll_output(&mut self) -> Option<(u64, FakeOutput)> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.clients.values().map(|client| client.dead_at).min()
    }
}

fn ok(data: Value) -> Reply {
    Reply { status: 200, body: json!({ "code": 200, "message": "OK", "data": data }), cookie: None }
}

fn connection(client: u64) -> String {
    format!("fake-{client}")
}

/// Who logs in.
const ME: &str = "6500a1b2c3d4e5f6000000e1";
