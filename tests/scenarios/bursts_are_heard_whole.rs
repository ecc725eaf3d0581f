//! What comes late and all at once, on a machine with one thread: the agent gets its turn between, and hears it all.

use std::time::Duration;

use roomtone::sandbox::Fault;
use tokio::time::sleep;

use crate::common::{House, Seen};

#[tokio::test]
async fn after_stalls_of_less_and_more_than_a_second() {
    let house = House::open().await;
    let (stay, mut end) = house.probe_in_the_room().await;
    for for_ms in [550, 700, 850, 950, 1_500, 3_000] {
        let (room, peer) = (house.room.clone(), stay.peer.clone());
        house.sandbox.inject(Fault::Stall { room, peer, for_ms }).unwrap();
        let seen = end.during(Duration::from_millis(for_ms + 600)).await;
        let frames = seen.iter().filter(|seen| matches!(seen, Seen::Frame { .. })).count();
        assert!(frames as u64 >= for_ms / 20, "{frames} frames in and after {for_ms} ms");
        let lost = stay.gauge().counters().depths.lost_samples;
        assert_eq!(lost, 0, "after {for_ms} ms");
    }
    sleep(Duration::from_millis(200)).await;
    stay.leave();
    assert_eq!(stay.ended().await.counters.depths.lost_samples, 0);
}
