//! An agent whose voice is sent as Opus sounds as it does in PCM16.

use std::time::{Duration, Instant};

use roomtone::{
    agent::Wants,
    audio::{Hz, compare},
    dialect::fishjam::VoiceTrack,
};

use crate::common::{House, eventually, probe_that, speech};

#[tokio::test(flavor = "multi_thread")]
async fn five_seconds_of_speech() {
    if !cfg!(feature = "opus") {
        return;
    }
    let house = House::open().await;
    let (agent, end) = probe_that(Wants { speak_rate: Some(Hz::K16), ..Wants::default() });
    let stay = house.join_with(agent, |options| options.voice = Some(VoiceTrack::opus(Hz::K48).unwrap())).await;
    house.sandbox.record(&house.room, &stay.peer, Hz::K16, Instant::now()).unwrap();
    let said = speech(Duration::from_secs(5)).samples;
    end.play.send(said.clone()).await.unwrap();
    eventually("all has been heard", || {
        let since = house.sandbox.quiet_since(&house.room, &stay.peer).unwrap();
        since.is_some_and(|since| since.elapsed() > Duration::from_millis(500))
    })
    .await;
    let heard = house.sandbox.recording(&house.room, &stay.peer).unwrap().samples;
    let found = compare::find(&said, &heard, 32_000).unwrap();
    // Opus keeps how speech sounds rather than its waveform; unrelated speech stays below 0.1.
    assert!(found.correlation > 0.8, "{found:?}");
    let level = |samples: &[i16]| compare::level_dbfs(samples).unwrap();
    let change = level(&heard[found.delay_samples..][..said.len()]) - level(&said);
    assert!(change.abs() < 1.0, "the level changed by {change} dB");
}
