//! The faults of the sandbox that other scenarios do not lean on: loss and delay.

use std::time::{Duration, Instant};

use roomtone::sandbox::Fault;

use crate::common::{House, Seen, noise, probe};

fn frames(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| matches!(seen, Seen::Frame { .. })).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn some_of_the_sound_is_lost() {
    let house = House::open().await;
    let (handle, mut end) = house.probe_in_the_room().await;
    let drop = |percent| {
        let (room, peer) = (house.room.clone(), handle.peer.clone());
        house.sandbox.inject(Fault::Drop { room, peer, percent }).unwrap();
    };
    drop(100);
    // What was on its way may still come; after that, nothing.
    end.during(Duration::from_secs(1)).await;
    assert_eq!(frames(&end.during(Duration::from_millis(500)).await), 0);
    // Half of it: some comes, and some is missing.
    drop(50);
    end.until(|seen| matches!(seen, Seen::Gap { .. }).then_some(())).await;
    end.until_frame().await;
    drop(0);
    end.until_frame().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_late() {
    let house = House::open().await;
    let person = house.person().await;
    let (agent, mut end) = probe();
    let handle = house.join(agent).await;
    end.until_event(|_| true).await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    house.sandbox.inject(Fault::Delay { room, peer, delay_ms: 700 }).unwrap();
    let asked = Instant::now();
    let sound = roomtone::audio::Sound { rate: roomtone::audio::Hz::K16, samples: noise(16_000) };
    house.sandbox.say(&house.room, &person.peer, sound, Duration::ZERO).await.unwrap();
    end.until_frame().await;
    assert!(asked.elapsed() >= Duration::from_millis(700));
}
