//! The machines against servers that are played by hand, on made-up time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::{
    agent::{Action, ActionError},
    event::Event,
};

const S: Duration = Duration::from_secs(1);

/// A machine, and what it wanted so far.
struct Talk<M> {
    machine: M,
    now: Instant,
    sent: Vec<String>,
    events: Vec<Event>,
    closed: Vec<Fault>,
    acted: Vec<(u64, Result<(), ActionError>)>,
    lives: usize,
    tokens: usize,
    unreadable: usize,
    troubles: Vec<String>,
}

impl<M: Machine> Talk<M> {
    fn new(machine: M) -> Talk<M> {
        let (now, lists) = (Instant::now(), (Vec::new(), Vec::new(), Vec::new(), Vec::new()));
        let (sent, events, closed, acted) = lists;
        let mut talk = Talk {
            machine,
            now,
            sent,
            events,
            closed,
            acted,
            lives: 0,
            tokens: 0,
            unreadable: 0,
            troubles: Vec::new(),
        };
        talk.open();
        talk
    }

    fn open(&mut self) {
        self.machine.on_open(self.now, 1_790_000_000 * S);
        self.look();
    }

    fn look(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(text) => self.sent.push(text),
                Output::SendBytes(_) => panic!("these speak in text"),
                Output::Event(event) => self.events.push(*event),
                Output::Live => self.lives += 1,
                Output::Unreadable(_) => self.unreadable += 1,
                Output::Acted(number, result) => self.acted.push((number, result)),
                Output::WantsToken => self.tokens += 1,
                Output::Trouble(why) | Output::CannotList(why) => self.troubles.push(why),
                Output::Close(fault) => self.closed.push(fault),
            }
        }
    }

    fn hear(&mut self, text: &str) {
        self.machine.on_frame(self.now, Frame::Text(text));
        self.look();
    }

    fn hear_json(&mut self, frame: &Value) {
        self.hear(&frame.to_string());
    }

    /// Lets time pass, deadline by deadline.
    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.machine.on_time(self.now);
            self.look();
            if !self.closed.is_empty() {
                return;
            }
        }
        self.now = end;
    }

    /// The last frame that was sent.
    fn last(&self) -> Value {
        serde_json::from_str(self.sent.last().expect("something was sent")).unwrap()
    }

    fn frames(&mut self) -> Vec<Value> {
        self.sent.drain(..).map(|text| serde_json::from_str(&text).unwrap()).collect()
    }
}

mod signalwire_talks {
    use super::{super::signalwire::*, *};

    fn talk() -> Talk<Client> {
        Talk::new(Client::new(Credentials::Project { project: "p".into(), token: "secret".into() }))
    }

    fn connected(talk: &mut Talk<Client>, protocol: &str) {
        let connect = talk.last();
        assert_eq!(connect["method"], "signalwire.connect");
        let result = json!({ "protocol": protocol, "authorization": { "signature": "s" } });
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": connect["id"], "result": result }));
    }

    fn event(name: &str, params: &Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": format!("id-{name}"), "method": "signalwire.event",
            "params": { "event_type": name, "timestamp": 1_790_000_000.5, "params": params } })
    }

    /// Connected, with one room whose events are subscribed to.
    fn in_a_room() -> Talk<Client> {
        let mut talk = talk();
        connected(&mut talk, "x_s_1");
        let subscribe = talk.last();
        assert_eq!(subscribe["params"]["event_channel"], "video.rooms");
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": subscribe["id"], "result": { "code": "200", "result": { "code": "200" } } }));
        assert_eq!(talk.lives, 1);
        let session = json!({ "id": "rs", "event_channel": "EC_1", "name": "harbour" });
        talk.sent.clear();
        talk.hear_json(&event("video.room.started", &json!({ "room_session_id": "rs", "room_session": session })));
        talk
    }

    /// The same, and the server has said that it takes the room's subscription.
    fn in_a_taken_room() -> Talk<Client> {
        let mut talk = in_a_room();
        let subscribe = talk.last();
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": subscribe["id"], "result": {} }));
        talk
    }

    #[test]
    fn rooms_are_subscribed_to_as_they_open_and_every_event_is_acknowledged() {
        let mut talk = in_a_room();
        let sent = talk.frames();
        assert_eq!(sent[0], json!({ "jsonrpc": "2.0", "id": "id-video.room.started", "result": {} }));
        assert_eq!(
            (&sent[1]["method"], &sent[1]["params"]["event_channel"]),
            (&json!("signalwire.subscribe"), &json!("EC_1"))
        );
        let names = sent[1]["params"]["events"].as_array().unwrap();
        assert!(names.contains(&json!("video.room.audience_count")) && names.len() == 19);
        assert_eq!(talk.events[0].kind.name(), "room.opened");
        // Told again, as when its state is asked for: it is followed already.
        talk.hear_json(&event("room.started", &json!({ "room_session": { "id": "rs", "event_channel": "EC_1" } })));
        assert_eq!(talk.frames().len(), 1, "the acknowledgement");
    }

    #[test]
    fn pings_are_answered_and_one_that_is_missing_for_15_s_is_the_end() {
        let mut talk = in_a_room();
        let subscribe = talk.last();
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": subscribe["id"], "result": {} }));
        talk.pass(60 * S);
        assert!(talk.closed.is_empty(), "no ping, no watchdog");
        for _ in 0..3 {
            talk.hear_json(
                &json!({ "jsonrpc": "2.0", "id": "p", "method": "signalwire.ping", "params": { "timestamp": 7.25 } }),
            );
            assert_eq!(talk.last(), json!({ "jsonrpc": "2.0", "id": "p", "result": { "timestamp": 7.25 } }));
            talk.pass(Duration::from_millis(14_999));
        }
        assert!(talk.closed.is_empty());
        talk.pass(Duration::from_millis(1));
        assert_eq!(talk.closed[0].kind, FaultKind::Broken);
    }

    #[test]
    fn after_a_break_it_goes_on_where_the_server_kept_it_and_begins_anew_where_not() {
        for kept in [true, false] {
            let mut talk = in_a_taken_room();
            talk.sent.clear();
            talk.open();
            assert_eq!(talk.last()["params"]["protocol"], "x_s_1");
            connected(&mut talk, if kept { "x_s_1" } else { "y_s_2" });
            let sent = talk.frames();
            let asked: Vec<&str> = sent.iter().filter_map(|frame| frame["method"].as_str()).collect();
            // Rooms are listed again either way: some may have begun meanwhile.
            match kept {
                true => {
                    assert_eq!(asked, ["signalwire.connect", "signalwire.subscribe", "video.members.get"]);
                    let members = json!([{ "id": "m", "type": "member", "name": "Ada" }]);
                    talk.hear_json(&json!({ "jsonrpc": "2.0", "id": sent[2]["id"],
                        "result": { "code": "200", "result": { "members": members } } }));
                    assert_eq!(talk.events.last().unwrap().kind.name(), "room.entered");
                }
                false => assert_eq!(asked, ["signalwire.connect", "signalwire.subscribe", "signalwire.subscribe"]),
            }
        }
    }

    #[test]
    fn a_room_that_ended_unheard_is_closed_and_one_that_cannot_be_told_of_is_not() {
        for (code, closes) in [("404", true), ("500", false)] {
            let mut talk = in_a_taken_room();
            talk.open();
            connected(&mut talk, "x_s_1");
            let asked = talk.last();
            assert_eq!(asked["method"], "video.members.get");
            talk.hear_json(
                &json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "code": code, "message": "no" } }),
            );
            let is_closed = talk.events.last().unwrap().kind.name() == "room.closed";
            assert_eq!((is_closed, talk.troubles.len()), (closes, usize::from(!closes)));
        }
    }

    #[test]
    fn a_subscription_that_was_not_answered_is_asked_for_again() {
        let mut talk = in_a_room();
        talk.sent.clear();
        talk.open();
        connected(&mut talk, "x_s_1");
        let sent = talk.frames();
        let channels: Vec<&str> = sent.iter().filter_map(|frame| frame["params"]["event_channel"].as_str()).collect();
        assert_eq!(channels, ["video.rooms", "EC_1"]);
    }

    #[test]
    fn a_server_that_says_it_leaves_and_stays_is_left() {
        let mut talk = in_a_room();
        let subscribe = talk.last();
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": subscribe["id"], "result": {} }));
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": "d", "method": "signalwire.disconnect", "params": {} }));
        let mute = Action::MuteAudio { peer: "m".into(), muted: true };
        assert!(talk.machine.act(talk.now, 1, &"rs".into(), &mute).is_err());
        talk.pass(10 * S);
        assert_eq!(talk.closed[0].kind, FaultKind::Broken);
    }

    #[test]
    fn what_was_kept_of_the_last_connection_is_forgotten_where_it_is_refused() {
        let mut talk = in_a_room();
        talk.open();
        let connect = talk.last();
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": connect["id"], "error": { "code": -32_602, "message": "Requester validation failed" } }));
        assert!(talk.last()["params"]["protocol"].is_null() && talk.closed.is_empty());
        let again = talk.last();
        talk.hear_json(
            &json!({ "jsonrpc": "2.0", "id": again["id"], "error": { "code": -32_002, "message": "Unauthorized" } }),
        );
        assert_eq!(talk.closed[0].kind, FaultKind::Unauthorized);
        assert!(talk.closed[0].message.contains("check the project's id and token"), "{}", talk.closed[0]);
    }

    #[test]
    fn a_server_that_leaves_is_left_in_peace_and_one_that_is_silent_is_left() {
        let mut talk = in_a_room();
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": "d", "method": "signalwire.disconnect", "params": {} }));
        assert_eq!(talk.last(), json!({ "jsonrpc": "2.0", "id": "d", "result": {} }));
        let mut talk = super::signalwire_talks::talk();
        talk.pass(10 * S);
        assert_eq!(talk.closed[0].kind, FaultKind::Broken);
    }

    #[test]
    fn a_pages_token_is_renewed_two_minutes_before_its_end() {
        let mut talk = Talk::new(Client::new(Credentials::Jwt { project: "p".into(), token: "one".into() }));
        let connect = talk.last();
        assert_eq!(connect["params"]["authentication"]["jwt_token"], "one");
        let authorization = json!({ "signature": "s", "expires_at": 1_790_000_000 + 900 });
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": connect["id"], "result": { "protocol": "x_s_1", "authorization": authorization } }));
        let subscribe = talk.last();
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": subscribe["id"], "result": {} }));
        talk.pass(779 * S);
        assert_eq!(talk.tokens, 0);
        talk.pass(S);
        assert_eq!(talk.tokens, 1);
        talk.machine.on_token(talk.now, "two".to_owned().into());
        talk.look();
        assert_eq!(talk.last()["method"], "signalwire.reauthenticate");
        assert_eq!(talk.last()["params"]["authentication"]["jwt_token"], "two");
    }

    #[test]
    fn actions_are_answered_or_refused_with_a_reason() {
        let mut talk = in_a_room();
        let mute = Action::MuteAudio { peer: "m".into(), muted: true };
        talk.machine.act(talk.now, 1, &"rs".into(), &mute).unwrap();
        talk.look();
        let asked = talk.last();
        assert_eq!((&asked["method"], &asked["params"]["member_id"]), (&json!("video.member.audio_mute"), &json!("m")));
        talk.hear_json(
            &json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "code": "403", "message": "no scope" } }),
        );
        assert!(matches!(&talk.acted[0], (1, Err(ActionError::Refused { why, .. })) if why == "no scope"));
        let say = Action::Say { text: "hello".into() };
        let refused = talk.machine.act(talk.now, 2, &"rs".into(), &say).unwrap_err();
        assert!(matches!(refused, ActionError::Unsupported { .. }));
        // What was under way when the link broke was not answered.
        talk.machine.act(talk.now, 3, &"rs".into(), &Action::Remove { peer: "m".into() }).unwrap();
        talk.open();
        assert!(matches!(&talk.acted[1], (3, Err(ActionError::Unanswered { .. }))));
    }
}

mod nkmedia_talks {
    use super::{super::nkmedia::*, *};

    fn talk() -> Talk<Client> {
        Talk::new(Client::new(Login { user: "agent".into(), password: "secret".into() }))
    }

    fn ok(talk: &mut Talk<Client>, data: &Value) {
        let tid = talk.last()["tid"].clone();
        talk.hear_json(&json!({ "result": "ok", "tid": tid, "data": data }));
    }

    fn live() -> Talk<Client> {
        let mut talk = talk();
        let login = talk.last();
        assert_eq!(
            (&login["cmd"], &login["data"]["pass"], &login["data"]["password"]),
            (&json!("login"), &json!("secret"), &json!("secret"))
        );
        talk.hear(r#"{"ack":1}"#);
        ok(&mut talk, &json!({ "session_id": "s" }));
        assert_eq!(talk.last()["data"], json!({ "class": "media" }));
        ok(&mut talk, &json!({}));
        assert_eq!((talk.lives, &talk.last()["cmd"]), (1, &json!("list")));
        talk
    }

    #[test]
    fn who_was_there_before_is_asked_for_once_it_is_in() {
        let mut talk = live();
        ok(&mut talk, &json!([{ "room_id": "r1" }]));
        assert_eq!(talk.last()["data"], json!({ "room_id": "r1" }));
        let info = json!({ "class": "sfu", "publishers": { "s1": "ada" }, "listeners": { "s2": { "user": "bo", "peer": "s1" } } });
        ok(&mut talk, &info);
        let entered = serde_json::to_value(&talk.events[0]).unwrap();
        assert_eq!(
            (&entered["event"], &entered["room"], &entered["origin"]),
            (&json!("room.entered"), &json!("r1"), &json!("derived"))
        );
        let users: Vec<&str> = entered["roster"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["peer"]["user"].as_str().unwrap())
            .collect();
        assert_eq!(users, ["ada", "bo"]);
    }

    #[test]
    fn everything_that_must_be_answered_is_answered_at_once() {
        let mut talk = live();
        let event = json!({ "class": "core", "cmd": "event", "tid": 9, "data": { "class": "media", "subclass": "call", "type": "ringing", "obj_id": "c" } });
        talk.hear_json(&event);
        assert_eq!(talk.last(), json!({ "result": "ok", "tid": 9 }));
        talk.hear_json(&json!({ "class": "core", "cmd": "ping", "data": { "time": 1 }, "tid": 10 }));
        assert_eq!(talk.last(), json!({ "result": "ok", "tid": 10 }));
        talk.hear_json(
            &json!({ "class": "media", "subclass": "call", "cmd": "invite", "data": { "call_id": "c" }, "tid": 11 }),
        );
        assert_eq!((&talk.last()["result"], &talk.last()["tid"]), (&json!("error"), &json!(11)));
        assert_eq!(talk.events.len(), 1);
    }

    #[test]
    fn what_is_odd_in_a_request_does_not_keep_it_from_being_answered() {
        let mut talk = live();
        for data in [json!(null), json!(5), json!({ "class": null, "subclass": 3, "type": [] })] {
            talk.hear_json(&json!({ "class": null, "subclass": 7, "cmd": "event", "tid": "t", "data": data }));
            assert_eq!(talk.last(), json!({ "result": "ok", "tid": "t" }), "{data}");
        }
        assert!(talk.events.iter().all(|event| event.kind.name() == "other"));
    }

    #[test]
    fn rooms_are_looked_at_a_few_at_a_time() {
        let mut talk = live();
        let rooms: Vec<String> = (0..100).map(|n| format!("r{n}")).collect();
        ok(&mut talk, &json!(rooms));
        let asked = |talk: &Talk<Client>| talk.sent.iter().filter(|text| text.contains("\"info\"")).count();
        assert_eq!(asked(&talk), 16);
        ok(&mut talk, &json!({ "publishers": {} }));
        assert_eq!(asked(&talk), 17);
        talk.pass(10 * S);
        assert_eq!(asked(&talk), 33, "those that do not come are not waited for");
        assert!(talk.closed.is_empty());
    }

    #[test]
    fn it_says_something_every_20_s_so_that_it_is_not_cut_off() {
        let mut talk = live();
        ok(&mut talk, &json!([]));
        for n in 1..=4 {
            talk.sent.clear();
            talk.pass(20 * S);
            assert_eq!((talk.sent.len(), &talk.last()["cmd"]), (1, &json!("get_subscriptions")), "time {n}");
            ok(&mut talk, &json!([]));
        }
        talk.pass(20 * S);
        talk.pass(10 * S);
        assert_eq!(talk.closed[0].kind, FaultKind::Broken, "and one that is not answered is the end");
    }

    #[test]
    fn a_wrong_password_will_not_pass_and_garbage_is_no_nkmedia() {
        let mut talk = talk();
        talk.hear(r#"{"result":"error","tid":1,"data":{"code":1000,"error":"Unauthorized"}}"#);
        assert!(talk.closed[0].will_not_pass() && talk.closed[0].message.contains("1000 Unauthorized"));
        let mut talk = super::nkmedia_talks::talk();
        (0..15).for_each(|_| talk.hear("HTTP/1.1 400 Bad Request"));
        assert_eq!((talk.unreadable, talk.closed.len()), (15, 0), "a few cost themselves alone");
        talk.hear(r#"{"hello":1}"#);
        assert_eq!(talk.closed[0].kind, FaultKind::NotThisPlatform);
    }
}

mod dubtrack_talks {
    use super::{super::dubtrack::*, *};

    fn live() -> Talk<Client> {
        let mut talk = Talk::new(Client::new(vec!["r".into()], Some("me".into())));
        assert!(talk.sent.is_empty(), "the server speaks first");
        talk.hear(r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#);
        talk.hear(r#"4{"action":4,"clientId":"me","connectionId":"c"}"#);
        assert_eq!(
            talk.sent.drain(..).collect::<Vec<_>>(),
            [r#"4{"action":10,"channel":"room:r"}"#, r#"4{"action":10,"channel":"user:me"}"#]
        );
        talk.hear(r#"4{"action":11,"channel":"room:r","clientId":"me","connectionId":"c"}"#);
        talk.hear(r#"4{"action":11,"channel":"user:me","clientId":"me","connectionId":"c"}"#);
        talk
    }

    #[test]
    fn channels_are_attached_and_we_show_ourselves_in_rooms() {
        let mut talk = live();
        let shown: Vec<String> = talk.sent.drain(..).collect();
        assert_eq!(
            shown,
            [r#"4{"action":14,"channel":"room:r","presence":{"action":0,"data":{}}}"#],
            "and not to ourselves"
        );
        assert_eq!(talk.lives, 1);
        let names: Vec<&str> = talk.events.iter().map(|event| event.kind.name()).collect();
        assert_eq!(names, ["link.up", "room.entered", "room.entered"]);
    }

    #[test]
    fn it_pings_each_interval_and_a_pong_that_is_missing_is_the_end() {
        let mut talk = live();
        for _ in 0..3 {
            talk.sent.clear();
            talk.pass(25 * S);
            assert_eq!(talk.sent, ["2"]);
            talk.hear("3");
        }
        talk.pass(25 * S);
        talk.pass(4 * S);
        assert!(talk.closed.is_empty());
        talk.pass(S);
        assert_eq!(talk.closed[0].kind, FaultKind::Broken);
    }

    /// Two rooms, of which one is never attached: the other is worth going on for.
    #[test]
    fn a_room_that_is_not_attached_in_time_is_told_and_the_others_go_on() {
        let mut talk = Talk::new(Client::new(vec!["a".into(), "b".into()], None));
        talk.hear(r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#);
        talk.hear(r#"4{"action":4,"clientId":"me","connectionId":"c"}"#);
        talk.hear(r#"4{"action":11,"channel":"room:a"}"#);
        talk.hear(r#"4{"action":11,"channel":"room:a"}"#);
        assert_eq!(talk.lives, 0, "told twice is not two rooms");
        talk.pass(10 * S);
        assert_eq!((talk.lives, talk.closed.len()), (1, 0));
        assert!(talk.troubles[0].contains("room:b"), "{:?}", talk.troubles);
        talk.hear(r#"4{"action":9,"error":"you are muted"}"#);
        assert_eq!((talk.troubles.len(), talk.closed.len()), (2, 0), "a refusal is no end");
    }

    #[test]
    fn a_server_that_lets_nobody_in_is_left_after_10_s() {
        let mut talk = Talk::new(Client::new(vec!["r".into()], None));
        talk.hear(r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#);
        talk.pass(10 * S);
        assert_eq!(talk.closed[0].kind, FaultKind::Broken);
    }
}

mod fishjam_talks {
    use prost::Message;

    use super::{
        super::fishjam::{
            ServerSocket,
            wire::{
                ServerMessage,
                server_message::{
                    Authenticated, Content, EventType, NotificationBatch, RoomCreated, RoomDeleted, SubscribeResponse,
                },
            },
        },
        *,
    };

    fn message(content: Content) -> Vec<u8> {
        ServerMessage { content: Some(content) }.encode_to_vec()
    }

    /// What it sends, what it tells, whether it is live, and why it closes.
    fn drain(machine: &mut ServerSocket) -> (Vec<Content>, Vec<String>, bool, Option<Fault>) {
        let (mut sent, mut told, mut live, mut closed) = (Vec::new(), Vec::new(), false, None);
        while let Some(output) = machine.poll_output() {
            match output {
                Output::SendBytes(bytes) => sent.push(ServerMessage::decode(bytes).unwrap().content.unwrap()),
                Output::Event(event) => told.push(event.kind.name().to_owned()),
                Output::Live => live = true,
                Output::Close(fault) => closed = Some(fault),
                other => panic!("{other:?}"),
            }
        }
        (sent, told, live, closed)
    }

    #[test]
    fn it_shows_the_token_subscribes_and_tells_batches_one_by_one() {
        let (now, mut machine) = (Instant::now(), ServerSocket::new("secret".to_owned().into()));
        machine.on_open(now, Duration::ZERO);
        let (sent, ..) = drain(&mut machine);
        assert!(matches!(&sent[..], [Content::AuthRequest(request)] if request.token == "secret"));
        machine.on_frame(now, Frame::Binary(&message(Content::Authenticated(Authenticated {}))));
        let (sent, _, live, _) = drain(&mut machine);
        assert!(
            matches!(&sent[..], [Content::SubscribeRequest(request)] if request.event_type() == EventType::ServerNotification)
        );
        assert!(!live);
        let response = SubscribeResponse { event_type: EventType::ServerNotification.into() };
        machine.on_frame(now, Frame::Binary(&message(Content::SubscribeResponse(response))));
        assert!(drain(&mut machine).2);
        assert_eq!(machine.poll_timeout(), None);
        let created = ServerMessage { content: Some(Content::RoomCreated(RoomCreated { room_id: "r".into() })) };
        let deleted = ServerMessage { content: Some(Content::RoomDeleted(RoomDeleted { room_id: "r".into() })) };
        let batch = Content::NotificationBatch(NotificationBatch { notifications: vec![created, deleted] });
        machine.on_frame(now, Frame::Binary(&message(batch)));
        assert_eq!(drain(&mut machine).1, ["room.opened", "room.closed"]);
    }

    #[test]
    fn a_server_that_answers_nothing_is_left() {
        let (now, mut machine) = (Instant::now(), ServerSocket::new("secret".to_owned().into()));
        machine.on_open(now, Duration::ZERO);
        drain(&mut machine);
        let due = machine.poll_timeout().unwrap();
        assert_eq!(due, now + 10 * S);
        machine.on_time(due);
        assert!(drain(&mut machine).3.is_some_and(|fault| fault.kind == FaultKind::Broken));
    }
}
