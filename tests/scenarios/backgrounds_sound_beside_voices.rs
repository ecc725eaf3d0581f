//! What sounds beside a voice has a track of its own: it goes on when the voice is interrupted, and when the link was cut.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Room},
    audio::Hz,
    sandbox::Fault,
};
use tokio::{sync::mpsc, time::sleep};

use crate::common::{House, PATIENCE};

const BACKGROUND: i16 = 100;
const VOICE: i16 = 10_000;

/// Lets something sound for three seconds, and interrupts itself when a second of what it says was heard.
struct Musician(mpsc::Sender<()>);

#[async_trait]
impl Agent for Musician {
    fn requirements(&self) -> AudioRequirements {
        let rate = Some(Hz::K24);
        AudioRequirements { speak_rate: rate, background_rate: rate, ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let background = room.background.as_mut().ok_or("this platform has one track")?;
        background.play(&[BACKGROUND; 72_000]);
        room.voice.play(&[VOICE; 48_000]);
        while room.voice.played() < 24_000 {
            sleep(Duration::from_millis(5)).await;
        }
        room.voice.interrupt();
        background.finished().await;
        self.0.send(()).await?;
        while room.next().await.is_some() {}
        Ok(())
    }
}

fn count(samples: &[i16], is_it: impl Fn(i16) -> bool) -> usize {
    samples.iter().filter(|sample| is_it(**sample)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_heard_whole_though_the_voice_is_cut_off() {
    let house = House::open().await;
    let (sender, mut finished) = mpsc::channel(1);
    let handle = house.join(Musician(sender)).await;
    house.sandbox.record(&house.room, &handle.peer, Hz::K24, Instant::now()).unwrap();
    tokio::time::timeout(PATIENCE, finished.recv()).await.unwrap().unwrap();
    let room = house.fishjam.rest().room(&house.room).await.unwrap();
    let me = room.peers.iter().find(|peer| peer.id == handle.peer).unwrap();
    let types: Vec<_> = me.tracks.iter().map(|track| track.metadata.json()["type"].clone()).collect();
    assert!(
        types.len() == 2 && types.contains(&"microphone".into()) && types.contains(&"customAudio".into()),
        "{types:?}"
    );
    let heard = house.sandbox.recording(&house.room, &handle.peer).unwrap().samples;
    handle.leave();
    let summary = handle.ended().await;
    let (beside, both) = (count(&heard, |s| s == BACKGROUND), count(&heard, |s| s == BACKGROUND + VOICE));
    assert_eq!(beside + both, 72_000, "every sample of it once");
    let voice = count(&heard, |s| s >= VOICE);
    assert!((24_000..48_000).contains(&voice), "{voice} samples of the voice");
    assert_eq!((summary.counters.outbound.interrupts, summary.leaves_peer), (1, false));
}

/// Lets something sound as long as it is there.
struct Humming;

#[async_trait]
impl Agent for Humming {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { background_rate: Some(Hz::K24), speak_rate: None, ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let Room { inbox, background: Some(background), .. } = room else { return Err("one track".into()) };
        loop {
            tokio::select! {
                input = inbox.next() => if input.is_none() { return Ok(()) },
                () = background.ready() => drop(background.play(&[BACKGROUND; 480])),
            }
            // Not more than is heard soon.
            while background.queued() > Duration::from_millis(100) {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_back_with_the_link() {
    let house = House::open().await;
    let handle = house.join(Humming).await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    let heard = async |from: Instant| {
        house.sandbox.record(&room, &peer, Hz::K24, from).unwrap();
        loop {
            let samples = house.sandbox.recording(&room, &peer).unwrap().samples;
            if count(&samples, |s| s == BACKGROUND) > 12_000 {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, heard(Instant::now())).await.expect("it is heard without a voice");
    house.sandbox.inject(Fault::Cut { room: room.clone(), peer: peer.clone(), for_ms: 200 }).unwrap();
    tokio::time::timeout(PATIENCE, heard(Instant::now() + Duration::from_secs(2))).await.expect("it comes back");
    handle.leave();
    assert!(handle.ended().await.is_regular());
}
