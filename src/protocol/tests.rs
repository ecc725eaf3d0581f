//! The tables against the platforms' own event references, and against anything that may come.

use proptest::prelude::*;
use serde_json::Value;

use super::{spec::EventSpec, *};
use crate::event::{Event, EventKind, Origin, Place};

/// A hand-made frame of one of the documented events.
struct Sample {
    event: String,
    protocol: Protocol,
    text: String,
    bytes: Vec<u8>,
    /// The payload within the frame.
    payload: Value,
}

impl Sample {
    fn decode(&self) -> Vec<Event> {
        let frame = match self.protocol {
            Protocol::Fishjam => Frame::Binary(&self.bytes),
            _ => Frame::Text(&self.text),
        };
        decode(self.protocol, frame).unwrap()
    }
}

fn samples() -> Vec<Sample> {
    let files = [
        (Protocol::Fishjam, include_str!("../../tests/data/platforms/fishjam.jsonl")),
        (Protocol::SignalWire, include_str!("../../tests/data/platforms/signalwire.jsonl")),
        (Protocol::Nkmedia, include_str!("../../tests/data/platforms/nkmedia.jsonl")),
        (Protocol::Dubtrack, include_str!("../../tests/data/platforms/dubtrack.jsonl")),
    ];
    let lines = files.iter().flat_map(|(protocol, file)| file.lines().map(|line| sample(*protocol, line)));
    lines.collect()
}

fn sample(protocol: Protocol, line: &str) -> Sample {
    let line: Value = serde_json::from_str(line).unwrap();
    let text = line["frame"].as_str().map_or_else(|| line["frame"].to_string(), str::to_owned);
    let frame: Value = serde_json::from_str(text.trim_start_matches('4')).unwrap_or_default();
    let bytes = match protocol {
        Protocol::Fishjam => hex(&text),
        _ => Vec::new(),
    };
    let payload = match protocol {
        Protocol::Fishjam => Value::Null,
        Protocol::SignalWire if frame["sdk_event"].is_string() => frame["payload"].clone(),
        Protocol::SignalWire => frame["params"]["params"].clone(),
        Protocol::Nkmedia => frame["data"].clone(),
        Protocol::Dubtrack => match frame["message"]["data"].as_str() {
            Some(inner) => serde_json::from_str(inner).unwrap(),
            None => frame,
        },
    };
    Sample { event: line["event"].as_str().unwrap().to_owned(), protocol, text, bytes, payload }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What the references list: 67 events, what each means, and its fields.
fn references() -> Vec<Value> {
    serde_json::from_str(include_str!("../../tests/data/platforms/references.json")).unwrap()
}

fn table(protocol: Protocol) -> &'static [EventSpec] {
    match protocol {
        Protocol::Fishjam => &[],
        Protocol::SignalWire => signalwire::EVENTS,
        Protocol::Nkmedia => nkmedia::EVENTS,
        Protocol::Dubtrack => dubtrack::EVENTS,
    }
}

#[test]
fn each_of_the_67_frames_is_one_event_of_its_meaning_with_its_payload_untouched() {
    let (samples, references) = (samples(), references());
    assert_eq!((samples.len(), references.len()), (67, 67));
    for reference in &references {
        let (platform, name) = (&reference["platform"], &reference["event"]);
        let is_meant = |sample: &&Sample| *platform == sample.protocol.name() && *name == *sample.event;
        let sample = samples.iter().find(is_meant).unwrap_or_else(|| panic!("there is no frame of {platform} {name}"));
        let events = sample.decode();
        assert_eq!(events.len(), 1, "{platform} {name}");
        assert_eq!(events[0].kind.name(), reference["meaning"].as_str().unwrap(), "{platform} {name}");
        let native = events[0].native.as_ref().unwrap();
        assert_eq!(native.platform(), platform.as_str().unwrap());
        if sample.protocol != Protocol::Fishjam {
            assert_eq!(native.json().unwrap(), sample.payload, "{platform} {name}");
        }
    }
}

#[test]
fn every_field_of_the_references_is_in_the_catalogue_and_in_a_typed_form() {
    let (catalog, samples) = (catalog(), samples());
    let mut fields = 0;
    for reference in references() {
        let (platform, name) = (reference["platform"].as_str().unwrap(), reference["event"].as_str().unwrap());
        let entry = catalog.iter().find(|entry| entry.platform.name() == platform && entry.event == name);
        let entry = entry.unwrap_or_else(|| panic!("{platform} {name} is not in the catalogue"));
        assert!(entry.is_documented, "{platform} {name}");
        assert_eq!(entry.meaning, reference["meaning"].as_str().unwrap(), "{platform} {name}");
        let sample = samples.iter().find(|sample| sample.protocol == entry.platform && sample.event == name).unwrap();
        let typed = table(entry.platform)
            .iter()
            .find(|spec| spec.event == name)
            .map(|spec| (spec.typed)(&sample.payload).unwrap_or_else(|| panic!("{platform} {name} has another form")));
        for field in reference["fields"].as_array().unwrap() {
            let field = field.as_str().unwrap();
            fields += 1;
            // The references name some objects without what is in them, and forms have that, too.
            let is_it = |path: &String| {
                path == field || path.starts_with(&format!("{field}.")) || path.starts_with(&format!("{field}[]"))
            };
            let is_inside =
                |path: &String| field.starts_with(&format!("{path}.")) || field.starts_with(&format!("{path}[]"));
            assert!(
                entry.fields.iter().any(|path| is_it(path) || is_inside(path)),
                "{platform} {name}: {field} is not among {:?}",
                entry.fields
            );
            let is_absent = reference["not_in_sample"].as_array().unwrap().iter().any(|absent| absent == field);
            if let Some(typed) = typed.as_ref().filter(|_| !is_absent) {
                assert_same(&at(&sample.payload, field), &at(typed, field), &format!("{platform} {name}: {field}"));
            }
        }
    }
    assert_eq!(fields, 300);
}

/// What stands at a path; of a list, what stands there in each of its elements.
fn at(value: &Value, path: &str) -> Vec<Value> {
    path.split('.').fold(vec![value.clone()], |values, step| {
        let (key, is_list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
        let below = values.iter().map(|value| value[key].clone());
        match is_list {
            true => below.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect(),
            false => below.collect(),
        }
    })
}

/// The same as far as the frame says something: the typed form also has what the frame leaves out.
fn assert_same(said: &[Value], typed: &[Value], what: &str) {
    assert_eq!(said.len(), typed.len(), "{what}");
    for (said, typed) in said.iter().zip(typed) {
        match (said, typed) {
            (Value::Object(said), typed) => {
                said.iter().filter(|(key, _)| *key != "__v").for_each(|(key, said)| {
                    assert_same(std::slice::from_ref(said), &[typed[key].clone()], &format!("{what}.{key}"));
                });
            }
            (Value::Array(said), Value::Array(typed)) => assert_same(said, typed, what),
            (Value::Null, typed) => assert!(is_nothing(typed), "{what}: {typed} for null"),
            (Value::Number(said), Value::Number(typed)) => assert_eq!(said.as_f64(), typed.as_f64(), "{what}"),
            (said, typed) => assert_eq!(said, typed, "{what}"),
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || *value == "" || *value == Value::Array(Vec::new())
}

#[test]
fn every_meaning_is_produced_by_a_platform() {
    let meanings: std::collections::BTreeSet<&str> =
        catalog().iter().filter(|entry| entry.is_documented).map(|entry| entry.meaning).collect();
    assert_eq!(meanings.len(), 36, "{meanings:?}");
    assert_eq!(catalog().iter().filter(|entry| entry.is_documented).count(), 67);
}

#[test]
fn later_names_and_shorter_names_mean_the_same() {
    let without_prefix = |sample: &Sample| sample.text.replace("\"video.", "\"");
    let of = |protocol| samples().into_iter().filter(move |sample| sample.protocol == protocol);
    for sample in of(Protocol::SignalWire) {
        let short = decode(Protocol::SignalWire, Frame::Text(&without_prefix(&sample))).unwrap().remove(0);
        assert_eq!(short.kind, sample.decode().remove(0).kind, "{}", sample.event);
    }
    let renamed = [
        ("session.stop", "\"type\":\"stop\"", "\"type\":\"destroyed\""),
        ("session.updated_type", "\"type\":\"updated_type\"", "\"type\":\"type\""),
        ("room.started", "\"type\":\"started\"", "\"type\":\"created\""),
        (
            "call.answer",
            "\"class\":\"media\",\"subclass\":\"call\",\"type\":\"answer\"",
            "\"class\":\"collab\",\"subclass\":\"call\",\"type\":\"session_answer\"",
        ),
        ("call.hangup", "\"class\":\"media\",\"subclass\":\"call\"", "\"class\":\"collab\",\"subclass\":\"call\""),
    ];
    for (name, old, new) in renamed {
        let sample = of(Protocol::Nkmedia).find(|sample| sample.event == name).unwrap();
        // The order of keys is the sample's own.
        let frame: Value = serde_json::from_str(&sample.text).unwrap();
        let data = &frame["data"];
        let mut pairs = serde_json::Map::new();
        for key in ["class", "subclass", "type", "obj_id", "body"] {
            pairs.extend(data.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        let (old, new) = (&format!("{{{old}}}"), &format!("{{{new}}}"));
        let (old, new): (Value, Value) = (serde_json::from_str(old).unwrap(), serde_json::from_str(new).unwrap());
        old.as_object().unwrap().iter().for_each(|(key, value)| assert_eq!(&pairs[key], value));
        pairs.extend(new.as_object().unwrap().clone());
        let renamed = serde_json::json!({ "class": "core", "cmd": "event", "data": pairs, "tid": 1 }).to_string();
        let event = decode(Protocol::Nkmedia, Frame::Text(&renamed)).unwrap().remove(0);
        assert_eq!(event.kind, sample.decode().remove(0).kind, "{name}");
    }
    for (kind, role, meaning) in
        [("started_member", "publisher", "peer.joined"), ("stopped_member", "listener", "peer.left")]
    {
        let data = serde_json::json!({ "class": "media", "subclass": "room", "type": kind, "obj_id": "r",
            "body": { "role": role, "user_id": "u", "session_id": "s", "peer_id": "p" } });
        let frame = serde_json::json!({ "class": "core", "cmd": "event", "data": data, "tid": 1 }).to_string();
        let event = decode(Protocol::Nkmedia, Frame::Text(&frame)).unwrap().remove(0);
        assert_eq!(event.kind.name(), meaning);
        let view = event.native.unwrap().view::<nkmedia::objects::MemberChanged>().unwrap();
        assert_eq!((view.body.user_id.as_str(), view.body.role.as_str()), ("u", role));
    }
}

#[test]
fn what_is_said_reaches_the_fields_that_agents_act_on() {
    let event = |name: &str| samples().into_iter().find(|sample| sample.event == name).unwrap().decode().remove(0);
    let talking = event("member.talking");
    assert!(talking.platform_time_s.is_some() && talking.id.is_some(), "SignalWire gives time and id");
    assert!(matches!(&talking.place, Some(Place::Room(room)) if room.as_str().starts_with("a77e1e6d")));
    assert_eq!(event("camera.updated").origin, Origin::Local);
    assert_eq!(event("memberList.updated").origin, Origin::Derived);
    let said = event("on_chat");
    let EventKind::Chat(crate::event::ChatEvent::Said { text, author, .. }) = &said.kind else { panic!("{said:?}") };
    assert_eq!((text.as_str(), author.name.as_str()), ("tea & biscuits?", "bo"));
    assert!(!format!("{said:?}").contains("biscuits"), "what people say is private");
    let joined = event("room.joined");
    let EventKind::Room(crate::event::RoomEvent::Entered { me, roster, .. }) = &joined.kind else {
        panic!("{joined:?}")
    };
    assert!(me.is_some() && roster.as_ref().is_some_and(|members| !members.is_empty()));
    let current = event("on_playlist_song_add");
    let EventKind::Queue(crate::event::QueueEvent::Current { song, elapsed }) = &current.kind else {
        panic!("{current:?}")
    };
    assert_eq!((song.title.as_deref(), *elapsed), (Some("Paper Lanterns - Tidewalk"), None));
}

/// Frames whose values have been exchanged for others, at any place.
fn twisted() -> impl Strategy<Value = (usize, usize, Value)> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({ "id": {} })),
    ];
    (0usize..67, 0usize..64, value)
}

/// Puts a value in place of the one at a number of the tree.
fn twist(tree: &mut Value, number: &mut usize, with: &Value) {
    if *number == 0 {
        *tree = with.clone();
    }
    *number = number.wrapping_sub(1);
    match tree {
        Value::Object(object) => object.values_mut().for_each(|inner| twist(inner, number, with)),
        Value::Array(list) => list.iter_mut().for_each(|inner| twist(inner, number, with)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn anything_may_come(text in ".{0,64}", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for protocol in Protocol::ALL {
            for frame in [Frame::Text(&text), Frame::Binary(&bytes)] {
                if let Err(error) = decode(protocol, frame) {
                    prop_assert!(error.bytes <= frame.len(), "a frame, or a part of it");
                }
            }
        }
    }

    #[test]
    fn a_frame_with_a_strange_value_is_still_one_event_or_one_error((number, place, with) in twisted()) {
        let sample = samples().into_iter().nth(number).unwrap();
        if sample.protocol != Protocol::Fishjam {
            let head = if sample.protocol == Protocol::Dubtrack { "4" } else { "" };
            let mut frame: Value = serde_json::from_str(&sample.text[head.len()..]).unwrap();
            twist(&mut frame, &mut { place }, &with);
            let text = format!("{head}{frame}");
            prop_assert!(decode(sample.protocol, Frame::Text(&text)).map_or(true, |events| events.len() <= 1));
        }
    }

    #[test]
    fn an_unknown_name_is_another_event_with_all_that_was_said(name in "[a-z_.]{1,12}", field in "[a-z]{1,6}", value in any::<i64>()) {
        let payload = serde_json::json!({ &field: value });
        let data = payload.to_string();
        let frames = [
            (Protocol::SignalWire, serde_json::json!({ "jsonrpc": "2.0", "id": "x", "method": "signalwire.event",
                "params": { "event_type": format!("zz.{name}"), "params": payload } }).to_string()),
            (Protocol::Dubtrack, format!("4{}", serde_json::json!({ "action": 15, "channel": "room:r",
                "message": { "name": format!("zz-{name}"), "type": "json", "data": data } }))),
        ];
        for (protocol, frame) in frames {
            let event = decode(protocol, Frame::Text(&frame)).unwrap().remove(0);
            prop_assert_eq!(event.kind.name(), "other");
            prop_assert_eq!(event.native.unwrap().json().unwrap(), payload.clone());
        }
    }
}
