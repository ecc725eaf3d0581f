//! What comes late and all at once, on a machine with one thread: the agent gets its turn between, and hears it all.

use crate::common::{House, Seen};
use roomtone::sandbox::Fault;

#[tokio::test]
async fn after_stalls_of_less_and_more_than_a_second() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    for for_ms in [550, 950, 1_500, 3_000] {
        let (room, peer) = (house.room.clone(), handle.peer.clone());
        house.sandbox.inject(Fault::Stall { room, peer, for_ms }).unwrap();
        // What was said in the stall, and a second more.
        let mut left = for_ms / 20 + 50;
        end.until(|seen| {
            left -= u64::from(matches!(seen, Seen::Frame { .. }));
            (left == 0).then_some(())
        })
        .await;
        let lost = handle.monitor().counters().depths.lost_samples;
        assert_eq!(lost, 0, "after {for_ms} ms");
    }
    handle.leave();
    assert_eq!(handle.ended().await.counters.depths.lost_samples, 0);
}
