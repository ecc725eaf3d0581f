//! SignalWire's machine.

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
    talk.hear_json(
        &json!({ "jsonrpc": "2.0", "id": subscribe["id"], "result": { "code": "200", "result": { "code": "200" } } }),
    );
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
        talk.hear_json(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "code": code, "message": "no" } }));
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
    let mut talk = self::talk();
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
    talk.hear_json(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "code": "403", "message": "no scope" } }));
    assert!(matches!(&talk.acted[0], (1, Err(ActionError::Refused { why, .. })) if why == "no scope"));
    let say = Action::Say { text: "hello".into() };
    let refused = talk.machine.act(talk.now, 2, &"rs".into(), &say).unwrap_err();
    assert!(matches!(refused, ActionError::Unsupported { .. }));
    // What was under way when the link broke was not answered.
    talk.machine.act(talk.now, 3, &"rs".into(), &Action::Remove { peer: "m".into() }).unwrap();
    talk.open();
    assert!(matches!(&talk.acted[1], (3, Err(ActionError::Unanswered { .. }))));
}
