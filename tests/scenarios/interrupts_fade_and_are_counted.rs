//! An interrupted voice says nothing of what it dropped, and knows how far it got. That it fades without a step is
//! tested where time is made up (`session/speaking.rs`).

use std::time::{Duration, Instant};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Room},
    audio::Hz,
    platform::JoinOptions,
    signal::PublishedTrack,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::common::{House, PATIENCE};

const INTERRUPTS: u64 = 15;

/// Says a level of its own each time, and cuts itself off at a random moment.
struct Interrupter(mpsc::Sender<u64>);

fn level(n: u64) -> i16 {
    2_000 + n as i16 * 10
}

#[async_trait]
impl Agent for Interrupter {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { speak_rate: Some(Hz::K24), ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let mut rng = fastrand::Rng::with_seed(5);
        // The track is wired once something has been heard.
        room.voice.play(&[1; 480]);
        room.voice.finished().await;
        for n in 0..INTERRUPTS {
            let start = room.voice.written();
            room.voice.play(&[level(n); 24_000]);
            sleep(Duration::from_millis(rng.u64(1..90))).await;
            room.voice.interrupt();
            room.voice.finished().await;
            assert!(room.voice.is_silent());
            self.0.send(room.voice.played().saturating_sub(start)).await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupts_are_counted_to_the_sample() {
    let house = House::open().await;
    let (told, mut heard_by_agent) = mpsc::channel(INTERRUPTS as usize);
    let options = JoinOptions {
        lead: Duration::from_millis(60),
        voice: Some(PublishedTrack::pcm16(Hz::K24).unwrap()),
        ..JoinOptions::new(house.room.clone())
    };
    let handle = house.fishjam.join(Box::new(Interrupter(told)), options).await.unwrap();
    house.sandbox.record(&house.room, &handle.peer, Hz::K24, Instant::now()).unwrap();
    let mut played = Vec::new();
    while let Some(samples) = timeout(PATIENCE, heard_by_agent.recv()).await.unwrap() {
        played.push(samples);
    }
    let recording = house.sandbox.recording(&house.room, &handle.peer).unwrap().samples;
    handle.leave();
    let summary = handle.ended().await;
    assert_eq!((played.len() as u64, summary.counters.outbound.interrupts), (INTERRUPTS, INTERRUPTS));
    for (n, played) in (0..).zip(&played) {
        let heard = recording.iter().filter(|sample| **sample == level(n)).count() as u64;
        assert!(played.abs_diff(heard) <= 480, "interrupt {n}: {heard} samples were heard, {played} by its own count");
    }
    assert!((0..INTERRUPTS).any(|n| recording.contains(&level(n))), "none was heard at all");
}
