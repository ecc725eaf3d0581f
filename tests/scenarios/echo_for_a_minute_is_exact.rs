//! A minute of speech through an echo, heard at 16 kHz and answered at 24 kHz: nothing is lost or doubled.

use std::time::{Duration, Instant};

use roomtone::{
    agent::{Agent, AgentError, Input, Room},
    audio::{Hz, compare},
    dialect::fishjam::VoiceTrack,
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

async fn echo(length: Duration, voice: VoiceTrack, reply_rate: Hz) -> (Vec<i16>, Vec<i16>) {
    let house = House::open().await;
    let person = house.person().await;
    let stay = house.join_with(Echo, |options| options.voice = Some(voice)).await;
    let begun = Instant::now();
    house.sandbox.record(&house.room, &person.peer, reply_rate, begun).unwrap();
    house.sandbox.record(&house.room, &stay.peer, reply_rate, begun).unwrap();
    let said = speech(length);
    house.sandbox.say(&house.room, &person.peer, said, Duration::from_secs(1)).await.unwrap();
    eventually("the person has begun", || house.sandbox.quiet_since(&house.room, &person.peer).unwrap().is_some())
        .await;
    tokio::time::sleep(length).await;
    eventually("both are done", || {
        let quiet = house.sandbox.quiet_since(&house.room, &stay.peer).unwrap();
        house.sandbox.is_silent(&house.room, &person.peer).unwrap()
            && quiet.is_some_and(|since| since.elapsed() > Duration::from_millis(500))
    })
    .await;
    let heard = house.sandbox.recording(&house.room, &person.peer).unwrap().samples;
    let answered = house.sandbox.recording(&house.room, &stay.peer).unwrap().samples;
    stay.leave();
    let departure = stay.ended().await;
    assert_eq!(departure.unfetched_samples, 0);
    assert_eq!(departure.unsent_messages, 0);
    (heard, answered)
}

fn sounding(samples: &[i16]) -> usize {
    let first = samples.iter().position(|sample| *sample != 0).unwrap();
    let last = samples.iter().rposition(|sample| *sample != 0).unwrap();
    last + 1 - first
}

#[tokio::test(flavor = "multi_thread")]
async fn heard_at_16_khz_and_answered_at_24_khz() {
    let (heard, answered) = echo(Duration::from_secs(60), VoiceTrack::pcm16(Hz::K24).unwrap(), Hz::K24).await;
    let one_frame = Hz::K24.block_samples();
    let (said, came_back) = (sounding(&heard), sounding(&answered));
    assert!(said > 58 * 24_000, "{said} samples were said");
    assert!(said.abs_diff(came_back) <= one_frame, "{said} samples said, {came_back} came back");
    let found = compare::find(&heard, &answered, 24_000).unwrap();
    assert!(found.correlation >= 0.99, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_equal_rates_every_sample_is_the_same() {
    let (heard, answered) = echo(Duration::from_secs(5), VoiceTrack::pcm16(Hz::K16).unwrap(), Hz::K16).await;
    let start = |samples: &[i16]| samples.iter().position(|sample| *sample != 0).unwrap();
    let length = sounding(&heard);
    assert!(length > 4 * 16_000);
    assert_eq!(heard[start(&heard)..][..length], answered[start(&answered)..][..length]);
}
