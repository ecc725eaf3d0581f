//! How a conversation feels, measured in the room's recordings: how soon the agent falls silent when somebody speaks, whether it
//! decides right, how soon it answers, how often it answers into somebody's pause.
//!
//! `cargo bench --bench conversation -- --interruptions 200 --turns 60 --rooms 4`; `tests/speech/set-up` puts what it needs into
//! `target/speech`.

#[path = "../tests/speech/stage.rs"]
#[allow(dead_code, unreachable_pub)]
mod stage;

mod common;

#[path = "common/said.rs"]
mod said;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    conversation::{
        Conversation, Entry, Speech, UserTurn,
        turn::{EndDelay, TurnEvent, TurnSettings},
    },
    dialogue::{Dialogue, DialogueOptions, TurnFigures, TurnPart},
    speech::engines::Folder,
};
use tokio::{sync::mpsc, time::sleep};

use common::{argument, place, print_spread};
use said::{Interruption, Sentence, interruptions, print_wrong, sentences, shuffled, silence, with_pause};
use stage::{Stage, loud, person, sandbox};

#[tokio::main]
async fn main() {
    let Some(place) = place() else { return };
    let rooms = argument("--rooms", 2);
    let interruptions = argument("--interruptions", 40);
    if interruptions > 0 {
        barge_in(&place, interruptions, rooms).await;
    }
    let turns = argument("--turns", 40);
    if turns > 0 {
        for (name, settings, listens) in policies() {
            answers(&place, name, settings, listens, turns, rooms).await;
        }
    }
}

/// Ways to find the end of a turn.
fn policies() -> Vec<(&'static str, TurnSettings, bool)> {
    let complete = Duration::from_millis(300);
    let heard = EndDelay { complete, ..EndDelay::default() };
    let fixed = |ms| TurnSettings { end_delay: EndDelay::fixed(Duration::from_millis(ms)), ..TurnSettings::default() };
    vec![
        ("default", TurnSettings::default(), false),
        ("Smart Turn", TurnSettings { end_delay: heard, ..TurnSettings::default() }, true),
        ("timer 0.5 s", fixed(500), false),
        ("timer 0.8 s", fixed(800), false),
    ]
}

async fn dialogue(place: &Path, turns: TurnSettings, listens: bool) -> Dialogue {
    let turn_listener = listens.then(|| "smart-turn".to_owned());
    let options = DialogueOptions { turns, turn_listener, captions: false, ..DialogueOptions::default() };
    options.open_in(&Folder::new(place.join("data/engines"))).await.unwrap()
}

/// Tells a long story to whatever is said, and what it knew.
struct Storyteller(mpsc::Sender<Arc<[Entry]>>);

#[async_trait]
impl Conversation for Storyteller {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.confirmed().await;
        self.0.send(say.context().clone()).await.ok();
        for n in 1..=40 {
            say.text(&format!("This is sentence number {n} of a story about the old harbour and its boats. ")).await;
        }
        Ok(())
    }
}

/// What came of one interruption, in milliseconds.
#[derive(Debug, Default, Clone)]
struct Outcome {
    what: &'static str,
    name: String,
    /// Whether it took the turn, if it was decided.
    taken: Option<bool>,
    silent_after_onset: Option<f64>,
    silent_after_activity: Option<f64>,
    decided_after_silence: Option<f64>,
    resumed_after_end: Option<f64>,
    never_noticed: bool,
}

async fn barge_in(place: &Path, count: usize, rooms: usize) {
    let dialogue = dialogue(place, TurnSettings::default(), false).await;
    let all = shuffled(&interruptions(place).await, count);
    let sandbox = sandbox().await;
    let mut tasks = Vec::new();
    for room in 0..rooms {
        let (dialogue, sandbox) = (dialogue.clone(), sandbox.clone());
        let mine: Vec<Interruption> = all.iter().skip(room).step_by(rooms).cloned().collect();
        tasks.push(tokio::spawn(async move {
            let (sender, _asked) = mpsc::channel(1_000);
            let stage = Stage::set(&sandbox, dialogue.agent(Storyteller(sender))).await;
            interrupt(&stage, &mine, room as u64).await
        }));
    }
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.extend(task.await.unwrap());
    }
    report(&outcomes);
}

async fn interrupt(stage: &Stage, all: &[Interruption], seed: u64) -> Vec<Outcome> {
    let mut random = fastrand::Rng::with_seed(seed + 7);
    let speaks = |event: &TurnEvent| matches!(event, TurnEvent::AgentSpeaks { .. });
    let ends = |event: &TurnEvent| matches!(event, TurnEvent::AgentResumed { .. } | TurnEvent::AgentInterrupted { .. });
    let mut marks = Vec::new();
    let behind = stage.events(0).len();
    stage.say(&person("goforward.raw")).await;
    stage.until("the story", behind, PATIENCE, speaks).await;
    for interruption in all {
        sleep(Duration::from_millis(random.u64(1_000..4_000))).await;
        let behind = stage.events(0).len();
        let said = stage.now();
        stage.say(&interruption.sound).await;
        let lasts = interruption.sound.duration();
        let noticed = stage.until("a decision", behind, lasts + Duration::from_secs(2), ends).await;
        sleep(Duration::from_millis(500)).await;
        let taken = noticed
            .map(|_| stage.events(behind).iter().any(|(_, event)| matches!(event, TurnEvent::AgentInterrupted { .. })));
        marks.push((interruption.clone(), said, behind, stage.events(0).len(), taken));
        if taken == Some(true) {
            stage.until("the story again", behind, PATIENCE, speaks).await;
        }
    }
    let (person, agent) = stage.recordings();
    let events = stage.events(0);
    let outcome = |(interruption, said, behind, to, taken): (Interruption, Duration, usize, usize, Option<bool>)| {
        let mut outcome = Outcome { what: interruption.what, name: interruption.name, taken, ..Outcome::default() };
        let at = |time: Duration| agent.rate.samples_in(time);
        let Some((first, last)) = loud(
            &person.samples[at(said)..(at(said + interruption.sound.duration()) + 12_000).min(person.samples.len())],
            person.rate,
        ) else {
            return outcome;
        };
        let (onset, end) = (said + person.rate.duration_of(first as u64), said + person.rate.duration_of(last as u64));
        let of = |is_it: &dyn Fn(&TurnEvent) -> bool| {
            events[behind..to].iter().find(|(_, event)| is_it(event)).map(|(at, _)| *at)
        };
        let Some(paused) = of(&|event| matches!(event, TurnEvent::AgentPaused { .. })) else {
            outcome.never_noticed = true;
            return outcome;
        };
        let ms = |later: Duration, earlier: Duration| (later.as_secs_f64() - earlier.as_secs_f64()) * 1e3;
        // The last sound before a silence that lasts, looked for from shortly before the pause on.
        let silent = silence(&agent, paused.saturating_sub(Duration::from_millis(100)));
        outcome.silent_after_onset = silent.map(|silent| ms(silent, onset));
        outcome.silent_after_activity = silent.map(|silent| ms(silent, paused));
        let decided = of(&|event| matches!(event, TurnEvent::AgentResumed { .. } | TurnEvent::AgentInterrupted { .. }));
        outcome.decided_after_silence = decided.zip(silent).map(|(decided, silent)| ms(decided, silent.max(paused)));
        let resumed = of(&|event| matches!(event, TurnEvent::AgentResumed { .. }));
        outcome.resumed_after_end = resumed.and_then(|resumed| {
            let from = at(resumed);
            let next =
                agent.samples[from.min(agent.samples.len())..].iter().position(|sample| sample.unsigned_abs() > 60)?;
            Some(ms(resumed + agent.rate.duration_of(next as u64), end))
        });
        outcome
    };
    marks.into_iter().map(outcome).collect()
}

/// One of an outcome's figures.
type Figure = fn(&Outcome) -> Option<f64>;

fn report(outcomes: &[Outcome]) {
    for what in ["a person", "a back-channel", "a noise"] {
        let of: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.what == what).collect();
        let share = |is_it: &dyn Fn(&Outcome) -> bool| of.iter().filter(|outcome| is_it(outcome)).count();
        println!(
            "{what}: {} times, the turn taken {} times, not noticed {} times, undecided {} times",
            of.len(),
            share(&|o| o.taken == Some(true)),
            share(&|o| o.never_noticed),
            share(&|o| o.taken.is_none() && !o.never_noticed)
        );
        let is_wrong = |o: &&&Outcome| o.taken.is_some_and(|taken| taken != (what == "a person"));
        print_wrong("decided wrongly", of.iter().filter(is_wrong).map(|o| &*o.name));
        let figures: [(&str, Figure); 4] = [
            ("silent after the onset", |o| o.silent_after_onset),
            ("silent after the activity's start", |o| o.silent_after_activity),
            ("decided after that", |o| o.decided_after_silence),
            ("audible again after its end", |o| o.resumed_after_end),
        ];
        for (name, figure) in figures {
            let mut values: Vec<f64> = of.iter().filter_map(|outcome| figure(outcome)).collect();
            print_spread(name, &mut values);
        }
    }
}

/// Says "yes" to everything.
struct Yes;

#[async_trait]
impl Conversation for Yes {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.text("Yes, of course.").await;
        Ok(())
    }
}

async fn answers(place: &Path, name: &str, settings: TurnSettings, listens: bool, count: usize, rooms: usize) {
    let dialogue = dialogue(place, settings, listens).await;
    let (sandbox, all) = (sandbox().await, shuffled(&sentences(place), count));
    let mut tasks = Vec::new();
    for room in 0..rooms {
        let (dialogue, sandbox) = (dialogue.clone(), sandbox.clone());
        let mine: Vec<_> = all.iter().skip(room).step_by(rooms).cloned().collect();
        tasks.push(tokio::spawn(async move {
            let stage = Stage::set(&sandbox, dialogue.agent(Yes)).await;
            ask(&stage, &mine, room).await
        }));
    }
    let mut results = Vec::new();
    for task in tasks {
        results.extend(task.await.unwrap());
    }
    for voice in ["people", "hibari"] {
        let of: Vec<&Answer> = results.iter().filter(|answer| answer.sentence.voice == voice).collect();
        let cut = of.iter().filter(|answer| answer.is_cut).count();
        println!(
            "{name}, {voice}: {} turns, {cut} answered into a pause, {} not answered",
            of.len(),
            of.iter().filter(|a| a.audible.is_none()).count()
        );
        print_wrong("cut", of.iter().filter(|answer| answer.is_cut).map(|answer| &*answer.sentence.name));
        let mut audible: Vec<f64> = of.iter().filter(|a| !a.is_cut).filter_map(|answer| answer.audible).collect();
        print_spread("speech end to first audible sound", &mut audible);
        for part in TurnPart::ALL {
            let mut parts: Vec<f64> = of
                .iter()
                .flat_map(|a| &a.figures)
                .flat_map(|f| &f.parts_ms)
                .filter(|(p, _)| *p == part)
                .map(|(_, ms)| *ms)
                .collect();
            print_spread(part.name(), &mut parts);
        }
    }
}

struct Answer {
    sentence: Sentence,
    is_cut: bool,
    audible: Option<f64>,
    figures: Option<TurnFigures>,
}

async fn ask(stage: &Stage, all: &[Sentence], room: usize) -> Vec<Answer> {
    let mut random = fastrand::Rng::with_seed(room as u64 + 99);
    let mut marks = Vec::new();
    let finished = |event: &TurnEvent| matches!(event, TurnEvent::AgentFinished { .. });
    for sentence in all {
        let (sound, second) = with_pause(&sentence.sound, Duration::from_millis(random.u64(300..1_000)));
        let (behind, notes) = (stage.events(0).len(), stage.notes().len());
        let said = stage.now();
        stage.say(&sound).await;
        sleep(sound.duration() + Duration::from_millis(100)).await;
        stage.until("an answer", behind, PATIENCE, finished).await;
        sleep(Duration::from_millis(700)).await;
        marks.push((sentence.clone(), said, second, sound.duration(), notes));
    }
    let (person, agent) = stage.recordings();
    let all_notes = stage.notes();
    let answer = |(sentence, said, second, lasts, notes): (Sentence, Duration, Duration, Duration, usize)| {
        let at = |time: Duration| person.rate.samples_in(time);
        let window = &person.samples[at(said)..(at(said + lasts) + 4_800).min(person.samples.len())];
        let (first, last) = loud(window, person.rate).unwrap();
        let (begins, ends) =
            (said + person.rate.duration_of(first as u64), said + person.rate.duration_of(last as u64));
        let heard =
            agent.samples[at(begins).min(agent.samples.len())..].iter().position(|sample| sample.unsigned_abs() > 60);
        let heard = heard.map(|at| begins + agent.rate.duration_of(at as u64));
        let is_cut = heard.is_some_and(|heard| heard < begins + second);
        let figures = all_notes[notes..].iter().filter_map(|(_, note)| TurnFigures::of_note(note)).next_back();
        let audible = heard.map(|heard| (heard.as_secs_f64() - ends.as_secs_f64()) * 1e3);
        Answer { sentence, is_cut, audible, figures }
    };
    marks.into_iter().map(answer).collect()
}

const PATIENCE: Duration = Duration::from_secs(30);
