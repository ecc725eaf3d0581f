//! Messages that cannot be read are passed over; one that is too large costs the link, not the session.

use roomtone::{event::RoomEvent, sandbox::Fault};

use crate::common::House;

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_oversized() {
    let house = House::open().await;
    let (mut stay, mut end) = house.probe_in_the_room().await;
    let (room, peer) = (house.room.clone(), stay.peer.clone());
    house.sandbox.inject(Fault::Malformed { room: room.clone(), peer: peer.clone(), count: 5 }).unwrap();
    for _ in 0..20 {
        end.until_frame().await;
    }
    let mut lines = Vec::new();
    while let Ok(happening) = stay.happenings.try_recv() {
        lines.push(format!("{:?}", happening.what));
    }
    assert!(lines.iter().any(|line| line.contains("(5 so far)")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("LinkLost")), "five are passed over");
    house.sandbox.inject(Fault::Malformed { room: room.clone(), peer: peer.clone(), count: 40 }).unwrap();
    end.until_event(|event| matches!(event, RoomEvent::LinkRestored { .. })).await;
    end.until_frame().await;
    house.sandbox.inject(Fault::Oversized { room, peer, bytes: 20 << 20 }).unwrap();
    end.until_event(|event| matches!(event, RoomEvent::LinkRestored { .. })).await;
    end.until_frame().await;
}
