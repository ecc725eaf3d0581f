//! The bytes of the wire, against vectors made with the official Python package and a frame for each notification.

use bytes::Bytes;
use prost::Message;
use roomtone::{
    audio::Hz,
    event::{End, Event, EventKind, MediaEvent, PeerEvent, PeerKind, TrackEvent, TrackKind},
    protocol::fishjam::{
        decode, decode_response,
        wire::{
            AgentRequest, ServerMessage,
            agent_response::Content as Answer,
            server_message::{
                self, AuthRequest, Authenticated, Content, NotificationBatch, PeerConnected, PeerType, RoomCreated,
                SubscribeRequest,
            },
        },
    },
    signal::PublishedTrack,
};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Bytes {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn agent_requests() {
    let id = "8dbd2e6ba1e7467095a20262aa6c6321".into();
    let t1 = "t1".into();
    let pcm = PublishedTrack::pcm16(Hz::K24).unwrap();
    let opus = PublishedTrack::opus(Hz::K48).unwrap();
    let head = "12470a3b0a20386462643265366261316537343637303935613230323632616136633633323110021a157b2274797065223a226d6963726f70686f6e65227d";
    let vectors = [
        (AgentRequest::auth("abc"), "0a050a03616263".to_owned()),
        (AgentRequest::add_track(&id, &pcm), format!("{head}1208080110c0bb011801")),
        (AgentRequest::add_track(&id, &opus), format!("{head}1208080210 80f7021801").replace(' ', "")),
        (AgentRequest::track_data(&t1, unhex("0100ff7f")), "220a0a02743112040100ff7f".into()),
        (AgentRequest::remove_track(&t1), "1a040a027431".into()),
        (AgentRequest::interrupt(&t1), "2a040a027431".into()),
        (AgentRequest::capture_image(&t1), "32040a027431".into()),
    ];
    for (request, bytes) in vectors {
        assert_eq!(hex(request.encode_to_vec()), bytes, "{request:?}");
    }
}

#[test]
fn agent_responses() {
    let content = |bytes: &str| decode_response(unhex(bytes)).unwrap().content.unwrap();
    assert!(matches!(content("0a00"), Answer::Authenticated(_)));
    let Answer::TrackData(sound) = content("12180a027031120c0a02743110021a046e756c6c1a040100ff7f") else { panic!() };
    let track = sound.track.unwrap();
    assert_eq!((sound.peer_id.as_str(), track.id.as_str(), track.metadata.as_str()), ("p1", "t1", "null"));
    assert_eq!(hex(sound.data), "0100ff7f");
    let Answer::TrackImage(image) = content("1a140a027431120a696d6167652f6a7065671a02ffd8") else { panic!() };
    assert_eq!((image.track_id.as_str(), image.content_type.as_str()), ("t1", "image/jpeg"));
    assert!(decode_response(unhex("ff")).is_err());
}

#[test]
fn server_messages() {
    let encode = |content| hex(ServerMessage { content: Some(content) }.encode_to_vec());
    let auth = Content::AuthRequest(AuthRequest { token: "development".into() });
    assert_eq!(encode(auth), "3a0d0a0b646576656c6f706d656e74");
    assert_eq!(encode(Content::Authenticated(Authenticated {})), "3200");
    let subscribe = SubscribeRequest { event_type: server_message::EventType::ServerNotification.into() };
    assert_eq!(encode(Content::SubscribeRequest(subscribe)), "42020801");
    let connected = Content::PeerConnected(PeerConnected {
        room_id: "r1".into(),
        peer_id: "p1".into(),
        peer_type: PeerType::Agent.into(),
    });
    assert_eq!(encode(connected.clone()), "120a0a027231120270311802");
    let created = Content::RoomCreated(RoomCreated { room_id: "r1".into() });
    let members = [created, connected].map(|content| ServerMessage { content: Some(content) });
    let batch = Content::NotificationBatch(NotificationBatch { notifications: members.to_vec() });
    assert_eq!(encode(batch), "8a02160a0652040a0272310a0c120a0a027231120270311802");
}

#[test]
fn batches_come_out_in_order_and_only_once() {
    let batch = unhex("8a02160a0652040a0272310a0c120a0a027231120270311802");
    let names = |bytes: &[u8]| -> Vec<String> {
        let events = decode(bytes).unwrap().events;
        events.iter().map(|event| event.native.as_ref().unwrap().name().to_owned()).collect()
    };
    assert_eq!(names(&batch), ["roomCreated", "peerConnected"]);
    let connected = decode(&batch).unwrap().events.remove(1);
    assert_eq!(connected.room().unwrap().as_str(), "r1");
    let EventKind::Peer(PeerEvent::Joined { peer, .. }) = connected.kind else { panic!() };
    assert_eq!((peer.id.as_str(), peer.kind), ("p1", PeerKind::Agent));
    let inner = ServerMessage::decode(batch).unwrap();
    let nested = Content::NotificationBatch(NotificationBatch { notifications: vec![inner] });
    let nested = ServerMessage { content: Some(nested) }.encode_to_vec();
    assert_eq!(names(&nested), [""; 0], "a batch in a batch is dropped");
    assert_eq!(names(&unhex("3200")), [""; 0], "authentication is no notification");
    assert_eq!(names(&[]), [""; 0]);
    assert!(decode(&[0xff, 0xff]).is_err());
}

#[test]
fn a_member_of_a_batch_that_cannot_be_read_costs_itself_alone() {
    // Metadata that is no UTF-8, and a member that is no message, between two that are right.
    let members = ["0a0652040a027231", "0a03ffffff", "0a0752050a03ff7231", "0a0652040a027232"];
    let batch = unhex(&members.concat());
    let body = [&[0x8a, 0x02, u8::try_from(batch.len()).unwrap()], &batch[..]].concat();
    let decoded = decode(&body).unwrap();
    let rooms: Vec<&str> = decoded.events.iter().map(|event| event.room().unwrap().as_str()).collect();
    assert_eq!(rooms, ["r1", "r2"]);
    assert_eq!(decoded.unreadable.len(), 2);
}

#[test]
fn crashes_and_tracks() {
    let one = |bytes: &str| decode(&unhex(bytes)).unwrap().events.remove(0);
    let crashed = one("22100a027231120270311a04626f6f6d2002");
    let EventKind::Peer(PeerEvent::Left { peer, end }) = &crashed.kind else { panic!("{crashed:?}") };
    assert_eq!((peer.kind, end), (PeerKind::Agent, &End::Failed { reason: Some("boom".into()) }));
    let added = one("8a01140a02723112027031220a0a02743110021a027b7d");
    let EventKind::Track(TrackEvent::Added { owner, track }) = &added.kind else { panic!("{added:?}") };
    assert_eq!((owner.peer().unwrap().as_str(), track.kind), ("p1", TrackKind::Audio));
    // 34, the newest: recording_id "r", status FINISHED, metadata "{}".
    let recording = one("9202090a017210021a027b7d");
    let EventKind::Media(MediaEvent::Ended(asset)) = &recording.kind else { panic!("{recording:?}") };
    assert_eq!((asset.id.as_str(), asset.state.as_deref()), ("r", Some("finished")));
    let json = recording.json_with_native();
    assert_eq!(
        json["native"]["payload"],
        serde_json::json!({ "recordingId": "r", "status": "STATUS_FINISHED", "metadata": "{}" })
    );
}

/// Each of the 16 events that the platform's reference lists means one thing, keeps its payload and has a typed form.
#[test]
fn every_event_of_the_platform_has_its_meaning() {
    let meanings = [
        "room.opened",
        "room.closed",
        "room.closed",
        "peer.registered",
        "peer.joined",
        "peer.removed",
        "peer.left",
        "peer.updated",
        "peer.left",
        "media.started",
        "media.ended",
        "track.added",
        "track.updated",
        "track.removed",
        "peer.joined",
        "peer.left",
    ];
    let table = include_str!("data/platforms/fishjam.jsonl");
    assert_eq!(table.lines().count(), meanings.len());
    for (line, meaning) in table.lines().zip(meanings) {
        let sample: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = sample["event"].as_str().unwrap().strip_prefix("ServerMessage").unwrap();
        let frame = unhex(sample["frame"].as_str().unwrap());
        let events = decode(&frame).unwrap().events;
        let [event] = &events[..] else { panic!("{name}: {events:?}") };
        assert_eq!(event.kind.name(), meaning, "{name}");
        let native = event.native.as_ref().unwrap();
        assert_eq!(native.name(), name[..1].to_lowercase() + &name[1..]);
        assert!(frame.ends_with(native.payload()) && native.json().is_some_and(|json| json.is_object()), "{name}");
        assert!(event.place.is_some(), "{name}: where");
    }
}

#[test]
fn what_later_versions_add_is_told_with_its_payload() {
    // Field 99, {1: "r1"}.
    let events = decode(&unhex("9a06040a027231")).unwrap().events;
    let [Event { kind: EventKind::Other(_), native: Some(native), .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((native.name(), hex(native.payload()), native.json()), ("field99", "0a027231".to_owned(), None));
    // Beside a notification it hides nothing, in whichever order.
    for bytes in ["52040a0272319a06040a027231", "9a06040a02723152040a027231"] {
        let events = decode(&unhex(bytes)).unwrap().events;
        assert_eq!((events.len(), events[0].kind.name()), (1, "room.opened"));
    }
}

proptest::proptest! {
    /// Bytes from the network end in a value or an error, never in a panic, and what is read can be written again.
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        if let Ok(message) = decode_response(Bytes::from(bytes.clone())) {
            let again = decode_response(Bytes::from(message.encode_to_vec())).unwrap();
            proptest::prop_assert_eq!(again, message);
        }
        if let Ok(decoded) = decode(&bytes) {
            let mut roster = roomtone::event::Roster::new("me".into());
            for event in decoded.events {
                roster.apply(&event);
                event.json_with_native();
            }
        }
        roomtone::fishjam::webhook::receive(&bytes, std::str::from_utf8(&bytes).ok(), &bytes).ok();
    }
}
