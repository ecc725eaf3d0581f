//! SignalWire's Realtime API, as a program meets it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{FakeOutput, FakeServer, Outputs, send};
use crate::protocol::Protocol;

/// Lets in a project with its token, tells of rooms as they begin and of what happens in those that a client subscribes to,
/// pings, and keeps subscriptions for a client that comes back with its protocol.
#[derive(Debug)]
pub struct FakeSignalWire {
    token: String,
    /// How often clients are pinged; `None` for never.
    ping: Option<Duration>,
    /// Whether a client that comes back finds its subscriptions.
    keeps: bool,
    clients: BTreeMap<u64, Client>,
    kept: BTreeMap<String, BTreeSet<String>>,
    rooms: BTreeMap<String, Room>,
    outputs: Outputs,
    numbers: u64,
}

#[derive(Debug, Default)]
struct Client {
    protocol: Option<String>,
    channels: BTreeSet<String>,
    next_ping: Option<Instant>,
    unacknowledged: BTreeSet<String>,
}

#[derive(Debug)]
struct Room {
    channel: String,
    session: Value,
    members: BTreeMap<String, Value>,
}

impl Default for FakeSignalWire {
    /// The token `development`, a ping each 10 s, subscriptions kept.
    fn default() -> FakeSignalWire {
        FakeSignalWire {
            token: "development".into(),
            ping: Some(Duration::from_secs(10)),
            keeps: true,
            clients: BTreeMap::new(),
            kept: BTreeMap::new(),
            rooms: BTreeMap::new(),
            outputs: Outputs::new(),
            numbers: 0,
        }
    }
}

impl FakeSignalWire {
    /// One that lets in who shows this token.
    pub fn with_token(token: impl Into<String>) -> FakeSignalWire {
        FakeSignalWire { token: token.into(), ..FakeSignalWire::default() }
    }

    /// The same, which pings this often, or never.
    pub fn pinging(self, ping: Option<Duration>) -> FakeSignalWire {
        FakeSignalWire { ping, ..self }
    }

    /// The same, which forgets the subscriptions of clients that are gone.
    pub fn forgetful(self) -> FakeSignalWire {
        FakeSignalWire { keeps: false, ..self }
    }

    /// Events that clients have not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.clients.values().map(|client| client.unacknowledged.len()).sum()
    }

    fn answer(&mut self, client: u64, id: &Value, result: &Value) {
        send(&mut self.outputs, client, &json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    fn refuse(&mut self, client: u64, id: &Value, code: i64, message: &str) {
        let error = json!({ "code": code, "message": message });
        send(&mut self.outputs, client, &json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }

    fn connect(&mut self, now: Instant, number: u64, id: &Value, params: &Value) {
        if params["version"]["major"] != 3 {
            return self.refuse(number, id, -32_602, "Unsupported protocol version");
        }
        let shown = &params["authentication"];
        // A page's token is a JWT, whose signature is the token here.
        let signature = shown["jwt_token"].as_str().and_then(|jwt| jwt.rsplit('.').next());
        if shown["token"] != *self.token && signature != Some(self.token.as_str()) {
            self.refuse(number, id, -32_002, "Unauthorized");
            return self.outputs.push_back((number, FakeOutput::Close));
        }
        let back = params["protocol"].as_str().filter(|_| self.keeps).map(str::to_owned);
        let channels = back.as_ref().and_then(|protocol| self.kept.remove(protocol));
        self.numbers += 1;
        let protocol = match &channels {
            Some(_) => back.unwrap_or_default(),
            None => format!("signalwire_fake_{}", self.numbers),
        };
        let client = self.clients.entry(number).or_default();
        client.protocol = Some(protocol.clone());
        client.channels = channels.unwrap_or_default();
        client.next_ping = self.ping.map(|_| now);
        let authorization = json!({ "type": "video", "project": shown["project"], "signature": "fake" });
        let result =
            json!({ "identity": format!("fake-{number}"), "protocol": protocol, "authorization": authorization });
        self.answer(number, id, &result);
    }

    fn subscribe(&mut self, number: u64, id: &Value, params: &Value) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let channel = params["event_channel"].as_str().unwrap_or_default().to_owned();
        client.channels.insert(channel.clone());
        self.answer(number, id, &json!({ "code": "200", "message": "OK" }));
        if params["get_initial_state"] != true {
            return;
        }
        let states: Vec<Value> = match channel.as_str() {
            "video.rooms" => self.rooms.values().map(Room::started).collect(),
            _ => self.rooms.values().filter(|room| room.channel == channel).map(Room::subscribed).collect(),
        };
        states.iter().for_each(|params| self.tell(number, params));
    }

    /// Tells one client an event, with an id of its own.
    fn tell(&mut self, number: u64, params: &Value) {
        self.numbers += 1;
        let id = format!("fake-event-{}", self.numbers);
        self.tell_as(number, id, params);
    }

    fn tell_as(&mut self, number: u64, id: String, params: &Value) {
        let frame = json!({ "jsonrpc": "2.0", "id": id, "method": "signalwire.event", "params": params });
        send(&mut self.outputs, number, &frame);
        if let Some(client) = self.clients.get_mut(&number) {
            client.unacknowledged.insert(id);
        }
    }

    fn tell_channel(&mut self, channel: &str, id: &str, params: &Value) {
        let hears = |client: &Client| client.channels.contains(channel);
        let hearing: Vec<u64> = self.clients.iter().filter(|(_, client)| hears(client)).map(|(n, _)| *n).collect();
        hearing.iter().for_each(|number| self.tell_as(*number, id.to_owned(), params));
    }

    /// A room that is spoken of for the first time begins.
    fn room(&mut self, session: &str, channel: &str, said: &Value) -> &mut Room {
        if !self.rooms.contains_key(session) {
            let mut about = said["room_session"].as_object().cloned().unwrap_or_default();
            about.insert("id".into(), session.into());
            about.insert("event_channel".into(), channel.into());
            about.remove("members");
            let room = Room { channel: channel.to_owned(), session: about.into(), members: BTreeMap::new() };
            let started = room.started();
            self.rooms.insert(session.to_owned(), room);
            self.numbers += 1;
            let id = format!("fake-event-{}", self.numbers);
            self.tell_channel("video.rooms", &id, &started);
        }
        self.rooms.get_mut(session).expect("it was put in")
    }

    fn members(&mut self, number: u64, id: &Value, params: &Value) {
        let room = params["room_session_id"].as_str().and_then(|session| self.rooms.get(session));
        match room.map(|room| room.members.values().cloned().collect::<Vec<_>>()) {
            Some(members) => self.answer(number, id, &json!({ "code": "200", "message": "OK", "members": members })),
            None => self.answer(number, id, &json!({ "code": "404", "message": "there is no such room session" })),
        }
    }

    /// A page calls: it is in the first room there is, or in a new one. Its media go nowhere.
    fn verto(&mut self, number: u64, id: &Value, params: &Value) {
        let (message, call) = (&params["message"], &params["callID"]);
        let said = json!({ "message": "CALL CREATED", "callID": call });
        let result = json!({ "jsonrpc": "2.0", "id": message["id"], "result": said });
        self.answer(number, id, &json!({ "code": "200", "node_id": "fake", "result": result }));
        if message["method"] != "verto.invite" {
            return;
        }
        let session = self.rooms.keys().next().cloned().unwrap_or_else(|| "fake-room-session".to_owned());
        let channel = self.rooms.get(&session).map_or_else(|| "EC_fake".to_owned(), |room| room.channel.clone());
        let member = format!("fake-member-{number}");
        let room = self.room(&session, &channel, &Value::Null);
        let about = json!({ "id": member, "type": "member", "name": "page", "room_session_id": session });
        room.members.insert(member.clone(), about);
        let mut subscribed = room.subscribed();
        subscribed["params"]["call_id"] = call.clone();
        subscribed["params"]["member_id"] = json!(member);
        self.clients.get_mut(&number).into_iter().for_each(|client| client.channels.extend([channel.clone()]));
        self.tell(number, &subscribed);
    }

    /// What a moderator asks for happens, and is told.
    fn moderate(&mut self, number: u64, id: &Value, method: &str, params: &Value) {
        let (session, member) = (params["room_session_id"].as_str(), params["member_id"].as_str());
        let found = session.zip(member).filter(|(session, member)| {
            self.rooms.get(*session).is_some_and(|room| room.members.contains_key(*member))
        });
        let Some((session, member)) = found.map(|(session, member)| (session.to_owned(), member.to_owned())) else {
            return self.refuse(number, id, -32_601, "there is no such member");
        };
        self.answer(number, id, &json!({ "code": "200", "message": "OK" }));
        let room = &self.rooms[&session];
        let (channel, room_id) = (room.channel.clone(), room.session["room_id"].clone());
        let (name, said) = match method.strip_prefix("video.member.").unwrap_or_default() {
            "remove" => ("video.member.left", json!({ "id": member })),
            "audio_mute" => {
                ("video.member.updated", json!({ "id": member, "updated": ["audio_muted"], "audio_muted": true }))
            }
            "audio_unmute" => {
                ("video.member.updated", json!({ "id": member, "updated": ["audio_muted"], "audio_muted": false }))
            }
            "video_mute" => {
                ("video.member.updated", json!({ "id": member, "updated": ["video_muted"], "video_muted": true }))
            }
            _ => ("video.member.updated", json!({ "id": member, "updated": ["video_muted"], "video_muted": false })),
        };
        let params = json!({ "event_type": name, "event_channel": channel, "params":
            { "room_session_id": session, "room_id": room_id, "member": said } });
        self.happen(&params, None);
    }

    /// An event happens: the rooms are as they are after it, and those who hear its channel are told.
    fn happen(&mut self, params: &Value, id: Option<&str>) {
        let (name, said) = (params["event_type"].as_str().unwrap_or_default(), &params["params"]);
        let name = name.strip_prefix("video.").unwrap_or(name);
        let session = [&said["room_session_id"], &said["room_session"]["id"], &said["room"]["room_session_id"]];
        let session = session.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned();
        let channel = params["event_channel"].as_str().unwrap_or_default();
        let is_global = channel.starts_with("video.rooms");
        let own = said["room_session"]["event_channel"].as_str();
        let channel = own.filter(|_| is_global || channel.is_empty()).unwrap_or(channel).to_owned();
        if !session.is_empty() {
            let room = self.room(&session, &channel, said);
            room.follow(name, said);
        }
        self.numbers += 1;
        let id = id.map_or_else(|| format!("fake-event-{}", self.numbers), str::to_owned);
        match name {
            // It has been told as the room was made.
            "room.started" => {}
            "room.ended" => {
                self.rooms.remove(&session);
                self.tell_channel("video.rooms", &id, params);
            }
            _ => self.tell_channel(&channel, &id, params),
        }
    }
}

impl Room {
    fn started(&self) -> Value {
        self.params(
            "video.room.started",
            "video.rooms",
            json!({ "room_session_id": self.session["id"],
            "room_id": self.session["room_id"], "room_session": self.session }),
        )
    }

    fn subscribed(&self) -> Value {
        let mut session = self.session.clone();
        session["members"] = self.members.values().cloned().collect();
        self.params("video.room.subscribed", &self.channel, json!({ "room_session": session, "room":
            { "room_session_id": self.session["id"], "room_id": self.session["room_id"], "event_channel": self.channel } }))
    }

    fn params(&self, name: &str, channel: &str, params: Value) -> Value {
        json!({ "event_type": name, "event_channel": channel, "timestamp": 1_790_000_000.0, "params": params })
    }

    fn follow(&mut self, name: &str, said: &Value) {
        let id = said["member"]["id"].as_str().unwrap_or_default().to_owned();
        match name {
            "member.joined" => drop(self.members.insert(id, said["member"].clone())),
            "member.left" => drop(self.members.remove(&id)),
            "member.updated" => {
                if let (Some(Value::Object(known)), Some(said)) =
                    (self.members.get_mut(&id), said["member"].as_object())
                {
                    known.extend(said.clone());
                    known.remove("updated");
                }
            }
            "room.subscribed" => {
                for member in said["room_session"]["members"].as_array().into_iter().flatten() {
                    self.members.insert(member["id"].as_str().unwrap_or_default().to_owned(), member.clone());
                }
            }
            _ => {}
        }
    }
}

impl FakeServer for FakeSignalWire {
    fn protocol(&self) -> Protocol {
        Protocol::SignalWire
    }

    fn secret(&self) -> String {
        self.token.clone()
    }

    fn on_open(&mut self, _now: Instant, client: u64) {
        self.clients.insert(client, Client::default());
    }

    fn on_text(&mut self, now: Instant, number: u64, text: &str) {
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return self.outputs.push_back((number, FakeOutput::Close));
        };
        let (id, params) = (&frame["id"], &frame["params"]);
        let Some(method) = frame["method"].as_str() else {
            let client = self.clients.get_mut(&number);
            if let (Some(client), Some(id)) = (client, id.as_str()) {
                client.unacknowledged.remove(id);
            }
            return;
        };
        let is_in = self.clients.get(&number).is_some_and(|client| client.protocol.is_some());
        match method {
            "signalwire.connect" => self.connect(now, number, id, params),
            _ if !is_in => self.refuse(number, id, -32_002, "Unauthorized"),
            "signalwire.subscribe" => self.subscribe(number, id, params),
            "signalwire.reauthenticate" => {
                self.answer(number, id, &json!({ "authorization": { "signature": "fake" } }))
            }
            "video.members.get" => self.members(number, id, params),
            "video.message" => self.verto(number, id, params),
            "video.member.remove"
            | "video.member.audio_mute"
            | "video.member.audio_unmute"
            | "video.member.video_mute"
            | "video.member.video_unmute" => self.moderate(number, id, method, params),
            _ => self.answer(number, id, &json!({})),
        }
    }

    fn on_closed(&mut self, number: u64) {
        if let Some(Client { protocol: Some(protocol), channels, .. }) = self.clients.remove(&number) {
            self.kept.insert(protocol, channels);
        }
    }

    fn on_time(&mut self, now: Instant) {
        let Some(every) = self.ping else { return };
        for (number, client) in &mut self.clients {
            if client.next_ping.is_some_and(|due| due <= now) {
                client.next_ping = Some(now + every);
                self.numbers += 1;
                let id = format!("fake-ping-{}", self.numbers);
                let frame =
                    json!({ "jsonrpc": "2.0", "id": id, "method": "signalwire.ping", "params": { "timestamp": 1.5 } });
                send(&mut self.outputs, *number, &frame);
            }
        }
    }

    fn play(&mut self, _now: Instant, event: &Value) -> Result<(), String> {
        if event["sdk_event"].is_string() {
            self.clients.keys().copied().collect::<Vec<_>>().iter().for_each(|n| send(&mut self.outputs, *n, event));
            return Ok(());
        }
        let params = if event["method"] == "signalwire.event" { &event["params"] } else { event };
        match params["event_type"].as_str() {
            Some(_) => {
                self.happen(params, event["id"].as_str());
                Ok(())
            }
            None => Err("an event of SignalWire has an event_type".into()),
        }
    }

    fn poll_output(&mut self) -> Option<(u64, FakeOutput)> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.clients.values().filter_map(|client| client.next_ping).min()
    }
}
