//! Two agents in one room: by default deaf to each other, and sample for sample where they ask to hear everyone.

use std::time::Duration;

use crate::common::{House, Seen, hears_everyone, noise, probe, probe_that};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_plays_is_what_the_other_receives() {
    let house = House::open().await;
    let (speaker, speaks) = probe();
    let (listener, mut hears) = probe_that(hears_everyone());
    let (deaf, mut deaf_end) = probe();
    let (one, _two, _three) = (house.join(speaker).await, house.join(listener).await, house.join(deaf).await);
    house.until_connected(3).await;
    let said = noise(16_000);
    speaks.play.send(said.clone()).await.unwrap();
    let mut heard: Vec<i16> = Vec::new();
    hears
        .until(|seen| {
            if let Seen::Frame { peer, samples, .. } = seen {
                assert_eq!(peer, one.peer.as_str());
                heard.extend(samples);
            }
            (heard.len() >= said.len()).then_some(())
        })
        .await;
    assert_eq!(heard, said);
    let seen = deaf_end.during(Duration::from_millis(200)).await;
    assert!(seen.iter().any(|seen| matches!(seen, Seen::Event(_))), "it knows of the others");
    assert!(!seen.iter().any(|seen| matches!(seen, Seen::Frame { .. })), "it does not hear them");
}
