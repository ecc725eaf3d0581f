//! A token that is too old is renewed; one that is refused in every form ends the session with that reason.

use std::time::Duration;

use roomtone::{sandbox::Fault, session::Ending, session::SessionEventKind};

use crate::common::{House, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_and_the_agent_is_back() {
    let house = House::open().await;
    let (mut handle, mut end) = house.probe_in_the_room().await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    house.sandbox.inject(Fault::ExpireToken { room: room.clone(), peer: peer.clone() }).unwrap();
    house.sandbox.inject(Fault::Cut { room, peer, for_ms: 0 }).unwrap();
    end.until_told("link.up").await;
    end.until_frame().await;
    let mut renewed = false;
    while let Ok(event) = handle.events.try_recv() {
        renewed |= matches!(&event.kind, SessionEventKind::Link(line) if line.contains("renewed"));
    }
    assert!(renewed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_refused_once_is_renewed_and_one_refused_for_good_is_told() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    let refuse = |times| {
        let (room, peer) = (house.room.clone(), handle.peer.clone());
        house.sandbox.inject(Fault::RefuseToken { room: room.clone(), peer: peer.clone(), times }).unwrap();
        house.sandbox.inject(Fault::Cut { room, peer, for_ms: 0 }).unwrap();
    };
    refuse(1);
    end.until_told("link.up").await;
    refuse(100);
    let summary = tokio::time::timeout(PATIENCE, handle.ended()).await.unwrap();
    assert!(matches!(summary.ending, Ending::TokenRefused(_)), "{:?}", summary.ending);
    assert!(summary.ending.to_string().contains("invalid token"));
    assert!(summary.stayed > Duration::ZERO);
}
