//! At a console whose microphone hears the speaker, as in a room: the agent does not take its own voice for somebody's, and
//! hears who speaks into it.

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    audio::{Hz, wav},
    console::{Console, ConsoleOptions, Ends, Processing},
    conversation::{Conversation, Speech, UserTurn, turn::TurnEvent},
    dialogue::Dialogue,
    session::{SessionEventKind, SessionHandle},
};
use tokio::time::timeout;

use crate::{
    common::{Score, chain, people, place, read_aloud},
    conversations_are_had::{dialogue, patient},
    stage::person,
};

/// Answers everything at length.
struct Lecturer;

#[async_trait]
impl Conversation for Lecturer {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        let lecture = "The harbour is open from six in the morning. Ships that come from the north wait outside the wall. \
                       A pilot meets them there and brings them in. Each of them pays for every day that it stays. \
                       The water is deep enough for most of them. In winter there is ice along the shore. \
                       Then a small boat goes ahead and breaks it. Nobody has been late by more than an hour this year.";
        // For well over a minute.
        for _ in 0..3 {
            say.text(lecture).await;
        }
        Ok(())
    }
}

/// A session at a console whose microphone hears the speaker: the events of its turns as they come.
struct Table {
    handle: SessionHandle,
    events: Vec<TurnEvent>,
}

impl Table {
    /// With somebody there who says this file, and asks once.
    fn sit(dialogue: &Dialogue, file: Option<PathBuf>) -> Table {
        let ends = Ends::Files { input: file, output: None, echo_db: Some(-6.0) };
        let processing = Processing { gain: false, ..Processing::default() };
        let console = Console::new(ConsoleOptions { ends, processing, ..ConsoleOptions::default() });
        let handle = console.begin(Box::new(dialogue.agent(Lecturer))).unwrap();
        assert!(console.write("When is the harbour open?"));
        Table { handle, events: Vec::new() }
    }

    async fn until(&mut self, what: &str, is_it: impl Fn(&TurnEvent) -> bool) {
        let waited = timeout(Duration::from_secs(240), async {
            while !self.events.last().is_some_and(&is_it) {
                let event = self.handle.events.recv().await.expect("it goes on");
                let SessionEventKind::Note(note) = event.kind else { continue };
                self.events.extend(
                    note.data.get("turn").map(|turn| serde_json::from_value::<TurnEvent>(turn.clone()).unwrap()),
                );
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what} in time: {:?}", self.events));
    }

    fn count(&self, is_it: impl Fn(&TurnEvent) -> bool) -> usize {
        self.events.iter().filter(|event| is_it(event)).count()
    }

    async fn leave(self) {
        self.handle.leave();
        self.handle.ended().await;
    }
}

fn is_interrupted(event: &TurnEvent) -> bool {
    matches!(event, TurnEvent::AgentInterrupted { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_of_its_own_voice_does_not_interrupt_it() {
    let Some(place) = place() else { return };
    let dialogue = dialogue(&place, patient()).await;
    let mut table = Table::sit(&dialogue, None);
    table.until("it speaks", |event| matches!(event, TurnEvent::AgentSpeaks { .. })).await;
    // What was typed may have come into how it began.
    table.events.clear();
    let begun = std::time::Instant::now();
    table.until("all is said", |event| matches!(event, TurnEvent::AgentFinished { .. })).await;
    assert_eq!(table.count(is_interrupted), 0, "{:?}", table.events);
    assert_eq!(table.count(|event| matches!(event, TurnEvent::TurnStarted { .. })), 0, "{:?}", table.events);
    let pauses = table.count(|event| matches!(event, TurnEvent::AgentPaused { .. }));
    let lasted = begun.elapsed();
    assert!(lasted > Duration::from_secs(60), "{lasted:?}");
    println!("it spoke for {} s, and paused {pauses} times", lasted.as_secs());
    table.leave().await;
}

/// Somebody says a sentence every 12 s: whenever the agent has begun, one of them comes while it speaks.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_heard_through_its_voice() {
    let Some(place) = place() else { return };
    let folder = std::env::temp_dir().join(format!("roomtone-echo-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut said = Vec::new();
    for _ in 0..20 {
        said.resize(said.len() + 12 * 16_000, 0);
        said.extend(person("librivox/sense_and_sensibility_01_austen_64kb-0880.wav").samples);
    }
    wav::write(&folder.join("said.wav"), Hz::K16, 1, &said).unwrap();
    let dialogue = dialogue(&place, patient()).await;
    let mut table = Table::sit(&dialogue, Some(folder.join("said.wav")));
    table.until("it is interrupted", is_interrupted).await;
    table.leave().await;
    std::fs::remove_dir_all(&folder).ok();
}

/// What people say while the agent speaks, through a microphone that hears both, is understood as if they had been alone.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_at_the_same_time_is_understood() {
    let Some(place) = place() else { return };
    // The canceller learns the room from four seconds of the agent's voice; its sentences have pauses.
    let (mut said, mut places) = (vec![0; 8 * 16_000], Vec::new());
    for (samples, text) in people() {
        places.push((said.len()..said.len() + samples.len(), text));
        said.extend(samples);
        said.resize(said.len() + 16_000, 0);
    }
    let radio: Vec<i16> = read_aloud(&place, "flite").into_iter().flat_map(|(samples, _)| samples).collect();
    let radio: Vec<i16> = radio.iter().copied().cycle().take(said.len()).collect();
    let processing = Processing { gain: false, ..Processing::default() };
    let heard = processing.through_a_room(&said, &radio, -6.0);
    let chain = chain(&place, "moonshine").await;
    let (mut alone, mut both) = (Score { errors: 0, words: 0 }, Score { errors: 0, words: 0 });
    for (place, text) in places {
        for (score, sound) in [(&mut alone, &said), (&mut both, &heard)] {
            let (begins, ends) = (place.start - 3_200, place.end + 8_000);
            let piece = &sound[begins..ends.min(sound.len())];
            let (answer, _) = chain.finish(piece.into(), None, 0).await.unwrap();
            score.add(&text, &answer.heard.text);
        }
    }
    println!(
        "alone {:.1} %, into the agent's voice {:.1} % of {} words wrong",
        alone.percent(),
        both.percent(),
        alone.words
    );
    assert!(both.percent() <= alone.percent() + 5.0);
}
