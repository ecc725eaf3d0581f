//! Feeds over real sockets: all that is told comes through, cuts are mended, floods are survived.

use std::collections::BTreeSet;

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, Input, Room},
    audio::{Hz, Sound},
    event::{EventKind, RoomEvent, RoomId},
    fishjam::Fishjam,
    platform::{JoinOptions, Platform, WatchEvent},
    protocol::{Protocol, catalog},
    sandbox::{Person, Sandbox, SandboxOptions, Speaks},
    session::SessionHandle,
};
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::common::{FAKED, PATIENCE, ROOM, event, eventually, fake, live, next, samples};

/// What the samples of a platform mean, but for what connecting says.
fn wanted(protocol: Protocol) -> BTreeSet<&'static str> {
    let documented = catalog().into_iter().filter(|entry| entry.platform == protocol && entry.is_documented);
    let is_told = |meaning: &&str| protocol != Protocol::Dubtrack || !["link.up", "room.entered"].contains(meaning);
    documented.map(|entry| entry.meaning).filter(is_told).collect()
}

/// The room of SignalWire's samples begins.
fn started() -> String {
    let session = "a77e1e6d-2222-4b4b-8e20-0000000000b2";
    let channel = "EC_6d0f0000-5555-4e4e-9b50-0000000000e6";
    let params = json!({ "room_session_id": session, "room_session": { "id": session, "event_channel": channel } });
    json!({ "event_type": "video.room.started", "params": params }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_documented_event_comes_through_a_real_socket() {
    for protocol in FAKED {
        let fake = fake(protocol).await;
        let (_feed, mut watch) = live(protocol, &fake).await;
        let mut wanted = wanted(protocol);
        if protocol == Protocol::SignalWire {
            // What happens in a room is told to those who have heard that it is there.
            fake.play(&started()).unwrap();
            event(&mut watch, "room.entered").await;
        }
        fake.play(samples(protocol)).unwrap();
        while !wanted.is_empty() {
            if let WatchEvent::Event(event) = next(&mut watch).await {
                wanted.remove(event.kind.name());
                assert!(event.id.is_some(), "whoever is told it twice can tell");
            }
        }
        fake.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_cut_the_link_is_down_and_up_and_each_room_has_a_fresh_roster() {
    for (protocol, room, comes) in [
        (
            Protocol::SignalWire,
            "rs",
            json!({ "event_type": "video.member.joined", "event_channel": "EC_1",
            "params": { "room_session_id": "rs", "member": { "id": "ada", "type": "member" } } }),
        ),
        (
            Protocol::Nkmedia,
            "r",
            json!({ "class": "media", "subclass": "room", "type": "started_publisher", "obj_id": "r",
            "body": { "session_id": "ada", "user": "ada" } }),
        ),
        (
            Protocol::Dubtrack,
            ROOM,
            json!({ "action": 15, "channel": format!("room:{ROOM}"), "message": { "name": "user-join",
            "type": "json", "data": json!({ "user": { "_id": "ada" }, "roomUser": { "roomid": ROOM, "userid": "ada" } }).to_string() } }),
        ),
    ] {
        let fake = fake(protocol).await;
        let (feed, mut watch) = live(protocol, &fake).await;
        if protocol == Protocol::SignalWire {
            let params = json!({ "room_session_id": "rs", "room_session": { "id": "rs", "event_channel": "EC_1" } });
            fake.play(&json!({ "event_type": "video.room.started", "params": params }).to_string()).unwrap();
            event(&mut watch, "room.entered").await;
        }
        fake.play(&comes.to_string()).unwrap();
        event(&mut watch, "peer.joined").await;
        fake.cut();
        while !matches!(next(&mut watch).await, WatchEvent::Down { .. }) {}
        while next(&mut watch).await != WatchEvent::Up {}
        let roster = loop {
            let WatchEvent::Event(event) = next(&mut watch).await else { continue };
            if let EventKind::Room(
                RoomEvent::Entered { roster: Some(members), .. } | RoomEvent::Roster { peers: members },
            ) = &event.kind
            {
                assert_eq!(event.room(), Some(&RoomId::from(room)));
                break members.clone();
            }
        };
        // Where an agent is a user like others, it is there, too, and known as what it is.
        let people = roster.iter().map(|member| &member.peer).filter(|peer| peer.kind.is_person());
        let here: Vec<&str> = people.map(|peer| peer.id.as_str()).collect();
        assert_eq!(here, ["ada"], "{protocol}");
        let listed = feed.room(&room.into()).await.unwrap().snapshot().peers;
        assert_eq!(listed.iter().filter(|peer| peer.kind.is_person()).count(), 1);
        fake.stop().await;
    }
}

/// 100,000 events at once: a watcher that reads gets all of them or is told how many it missed; the count is whole, and
/// somebody who speaks in another room is heard all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_is_counted_and_nothing_is_lost_without_a_word() {
    const FLOOD: u64 = 100_000;
    /// What joining tells, of its socket and of its call: either may be the last.
    const JOINING: u64 = 5;
    let (sandbox, _session, mut heard) = somebody_speaks().await;
    let fake = fake(Protocol::Dubtrack).await;
    let (feed, mut watch) = live(Protocol::Dubtrack, &fake).await;
    eventually("all that joining tells is told", || feed.telemetry().events == JOINING).await;
    let data = json!({ "chatid": "1", "message": "x", "user": { "_id": "u" }, "queue_object": { "roomid": ROOM } })
        .to_string();
    let message = json!({ "name": "chat-message", "type": "json", "data": data });
    let line = json!({ "action": 15, "channel": format!("room:{ROOM}"), "message": message }).to_string();
    let script = format!("{line}\n").repeat(FLOOD as usize);
    let playing = tokio::task::spawn_blocking(move || {
        fake.play(&script).unwrap();
        fake
    });
    let mut seen = 0;
    loop {
        match next(&mut watch).await {
            WatchEvent::Event(event) if event.kind.name() == "chat.said" => seen += 1,
            WatchEvent::Down { reason } => assert!(reason.contains("faster than they were read"), "{reason}"),
            _ => {}
        }
        while heard.try_recv().is_ok() {}
        let telemetry = feed.telemetry();
        if telemetry.events >= JOINING + FLOOD && seen + telemetry.missed_events >= FLOOD {
            assert_eq!(telemetry.events, JOINING + FLOOD, "{telemetry:?}");
            assert!(seen + telemetry.missed_events <= FLOOD + 16, "what is missed is counted once");
            break;
        }
    }
    timeout(PATIENCE, heard.recv()).await.expect("sound goes on").unwrap();
    playing.await.unwrap().stop().await;
    sandbox.stop().await;
}

/// A room in a sandbox with an agent, and somebody who speaks without an end. Each frame is told.
async fn somebody_speaks() -> (Sandbox, SessionHandle, mpsc::Receiver<()>) {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
    let room = fishjam.rest().create_room(&Default::default()).await.unwrap().id;
    let sound = Sound { rate: Hz::K16, samples: (0..16_000).map(|n| (n % 200 * 50) as i16).collect() };
    let person = Person { sound: Some(Speaks::Sound(sound)), looped: true, ..Person::default() };
    sandbox.add_person(&room, person).await.unwrap();
    let (told, heard) = mpsc::channel(4_096);
    let session = fishjam.join(Box::new(Listener(told)), JoinOptions::new(room)).await.unwrap();
    (sandbox, session, heard)
}

struct Listener(mpsc::Sender<()>);

#[async_trait]
impl Agent for Listener {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while let Some(input) = room.next().await {
            if let Input::Audio(_) = input {
                // Whoever counts them may be behind.
                self.0.try_send(()).ok();
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_that_nobody_has_any_more_ends() {
    let fake = fake(Protocol::SignalWire).await;
    let (feed, watch) = live(Protocol::SignalWire, &fake).await;
    assert_eq!(fake.clients(), 1);
    drop((feed, watch));
    eventually("the connection is closed", || fake.clients() == 0).await;
}
