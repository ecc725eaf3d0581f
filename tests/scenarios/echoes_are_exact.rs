//! Sound through an echo, heard at 16 kHz and answered at 24 kHz: nothing is lost or doubled.

use std::time::{Duration, Instant};

use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Input, Room},
    audio::{Hz, Sound, compare},
    event::PeerId,
    platform::JoinOptions,
    signal::PublishedTrack,
};

use crate::common::{House, eventually, noise};

/// The echo of the documentation.
pub(crate) struct Echo;

#[async_trait::async_trait]
impl Agent for Echo {
    // All of it, however late a busy machine brings it.
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { most_behind: None, ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while let Some(input) = room.next().await {
            if let Input::Audio(frame) = input {
                room.voice.play(frame.samples());
            }
        }
        Ok(())
    }
}

/// Both sides of a conversation on one time line.
struct Recording {
    person: PeerId,
    agent: PeerId,
}

impl Recording {
    fn begin(house: &House, person: &PeerId, agent: &PeerId, rate: Hz) -> Recording {
        let begun = Instant::now();
        for peer in [person, agent] {
            house.sandbox.record(&house.room, peer, rate, begun).unwrap();
        }
        Recording { person: person.clone(), agent: agent.clone() }
    }

    /// Waits until so much has come back, and gives what both said.
    async fn until(self, house: &House, sounds: usize) -> (Vec<i16>, Vec<i16>) {
        let of = |peer| house.sandbox.recording(&house.room, peer).unwrap().samples;
        eventually("it comes back", || without_pauses(&of(&self.agent)).len() >= sounds).await;
        (of(&self.person), of(&self.agent))
    }
}

/// What sounds, without the silence of 5 ms and more before, within and after it.
fn without_pauses(samples: &[i16]) -> Vec<i16> {
    let mut kept = Vec::new();
    for run in samples.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        if run[0] != 0 || run.len() < 120 {
            kept.extend_from_slice(run);
        }
    }
    kept
}

fn sound(length: Duration) -> Sound {
    Sound { rate: Hz::K16, samples: noise(Hz::K16.samples_in(length)) }
}

/// The built-in echo, as an operator starts it.
#[tokio::test(flavor = "multi_thread")]
async fn heard_at_16_khz_and_answered_at_24_khz() {
    let length = Duration::from_secs(5);
    let house = House::open().await;
    let person = house.person().await;
    let mut program = house.program("echo", &["--voice", "pcm16:24000"]);
    let agent = house.peer_with_a_track_beside(&person.peer).await;
    let recording = Recording::begin(&house, &person.peer, &agent, Hz::K24);
    house.sandbox.say(&house.room, &person.peer, sound(length), Duration::from_millis(500)).await.unwrap();
    let one_frame = Hz::K24.block_samples();
    let (said, came_back) = recording.until(&house, Hz::K24.samples_in(length) - one_frame).await;
    // A machine that is busy may pause within it: what sounds is compared, not when.
    let (said, came_back) = (without_pauses(&said), without_pauses(&came_back));
    assert!(said.len().abs_diff(came_back.len()) <= one_frame, "{} said, {} came back", said.len(), came_back.len());
    let found = compare::find(&said, &came_back, 24_000).unwrap();
    assert!(found.correlation >= 0.99, "{found:?}");
    let output = program.leave();
    assert!(output.contains("nothing lost"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_equal_rates_every_sample_is_the_same() {
    let length = Duration::from_secs(3);
    let house = House::open().await;
    let person = house.person().await;
    let options = |options: &mut JoinOptions| options.voice = Some(PublishedTrack::pcm16(Hz::K16).unwrap());
    let handle = house.join_with(Echo, options).await;
    let recording = Recording::begin(&house, &person.peer, &handle.peer, Hz::K16);
    let sound = sound(length);
    house.sandbox.say(&house.room, &person.peer, sound.clone(), Duration::from_secs(1)).await.unwrap();
    let (said, came_back) = recording.until(&house, sound.samples.len()).await;
    // A machine that is busy may pause within it: what sounds is compared, not when.
    let sounds = |samples: &[i16]| samples.iter().copied().filter(|sample| *sample != 0).collect::<Vec<_>>();
    assert!(sounds(&said) == sound.samples, "what was said");
    assert!(sounds(&came_back) == sound.samples, "what came back");
    handle.leave();
    let summary = handle.ended().await;
    assert_eq!((summary.counters.depths.lost_samples, summary.counters.unsent_messages), (0, 0));
}
