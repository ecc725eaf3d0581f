//! An agent in manual mode hears those it is subscribed to, and nobody else.

use std::{collections::BTreeSet, time::Duration};

use roomtone::fishjam::rest::model::SubscribeMode;

use crate::common::{House, Seen, noise, probe};

#[tokio::test(flavor = "multi_thread")]
async fn by_peer_and_by_track() {
    let house = House::open().await;
    let (ada, bob, eve) =
        (house.talker(noise(16_000)).await, house.talker(noise(16_000)).await, house.talker(noise(16_000)).await);
    let (agent, mut end) = probe();
    let handle = house.join_with(agent, |options| options.subscribe = SubscribeMode::Manual).await;
    let nobody = end.during(Duration::from_millis(500)).await;
    assert!(!nobody.iter().any(|seen| matches!(seen, Seen::Frame { .. })));
    let rest = house.fishjam.rest();
    rest.subscribe_peer(&house.room, &handle.peer, &ada.peer).await.unwrap();
    rest.subscribe_tracks(&house.room, &handle.peer, std::slice::from_ref(&bob.audio)).await.unwrap();
    let mut heard = BTreeSet::new();
    end.until(|seen| {
        if let Seen::Frame { peer, .. } = seen {
            heard.insert(peer.clone());
        }
        (heard.len() == 2).then_some(())
    })
    .await;
    for seen in end.during(Duration::from_millis(300)).await {
        if let Seen::Frame { peer, .. } = seen {
            assert_ne!(peer, eve.peer.as_str());
        }
    }
    assert_eq!(heard, BTreeSet::from([ada.peer.to_string(), bob.peer.to_string()]));
}
