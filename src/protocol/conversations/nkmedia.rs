//! NkMEDIA's machine.

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
    let info =
        json!({ "class": "sfu", "publishers": { "s1": "ada" }, "listeners": { "s2": { "user": "bo", "peer": "s1" } } });
    ok(&mut talk, &info);
    let entered = serde_json::to_value(&talk.events[0]).unwrap();
    assert_eq!(
        (&entered["event"], &entered["room"], &entered["origin"]),
        (&json!("room.entered"), &json!("r1"), &json!("derived"))
    );
    let users: Vec<&str> =
        entered["roster"].as_array().unwrap().iter().map(|member| member["peer"]["user"].as_str().unwrap()).collect();
    assert_eq!(users, ["ada", "bo"]);
}

/// Commands were renamed once, and members came into one list.
#[test]
fn a_server_of_the_last_names_is_asked_by_them() {
    let mut talk = live();
    let tid = talk.last()["tid"].clone();
    talk.hear_json(&json!({ "result": "error", "tid": tid, "data": { "code": 9_999, "error": "Unknown Error" } }));
    assert_eq!(talk.last()["cmd"], "get_list");
    ok(&mut talk, &json!([{ "room_id": "r1" }]));
    assert_eq!((&talk.last()["cmd"], talk.listed.len()), (&json!("get_info"), 1));
    let members = json!({ "s1": { "role": "publisher", "user_id": "ada" }, "s2": { "role": "listener", "user_id": "bo", "peer_id": "s1" } });
    ok(&mut talk, &json!({ "class": "sfu", "members": members }));
    let entered = serde_json::to_value(&talk.events[0]).unwrap();
    assert_eq!(entered["roster"][1]["peer"]["role"], json!({ "listener": { "of": "s1" } }));
    talk.machine.act(talk.now, 1, &"r1".into(), &Action::Remove { peer: "s1".into() }).unwrap();
    talk.look();
    assert_eq!(talk.last()["cmd"], "destroy");
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
    let mut talk = self::talk();
    (0..15).for_each(|_| talk.hear("HTTP/1.1 400 Bad Request"));
    assert_eq!((talk.unreadable, talk.closed.len()), (15, 0), "a few cost themselves alone");
    talk.hear(r#"{"hello":1}"#);
    assert_eq!(talk.closed[0].kind, FaultKind::NotThisPlatform);
}
