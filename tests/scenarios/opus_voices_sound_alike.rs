//! An agent whose voice is sent as Opus sounds as it does in PCM16.

use std::time::{Duration, Instant};

use roomtone::{agent::AudioRequirements, audio::Hz, signal::PublishedTrack};

use crate::common::{House, eventually, probe_that, speech};

#[tokio::test(flavor = "multi_thread")]
async fn five_seconds_of_speech() {
    if !cfg!(feature = "opus") {
        return;
    }
    let house = House::open().await;
    let (agent, end) = probe_that(AudioRequirements { speak_rate: Some(Hz::K16), ..AudioRequirements::default() });
    let handle = house.join_with(agent, |options| options.voice = Some(PublishedTrack::opus(Hz::K48).unwrap())).await;
    house.sandbox.record(&house.room, &handle.peer, Hz::K16, Instant::now()).unwrap();
    let said = speech(Duration::from_secs(5)).samples;
    end.play.send(said.clone()).await.unwrap();
    let energy = |samples: &[i16]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let heard = || energy(&house.sandbox.recording(&house.room, &handle.peer).unwrap().samples);
    // As loud as it was said, wherever a busy machine paused within it: 0.8 to 1.25 is 1 dB. How near the decoded
    // waveform is, is tested on the codec (`tests/opus.rs`).
    eventually("all of it was heard", || heard() >= 0.8 * energy(&said)).await;
    assert!(heard() < 1.25 * energy(&said), "{} of {}", heard(), energy(&said));
}
