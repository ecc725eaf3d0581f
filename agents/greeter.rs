//! An agent that greets: it plays a sound when a person joins, and is quiet as soon as somebody speaks.

use std::{
    collections::HashMap,
    f64::consts::TAU,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioFrame, AudioRequirements, Input, Maker, OptionsError, Room, options},
    audio::{Hz, Resampler, Sound, SoundFile, level_dbfs},
    event::{EventKind, PeerEvent, TrackEvent, TrackId},
};
use serde::Deserialize;

/// The options of `greeter`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// The sound file to play: WAV, FLAC, MP3 or Ogg. Without one it is a chime.
    sound: Option<PathBuf>,
    /// Play to the end, whoever speaks.
    uninterruptible: bool,
}

pub(crate) async fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    let options: Options = options(table)?;
    let greeting: Arc<[i16]> = match options.sound {
        Some(path) => {
            let read = tokio::task::spawn_blocking(move || greeting(&path)).await;
            read.map_err(|error| OptionsError::Shape(error.to_string()))??.into()
        }
        None => chime().samples.into(),
    };
    Ok(Maker::new(move || Greeter { greeting: greeting.clone(), uninterruptible: options.uninterruptible }))
}

/// Reads the sound, once for all rooms.
fn greeting(path: &Path) -> Result<Vec<i16>, OptionsError> {
    let wrong = |problem: String| OptionsError::Value { key: "sound", problem };
    let mut file = SoundFile::open(path).map_err(|error| wrong(error.to_string()))?;
    let (mut resampler, mut block, mut greeting) = (Resampler::new(file.rate(), RATE), Vec::new(), Vec::new());
    while file.read_into(&mut block).map_err(|error| wrong(error.to_string()))? {
        resampler.push(&block, &mut greeting);
        block.clear();
        if greeting.len() > RATE.samples_in(LONGEST) {
            return Err(wrong(format!("{} is longer than {} minutes", path.display(), LONGEST.as_secs() / 60)));
        }
    }
    resampler.flush(&mut greeting);
    Ok(greeting)
}

struct Greeter {
    /// All rooms share it.
    greeting: Arc<[i16]>,
    uninterruptible: bool,
}

#[async_trait]
impl Agent for Greeter {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { speak_rate: Some(RATE), ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let mut ear = Ear::default();
        // What of the greeting the voice has not taken yet: a long one does not fit at once.
        let mut unsaid: &[i16] = &[];
        loop {
            let input = tokio::select! {
                biased;
                input = room.inbox.next() => input,
                () = room.voice.ready(), if !unsaid.is_empty() => {
                    let taken = room.voice.play(&unsaid[..unsaid.len().min(room.voice.space())]);
                    unsaid = &unsaid[taken..];
                    continue;
                }
            };
            match input {
                Some(Input::Event(event)) => match event.kind {
                    EventKind::Peer(PeerEvent::Joined { peer, .. }) if peer.kind.is_person() => {
                        room.voice.interrupt();
                        unsaid = &self.greeting;
                    }
                    EventKind::Track(TrackEvent::Removed { track, .. }) => ear.forget(&track.id),
                    _ => {}
                },
                Some(Input::Silence) => unsaid = &[],
                Some(Input::Audio(frame)) if !self.uninterruptible && ear.hears_speech(&frame) => {
                    if !unsaid.is_empty() || !room.voice.is_silent() {
                        room.voice.interrupt();
                        unsaid = &[];
                    }
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }
}

/// Tells speech from a cough or a click by its level and length, for each microphone.
#[derive(Default)]
struct Ear {
    loud_for: HashMap<TrackId, Duration>,
}

impl Ear {
    fn forget(&mut self, track: &TrackId) {
        self.loud_for.remove(track);
    }

    fn hears_speech(&mut self, frame: &AudioFrame) -> bool {
        let loud = level_dbfs(frame.samples()).is_some_and(|level| level > LOUD_DBFS);
        let loud_for = self.loud_for.entry(frame.source().track.clone()).or_default();
        *loud_for = if loud { *loud_for + frame.duration() } else { Duration::ZERO };
        *loud_for >= SPEECH
    }
}

/// Two struck bells, a major third apart.
fn chime() -> Sound {
    let strike = |at: f64, hz: f64| {
        move |t: f64| if t < at { 0.0 } else { f64::exp(-6.0 * (t - at)) * f64::sin(TAU * hz * (t - at)) }
    };
    let (low, high) = (strike(0.0, 659.3), strike(0.18, 830.6));
    let samples = (0..RATE.samples_in(CHIME)).map(|n| {
        let t = n as f64 / f64::from(RATE.0);
        let fade = ((CHIME.as_secs_f64() - t) / 0.05).min(1.0);
        ((low(t) + high(t)) * fade * 9_000.0) as i16
    });
    Sound { rate: RATE, samples: samples.collect() }
}

/// The longest greeting.
const LONGEST: Duration = Duration::from_secs(300);
/// The better of the two rates that a Fishjam takes.
const RATE: Hz = Hz::K24;
const CHIME: Duration = Duration::from_millis(1_200);
/// What counts as loud.
const LOUD_DBFS: f64 = -45.0;
/// How long it must last to count as speech.
const SPEECH: Duration = Duration::from_millis(60);

#[cfg(test)]
mod tests {
    use super::*;
    use roomtone::{agent::testing::TestRoom, event::PeerKind};

    fn greeter(uninterruptible: bool) -> Greeter {
        Greeter { greeting: vec![7; 24_000 * 2].into(), uninterruptible }
    }

    #[tokio::test(start_paused = true)]
    async fn people_are_greeted_and_agents_are_not() {
        let mut room = TestRoom::new(greeter(false));
        room.join("bot", PeerKind::Agent, serde_json::Value::Null);
        room.pass(Duration::from_millis(500)).await;
        assert!(room.heard().iter().all(|sample| *sample == 0));
        room.join_person("ada");
        room.pass(Duration::from_millis(2_200)).await;
        assert_eq!(room.end().await.heard_sound().len(), 48_000);
    }

    #[tokio::test(start_paused = true)]
    async fn speech_stops_the_greeting_within_100_ms_unless_told_otherwise() {
        for (uninterruptible, said) in [(false, 24_000 / 2 + 24_000 / 10), (true, 48_000)] {
            let mut room = TestRoom::new(greeter(uninterruptible));
            let (ada, bob) = (room.join_person("ada"), room.join_person("bob"));
            // Bob's microphone is open, and silent.
            room.say(&bob, &[0; 48_000]);
            room.pass(Duration::from_millis(500)).await;
            room.say(&ada, &[4_000; 16_000]);
            room.pass(Duration::from_millis(2_500)).await;
            let heard = room.end().await.heard_sound().len();
            assert!(heard <= said && heard + 24_000 / 10 >= said, "{heard} of at most {said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_click_does_not_stop_it() {
        let mut room = TestRoom::new(greeter(false));
        let ada = room.join_person("ada");
        room.pass(Duration::from_millis(500)).await;
        room.say(&ada, &[[20_000; 320].as_slice(), &[0; 3_200]].concat());
        room.pass(Duration::from_millis(2_500)).await;
        assert_eq!(room.end().await.heard_sound().len(), 48_000);
    }
}
