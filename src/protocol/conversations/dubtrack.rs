//! Dubtrack's machine.

use super::{super::dubtrack::*, *};

fn live() -> Talk<Client> {
    let mut talk = Talk::new(Client::new(vec!["r".into()], Some("me".into())));
    assert!(talk.sent.is_empty(), "the server speaks first");
    talk.hear(r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#);
    talk.hear(r#"4{"action":4,"clientId":"me","connectionId":"c"}"#);
    assert_eq!(
        talk.sent.drain(..).collect::<Vec<_>>(),
        [r#"4{"action":10,"channel":"user:me"}"#, r#"4{"action":10,"channel":"room:r"}"#],
        "private messages are heard by the time at which it is live"
    );
    talk.hear(r#"4{"action":11,"channel":"user:me","clientId":"me","connectionId":"c"}"#);
    assert_eq!(talk.lives, 0);
    talk.hear(r#"4{"action":11,"channel":"room:r","clientId":"me","connectionId":"c"}"#);
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
    assert_eq!(names, ["link.up", "other", "room.entered"]);
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
