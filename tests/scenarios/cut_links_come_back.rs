//! A cut link comes back by itself: the gap is marked, the voice has a new track, what is said after is heard.

use std::time::{Duration, Instant};

use roomtone::{audio::Hz, sandbox::Fault, session::SessionEventKind};

use crate::common::{House, Seen, eventually};

async fn cut_for(length: Duration) {
    let house = House::open().await;
    let (mut handle, mut end) = house.probe_in_the_room().await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    let cut_at = Instant::now();
    house.sandbox.inject(Fault::Cut { room, peer, for_ms: length.as_millis() as u64 }).unwrap();
    end.until_told("link.down").await;
    end.until_told("link.up").await;
    let away = cut_at.elapsed();
    assert!(away >= length, "it came back after {away:?}");
    let missing = end.until(|seen| match seen {
        Seen::Gap { samples } => Some(Hz::K16.duration_of(*samples)),
        _ => None,
    });
    let missing = missing.await;
    assert!(missing >= length.saturating_sub(Duration::from_millis(50)), "a gap of {missing:?}");
    end.until_frame().await;
    // The voice works on its new track.
    house.sandbox.record(&house.room, &handle.peer, Hz::K16, Instant::now()).unwrap();
    end.play.send(vec![1_234; 3_200]).await.unwrap();
    eventually("the voice is heard again", || {
        let heard = house.sandbox.recording(&house.room, &handle.peer).unwrap();
        heard.samples.iter().filter(|sample| **sample == 1_234).count() == 3_200
    })
    .await;
    let mut tracks = Vec::new();
    while let Ok(event) = handle.events.try_recv() {
        if let SessionEventKind::Link(line) = event.kind {
            tracks.extend(line.strip_prefix("the voice has track ").map(ToOwned::to_owned));
        }
    }
    assert_eq!(tracks.len(), 2);
    assert_ne!(tracks[0], tracks[1], "an id is never used twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_tenth_of_a_second() {
    cut_for(Duration::from_millis(100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_second() {
    cut_for(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_seconds() {
    cut_for(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_that_the_server_still_has_is_waited_for() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    // The server closes with the reason that it gives to a second connection of one peer.
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    let reason = "peer already connected".to_owned();
    house.sandbox.inject(Fault::Close { room, peer, code: 1000, reason }).unwrap();
    end.until_told("link.up").await;
}
