//! Every ending comes in time, with a line that says what happened, and leaves nobody behind.

use std::time::Duration;

use roomtone::{
    agent::{Agent, AgentError, Room},
    sandbox::Fault,
    session::Ending,
    session::{SessionHandle, SessionSummary},
};

use crate::common::{House, PATIENCE, Seen};

async fn ended(handle: SessionHandle) -> SessionSummary {
    tokio::time::timeout(PATIENCE, handle.ended()).await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_takes_the_peer_along() {
    let house = House::open().await;
    let (handle, _end) = house.probe_in_the_room().await;
    let peer = handle.peer.clone();
    handle.leave();
    assert_eq!(ended(handle).await.ending, Ending::Left);
    let room = house.fishjam.rest().room(&house.room).await.unwrap();
    assert!(room.peers.iter().all(|left| left.id != peer));
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_does_not_wait_for_a_server_that_is_dead() {
    let house = House::open().await;
    let (handle, _end) = house.probe_in_the_room().await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    house.sandbox.inject(Fault::Stall { room, peer, for_ms: 600_000 }).unwrap();
    house
        .sandbox
        .inject(Fault::Rest {
            count: u32::MAX,
            status: None,
            body: String::new(),
            carried_out: false,
            only: String::new(),
        })
        .unwrap();
    handle.leave();
    assert_eq!(ended(handle).await.ending, Ending::Left);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_is_told_to_the_agent_and_ends_it() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    house.fishjam.rest().delete_room(&house.room).await.unwrap();
    assert_eq!(ended(handle).await.ending, Ending::RoomEnded { crashed: false });
    let mut last = None;
    while let Some(seen) = end.seen.recv().await {
        last = Some(seen);
    }
    assert!(last.is_some(), "the inbox ended after its last input");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_room_ends_as_a_crash() {
    let house = House::open().await;
    let (handle, _end) = house.probe_in_the_room().await;
    house.sandbox.inject(Fault::CrashRoom { room: house.room.clone() }).unwrap();
    let ending = ended(handle).await.ending;
    // The notification of it and the closing of the socket race; both say that the room is gone.
    assert!(matches!(ending, Ending::RoomEnded { .. } | Ending::PeerRemoved), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_peer_ends_as_removed() {
    let house = House::open().await;
    let (handle, _end) = house.probe_in_the_room().await;
    house.fishjam.rest().delete_peer(&house.room, &handle.peer).await.unwrap();
    assert_eq!(ended(handle).await.ending, Ending::PeerRemoved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_peer_is_survived_and_crashes_without_end_are_not() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    for crash in 1.. {
        let (room, peer) = (house.room.clone(), handle.peer.clone());
        house.sandbox.inject(Fault::CrashPeer { room, peer, reason: "oom".into() }).unwrap();
        if crash == 4 {
            break;
        }
        end.until_told("link.up").await;
        end.until_frame().await;
    }
    let ending = ended(handle).await.ending;
    assert!(matches!(&ending, Ending::Crashed(_)) && ending.to_string().contains("oom"), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_ridden_out() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    house.sandbox.inject(Fault::Stall { room, peer, for_ms: 3_000 }).unwrap();
    end.play.send(vec![5; 16_000]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    while end.seen.try_recv().is_ok() {}
    end.until_frame().await;
    handle.leave();
    assert_eq!(ended(handle).await.ending, Ending::Left);
}

/// An agent that does one thing and ends.
struct Once(fn() -> Result<(), AgentError>);

#[async_trait::async_trait]
impl Agent for Once {
    async fn run(&mut self, _: &mut Room) -> Result<(), AgentError> {
        (self.0)()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_return_fail_or_panic_are_told_apart() {
    let house = House::open().await;
    let done = ended(house.join(Once(|| Ok(()))).await).await.ending;
    assert_eq!(done, Ending::AgentDone);
    let failed = ended(house.join(Once(|| Err("no microphone in the file".into()))).await).await.ending;
    assert_eq!(failed.to_string(), "the agent failed: no microphone in the file");
    let panicked = ended(house.join(Once(|| panic!("off by one"))).await).await.ending;
    assert_eq!(panicked.to_string(), "the agent failed: it panicked: off by one");
    let room = house.fishjam.rest().room(&house.room).await.unwrap();
    assert!(room.peers.is_empty(), "nobody stays behind: {:?}", room.peers);
}

/// An agent that tidies up once its time is over.
struct Tidy(tokio::sync::mpsc::Sender<&'static str>);

#[async_trait::async_trait]
impl Agent for Tidy {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while room.next().await.is_some() {}
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.0.send("tidied").await?;
        Ok(())
    }
}

/// An agent that waits for something that never comes.
struct Waiting(tokio::sync::mpsc::Sender<&'static str>);

#[async_trait::async_trait]
impl Agent for Waiting {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        room.voice.play(&[1; 16_000 * 50]);
        room.voice.finished().await;
        self.0.send("released").await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_told_to_leave_has_time_to_tidy_up() {
    let house = House::open().await;
    let (tell, mut told) = tokio::sync::mpsc::channel(2);
    let stays = [house.join(Tidy(tell.clone())).await, house.join(Waiting(tell)).await];
    tokio::time::sleep(Duration::from_millis(300)).await;
    for handle in stays {
        handle.leave();
        assert_eq!(ended(handle).await.ending, Ending::Left);
    }
    let mut words = [told.recv().await.unwrap(), told.recv().await.unwrap()];
    words.sort_unstable();
    assert_eq!(words, ["released", "tidied"]);
}

/// An agent that plays for ever and never looks whether its time is over.
struct Jukebox(#[allow(dead_code)] tokio::sync::mpsc::Sender<&'static str>);

#[async_trait::async_trait]
impl Agent for Jukebox {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        loop {
            room.voice.play(&[1; 16_000]);
            room.voice.finished().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_never_looks_up_is_ended() {
    let house = House::open().await;
    let (held, mut let_go) = tokio::sync::mpsc::channel(1);
    let handle = house.join(Jukebox(held)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    handle.leave();
    assert_eq!(ended(handle).await.ending, Ending::Left);
    let gone = tokio::time::timeout(Duration::from_secs(2), let_go.recv()).await;
    assert_eq!(gone, Ok(None), "its task is gone, and with it what it held");
}

/// An agent that says something and returns at once.
struct Parting;

#[async_trait::async_trait]
impl Agent for Parting {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        room.voice.play(&[777; 16_000]);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_said_before_it_returned_is_heard() {
    let house = House::open().await;
    let (listener, mut end) = crate::common::probe_that(crate::common::hears_everyone());
    let _stay = house.join(listener).await;
    house.until_connected(1).await;
    let handle = house.join(Parting).await;
    let heard = end.until({
        let mut heard = 0;
        move |seen| {
            if let Seen::Frame { samples, .. } = seen {
                heard += samples.iter().filter(|sample| **sample == 777).count();
            }
            (heard == 16_000).then_some(heard)
        }
    });
    assert_eq!(heard.await, 16_000);
    assert_eq!(ended(handle).await.ending, Ending::AgentDone);
}
