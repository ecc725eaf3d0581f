//! An agent that says back what it hears. The smallest one that is useful: it makes a room's sound testable by ear.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioFrame, AudioRequirements, Input, Maker, OptionsError, Room, Source, options},
    audio::{BLOCK, Hz, Mixer, level_dbfs},
};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

/// The options of `echo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Say back all speakers at once, 100 ms later, rather than one at a time.
    mixed: bool,
    /// The rate at which it hears and speaks.
    rate_hz: Hz,
}

impl Default for Options {
    fn default() -> Options {
        Options { mixed: false, rate_hz: Hz::K16 }
    }
}

pub(crate) async fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    let options: Options = options(table)?;
    if !(8_000..=48_000).contains(&options.rate_hz.0) {
        return Err(OptionsError::Value { key: "rate_hz", problem: "must be from 8000 to 48000".into() });
    }
    Ok(Maker::new(move || Echo { options }))
}

struct Echo {
    options: Options,
}

#[async_trait]
impl Agent for Echo {
    fn requirements(&self) -> AudioRequirements {
        let rate = self.options.rate_hz;
        AudioRequirements { hear_rate: rate, speak_rate: Some(rate), ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        match self.options.mixed {
            true => echo_all(room).await,
            false => echo_one_at_a_time(room).await,
        }
        Ok(())
    }
}

/// Says back the speaker who has the floor, sample for sample.
async fn echo_one_at_a_time(room: &mut Room) {
    let mut floor = Floor::default();
    while let Some(input) = room.next().await {
        if let Input::Audio(frame) = input
            && floor.admits(&frame)
        {
            room.voice.play(frame.samples());
        }
    }
}

/// Who is being said back. Whoever speaks first has the floor, and another gets it once the holder has been quiet.
#[derive(Default)]
struct Floor {
    holder: Option<Arc<Source>>,
    /// When the holder was last loud, on the room's clock.
    last_loud: Duration,
}

impl Floor {
    fn admits(&mut self, frame: &AudioFrame) -> bool {
        let loud = level_dbfs(frame.samples()).is_some_and(|level| level > LOUD_DBFS);
        let is_holder =
            self.holder.as_ref().is_some_and(|holder| Arc::ptr_eq(holder, frame.source()) || holder == frame.source());
        let is_free = self.holder.is_none() || loud && frame.heard() > self.last_loud + PAUSE;
        if !is_holder && is_free {
            self.holder = Some(frame.source().clone());
        }
        if is_holder && loud || !is_holder && is_free {
            self.last_loud = frame.heard();
        }
        is_holder || is_free
    }
}

/// How long the holder of the floor must have been quiet before another gets it.
const PAUSE: Duration = Duration::from_millis(500);
/// What counts as loud: well under speech at a microphone, well over a quiet room.
const LOUD_DBFS: f64 = -50.0;

/// Says back everybody, each sample at its time.
async fn echo_all(room: &mut Room) {
    let rate = room.voice.rate();
    let settle = rate.samples_in(SETTLE) as u64;
    let (mut mixer, mut mixed, mut last_frame) = (Mixer::default(), Vec::new(), Instant::now());
    loop {
        match timeout(BLOCK, room.next()).await {
            Ok(Some(Input::Audio(frame))) => {
                let at = rate.index_at(frame.heard());
                if at > mixer.end() + settle {
                    let end = mixer.end();
                    mixer.take_until(end, &mut mixed);
                    mixer.skip_to(at);
                }
                mixer.add(at, frame.samples());
                last_frame = Instant::now();
            }
            Ok(Some(_)) => continue,
            Ok(None) => return,
            // Nobody sends: what is still in the mixer comes out in real time.
            Err(_) => {}
        }
        let waited = rate.samples_in(last_frame.elapsed()) as u64;
        mixer.take_until((mixer.end() + waited).saturating_sub(settle).min(mixer.end()), &mut mixed);
        room.voice.play(&mixed);
        mixed.clear();
    }
}

/// How long the mix waits for the slowest speaker's frames.
const SETTLE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use roomtone::agent::testing::TestRoom;

    fn room(text: &str) -> TestRoom {
        TestRoom::new(Echo { options: toml::from_str(text).unwrap() })
    }

    fn tone(step: f32, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (f32::sin(n as f32 * step) * 8_000.0 + 1.0) as i16 | 1).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_speaker_comes_back_sample_for_sample() {
        let mut room = room("");
        let ada = room.join_person("ada");
        let said = tone(0.05, 16_000);
        room.say(&ada, &said);
        room.pass(Duration::from_millis(1_200)).await;
        let life = room.end().await;
        assert_eq!(life.heard_sound(), said);
        assert!(life.first_heard().unwrap() <= Duration::from_millis(40), "{:?}", life.first_heard());
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_speaker_waits_for_the_floor() {
        let mut room = room("");
        let (ada, bob) = (room.join_person("ada"), room.join_person("bob"));
        room.say(&ada, &tone(0.05, 8_000));
        room.pass(Duration::from_millis(100)).await;
        room.say(&bob, &[3_000; 4_800]);
        room.pass(Duration::from_millis(600)).await;
        assert!(!room.heard().contains(&3_000), "bob spoke while ada had the floor");
        room.pass(Duration::from_millis(500)).await;
        room.say(&bob, &[5_000; 3_200]);
        room.pass(Duration::from_millis(400)).await;
        let life = room.end().await;
        assert_eq!(life.heard.iter().filter(|sample| **sample == 5_000).count(), 3_200);
    }

    #[tokio::test(start_paused = true)]
    async fn mixed_speakers_are_summed_where_they_overlap() {
        let mut room = room("mixed = true");
        let (ada, bob) = (room.join_person("ada"), room.join_person("bob"));
        room.say(&ada, &[1_000; 6_400]);
        room.pass(Duration::from_millis(200)).await;
        room.say(&bob, &[300; 6_400]);
        room.pass(Duration::from_millis(1_000)).await;
        let life = room.end().await;
        let expected = [vec![1_000; 3_200], vec![1_300; 3_200], vec![300; 3_200]].concat();
        let heard = life.heard_sound();
        let differs = heard.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(heard == expected, "{} samples, the first that differs is {differs:?}", heard.len());
    }

    #[tokio::test]
    async fn options_are_strict() {
        let prepare =
            async |text: &str| prepare(toml::from_str(text).unwrap()).await.map_err(|error| error.to_string());
        assert!(prepare("mixed = true\nrate_hz = 24000").await.is_ok());
        assert!(prepare("mix = true").await.unwrap_err().contains("there is no key `mix`"));
        assert!(prepare("rate_hz = 4000").await.unwrap_err().contains("must be from 8000"));
    }
}
