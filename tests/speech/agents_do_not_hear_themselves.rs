//! At a console whose microphone hears the speaker, as in a room: the agent does not take its own voice for somebody's, and
//! hears who speaks into it.

use std::time::Duration;

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    audio::{Hz, wav},
    console::{Console, ConsoleOptions, Ends, Processing},
    conversation::{Conversation, Speech, UserTurn, turn::TurnEvent},
    session::SessionEventKind,
};

use crate::{
    common::place,
    conversations_are_had::{dialogue, patient},
    stage::person,
};

/// Answers everything at length: for about half a minute.
struct Lecturer;

#[async_trait]
impl Conversation for Lecturer {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        let lecture = "The harbour is open from six in the morning. Ships that come from the north wait outside the wall. \
                       A pilot meets them there and brings them in. Each of them pays for every day that it stays. \
                       The water is deep enough for most of them. In winter there is ice along the shore. \
                       Then a small boat goes ahead and breaks it. Nobody has been late by more than an hour this year.";
        say.text(lecture).await;
        Ok(())
    }
}

/// What somebody says in a minute: two questions, and a sentence into the second answer.
fn minute() -> (Vec<i16>, Duration) {
    let mut said = Vec::new();
    let mut interrupts_at = Duration::ZERO;
    let silence = |said: &mut Vec<i16>, seconds: usize| said.resize(said.len() + seconds * 16_000, 0);
    for (before, file) in [(1, "goforward.raw"), (34, "something.raw"), (10, SENTENCE)] {
        silence(&mut said, before);
        interrupts_at = Hz::K16.duration_of(said.len() as u64);
        said.extend(person(file).samples);
    }
    silence(&mut said, 12);
    (said, interrupts_at)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_in_a_room_that_echoes() {
    let Some(place) = place() else { return };
    let folder = std::env::temp_dir().join(format!("roomtone-echo-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let (said, interrupts_at) = minute();
    let lasts = Hz::K16.duration_of(said.len() as u64);
    wav::write(&folder.join("said.wav"), Hz::K16, 1, &said).unwrap();
    let ends = Ends::Files { input: Some(folder.join("said.wav")), output: None, echo_db: Some(-6.0) };
    let processing = Processing { gain: false, ..Processing::default() };
    let console = Console::new(ConsoleOptions { ends, processing, ..ConsoleOptions::default() });
    let dialogue = dialogue(&place, patient()).await;
    let mut handle = console.begin(Box::new(dialogue.agent(Lecturer))).unwrap();
    let leave = handle.leave_token();
    tokio::spawn(async move {
        tokio::time::sleep(lasts).await;
        leave.cancel();
    });
    let mut events: Vec<(Duration, TurnEvent)> = Vec::new();
    while let Some(event) = handle.events.recv().await {
        if let SessionEventKind::Note(note) = &event.kind
            && let Some(turn) = note.data.get("turn")
        {
            events.push((event.at, serde_json::from_value(turn.clone()).unwrap()));
        }
    }
    handle.ended().await;
    std::fs::remove_dir_all(&folder).ok();
    let interrupted: Vec<Duration> = events
        .iter()
        .filter(|(_, event)| matches!(event, TurnEvent::AgentInterrupted { .. }))
        .map(|(at, _)| *at)
        .collect();
    let finished = events.iter().filter(|(_, event)| matches!(event, TurnEvent::AgentFinished { .. })).count();
    let paused = events.iter().filter(|(_, event)| matches!(event, TurnEvent::AgentPaused { .. })).count();
    println!(
        "finished {finished}, paused {paused}, interrupted at {interrupted:?}, somebody spoke at {interrupts_at:?}"
    );
    assert!(finished >= 1, "it said its first answer to the end: {events:?}");
    assert_eq!(interrupted.len(), 1, "by the person alone: {events:?}");
    assert!(interrupted[0] > interrupts_at, "{events:?}");
}

const SENTENCE: &str = "librivox/sense_and_sensibility_01_austen_64kb-0880.wav";
