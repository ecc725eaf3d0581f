//! A minute of speech through an echo, heard at 16 kHz and answered at 24 kHz: nothing is lost or doubled.

use std::time::{Duration, Instant};

use roomtone::{
    agent::{Agent, AgentError, Input, Room},
    audio::{Hz, compare},
    dialect::fishjam::VoiceTrack,
    event::PeerId,
};

use crate::common::{House, eventually, speech};

/// The echo of the documentation.
struct Echo;

#[async_trait::async_trait]
impl Agent for Echo {
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

    /// Waits until both have said all, and gives what they said.
    async fn end(self, house: &House, length: Duration) -> (Vec<i16>, Vec<i16>) {
        tokio::time::sleep(length).await;
        eventually("both are done", || {
            let quiet = house.sandbox.quiet_since(&house.room, &self.agent).unwrap();
            house.sandbox.is_silent(&house.room, &self.person).unwrap()
                && quiet.is_some_and(|since| since.elapsed() > Duration::from_millis(500))
        })
        .await;
        let of = |peer| house.sandbox.recording(&house.room, peer).unwrap().samples;
        (of(&self.person), of(&self.agent))
    }
}

fn sounding(samples: &[i16]) -> usize {
    let first = samples.iter().position(|sample| *sample != 0).unwrap();
    let last = samples.iter().rposition(|sample| *sample != 0).unwrap();
    last + 1 - first
}

/// The built-in echo, as an operator starts it.
#[tokio::test(flavor = "multi_thread")]
async fn heard_at_16_khz_and_answered_at_24_khz() {
    let length = Duration::from_secs(60);
    let house = House::open().await;
    let person = house.person().await;
    let mut program = house.program("echo", &["--voice", "pcm16:24000"]);
    let agent = house.peer_with_a_track_beside(&person.peer).await;
    let recording = Recording::begin(&house, &person.peer, &agent, Hz::K24);
    house.sandbox.say(&house.room, &person.peer, speech(length), Duration::from_millis(500)).await.unwrap();
    let (said, came_back) = recording.end(&house, length).await;
    let (said_samples, back_samples) = (sounding(&said), sounding(&came_back));
    let one_frame = Hz::K24.block_samples();
    assert!(said_samples > 58 * 24_000, "{said_samples} samples were said");
    assert!(said_samples.abs_diff(back_samples) <= one_frame, "{said_samples} said, {back_samples} came back");
    let found = compare::find(&said, &came_back, 24_000).unwrap();
    assert!(found.correlation >= 0.99, "{found:?}");
    let output = program.leave();
    assert!(output.contains("nothing lost"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_equal_rates_every_sample_is_the_same() {
    let length = Duration::from_secs(5);
    let house = House::open().await;
    let person = house.person().await;
    let stay = house.join_with(Echo, |options| options.voice = Some(VoiceTrack::pcm16(Hz::K16).unwrap())).await;
    let recording = Recording::begin(&house, &person.peer, &stay.peer, Hz::K16);
    house.sandbox.say(&house.room, &person.peer, speech(length), Duration::from_secs(1)).await.unwrap();
    let (said, came_back) = recording.end(&house, length + Duration::from_secs(1)).await;
    let start = |samples: &[i16]| samples.iter().position(|sample| *sample != 0).unwrap();
    let sounds = sounding(&said);
    assert!(sounds > 4 * 16_000);
    assert_eq!(said[start(&said)..][..sounds], came_back[start(&came_back)..][..sounds]);
    stay.leave();
    let departure = stay.ended().await;
    assert_eq!((departure.counters.depths.lost_samples, departure.counters.unsent_messages), (0, 0));
}
