//! What a conversation lets sound beside its voice: a room's tone all the time, keys while a reply takes long.

use std::{f32::consts::TAU, path::PathBuf, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    audio::{Hz, Sound},
    conversation::{Conversation, Speech, UserTurn, turn::TurnEvent},
    dialogue::{BackgroundOptions, DialogueOptions},
    speech::engines::EngineConfig,
};

use crate::{
    common::{engines, place},
    conversations_are_had::patient,
    stage::{Stage, person, sandbox},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Where voices have nothing.
const KEYS_HZ: f32 = 9_000.0;
const ROOM_HZ: f32 = 11_000.0;

/// Thinks for a while.
struct Slow;

#[async_trait]
impl Conversation for Slow {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.confirmed().await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        say.text("Here you are.").await;
        Ok(())
    }
}

/// A file of one second.
fn tone(name: &str, hz: f32, level: f32) -> PathBuf {
    let path = std::env::temp_dir().join(format!("roomtone-{}-{name}.wav", std::process::id()));
    let samples: Vec<i16> = (0..24_000).map(|n| ((TAU * hz * n as f32 / 24_000.0).sin() * level) as i16).collect();
    roomtone::audio::wav::write(&path, Hz::K24, 1, &samples).unwrap();
    path
}

/// How loud that pitch is in each block of 20 ms.
fn levels(sound: &Sound, hz: f32) -> Vec<f32> {
    let level = |block: &[i16]| {
        let part = |shift: f32| {
            let wave = |n: usize| (TAU * hz * n as f32 / sound.rate.0 as f32 + shift).sin();
            block.iter().enumerate().map(|(n, sample)| f32::from(*sample) * wave(n)).sum::<f32>()
        };
        part(0.0).hypot(part(TAU / 4.0)) * 2.0 / block.len() as f32
    };
    sound.samples.chunks_exact(sound.rate.block_samples()).map(level).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_sounds_all_the_time_and_keys_while_a_reply_takes_long() {
    let Some(place) = place() else { return };
    let engine = |name| EngineConfig { within: PATIENCE, ..EngineConfig::named(name) };
    let (room, keys) = (tone("room", ROOM_HZ, 600.0), tone("keys", KEYS_HZ, 2_000.0));
    let options = DialogueOptions {
        ears: vec![engine("moonshine")],
        voices: vec![engine("flite")],
        turns: patient(),
        background: BackgroundOptions {
            ambience: Some(room.clone()),
            thinking: Some(keys.clone()),
            thinking_db: -6.0,
            ..BackgroundOptions::default()
        },
        ..DialogueOptions::default()
    };
    let dialogue = options.open_in(&engines(&place)).await.unwrap();
    let stage = Stage::set(&sandbox().await, dialogue.agent(Slow)).await;
    let (asked, behind) = (stage.now(), stage.events(0).len());
    stage.say(&person("goforward.raw")).await;
    let finished = |event: &TurnEvent| matches!(event, TurnEvent::AgentFinished { .. });
    stage.until("an answer", behind, PATIENCE, finished).await.unwrap();
    let heard = stage.recordings().1;
    stage.end().await;
    let (keys_heard, room_heard) = (levels(&heard, KEYS_HZ), levels(&heard, ROOM_HZ));
    let block = |at: Duration| at.as_millis() as usize / 20;
    // Over a second of waiting, but for 0.4 s; more where the machine has other things to do.
    let loud = keys_heard.iter().filter(|level| **level > 700.0).count();
    assert!(loud > 30, "{loud} blocks of keys");
    assert!(keys_heard[..block(asked)].iter().all(|level| *level < 300.0), "nobody has asked anything");
    let last = keys_heard.iter().rposition(|level| *level > 300.0).unwrap();
    assert!(last + 10 < keys_heard.len(), "it ends before the reply does");
    let begins = room_heard.iter().position(|level| *level > 300.0).unwrap();
    let silent = room_heard[begins..].iter().filter(|level| **level < 100.0).count();
    assert!(silent * 5 < room_heard.len() - begins, "{silent} blocks without the room of {}", room_heard.len());
    [room, keys].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}
