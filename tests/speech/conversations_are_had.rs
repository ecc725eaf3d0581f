//! Whole conversations in a room: people's recordings ask, a neural voice answers, and what it says is understood by another
//! engine in the room's recording.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    audio::Sound,
    conversation::{
        Conversation, Entry, Heard, Role, Speech, Spoken, UserTurn,
        turn::{BargeIn, NotATurn, TurnEnd, TurnEvent, TurnSettings},
    },
    dialogue::{Dialogue, DialogueOptions, TurnFigures},
    speech::{engines::EngineConfig, models::Rules},
};
use tokio::sync::mpsc;

use crate::{
    common::{Score, chain, engines, place, read_aloud},
    stage::{Stage, loud, person, sandbox},
};

/// What the tests' conversations are made of, with all the time that a busy machine may need.
pub(crate) async fn dialogue(place: &Path, turns: TurnSettings) -> Dialogue {
    let patient =
        |name| EngineConfig { within: Duration::from_secs(60), sessions: Some(3), ..EngineConfig::named(name) };
    let options = DialogueOptions {
        ears: vec![patient("moonshine")],
        voices: vec![patient("hibari")],
        turns,
        turn_log: true,
        ..DialogueOptions::default()
    };
    options.open_in(&engines(place)).await.unwrap()
}

/// Patient with a machine that has much else to do.
pub(crate) fn patient() -> TurnSettings {
    let long = Duration::from_secs(10);
    let barge_in = BargeIn { decide_within: long, ..BargeIn::default() };
    TurnSettings { text_within: long, reply_within: Duration::from_secs(60), barge_in, ..TurnSettings::default() }
}

/// Answers by rules, and tells what it was asked and what it knew then.
pub(crate) struct Ruled {
    pub(crate) rules: Rules,
    pub(crate) asked: mpsc::Sender<(UserTurn, Arc<[Entry]>)>,
}

#[async_trait]
impl Conversation for Ruled {
    async fn reply(&mut self, turn: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.text(&self.rules.answer(&turn.text)).await;
        // What is not certain yet may come again.
        say.confirmed().await;
        self.asked.send((turn.clone(), say.context().clone())).await.ok();
        Ok(())
    }
}

struct Nobody;

#[async_trait]
impl Conversation for Nobody {
    async fn reply(&mut self, _: &UserTurn, _: &mut Speech) -> Result<(), AgentError> {
        Ok(())
    }
}

const RULES: &str = r#"
otherwise = "I have no answer to that."
[[rule]]
when = ["go forward"]
say = "Walking straight ahead now."
[[rule]]
when = ["go somewhere"]
say = "Somewhere is a big place."
[[rule]]
when = ["ten of clubs"]
say = "A black card of ten."
[[rule]]
when = ["seven of clubs"]
say = "Another black card, a seven."
[[rule]]
when = ["queen of"]
say = "She is a lady of the night."
[[rule]]
when = ["dashwood had then leisure"]
say = "He had plenty of time."
[[rule]]
when = ["young man"]
say = "So he was a good person."
[[rule]]
when = ["cold hearted", "coldhearted", "rather selfish"]
say = "That would be a fault."
[[rule]]
when = ["more respectable"]
say = "A wife can make a difference."
[[rule]]
when = ["been made amiable"]
say = "Perhaps he might."
"#;

/// Each question is answered by its rule, and what is heard of the answers is what was meant.
#[tokio::test(flavor = "multi_thread")]
async fn questions_of_people_are_answered_by_their_rules() {
    let Some(place) = place() else { return };
    let dialogue = dialogue(&place, patient()).await;
    assert_eq!(dialogue.maker(|| Nobody).limit().unwrap().most, 3, "what a deploy says goes before what was measured");
    let rules = Rules::parse(RULES).unwrap();
    let (sender, mut asked) = mpsc::channel(64);
    let sandbox = sandbox().await;
    let stage = Stage::set(&sandbox, dialogue.agent(Ruled { rules: rules.clone(), asked: sender })).await;
    let novel = |n: u32| format!("librivox/sense_and_sensibility_01_austen_64kb-0{n}.wav");
    let files = [
        "goforward.raw".to_owned(),
        "something.raw".to_owned(),
        "cards/001.wav".to_owned(),
        "cards/003.wav".to_owned(),
        "cards/002.wav".to_owned(),
        novel(870),
        novel(880),
        novel(890),
        novel(920),
        novel(930),
    ];
    let mut answers = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let behind = stage.events(0).len();
        stage.say(&person(file)).await;
        let finished = |event: &TurnEvent| matches!(event, TurnEvent::AgentFinished { .. });
        let waited = stage.until("an answer", behind, Duration::from_secs(60), finished).await;
        assert!(waited.is_some(), "{file}: {:?}", stage.events(behind));
        let (turn, context) = asked.recv().await.unwrap();
        answers.push(rules.answer(&turn.text));
        assert_eq!(answers.last().unwrap(), &rules.rule[n].say, "{file}: {}", turn.text);
        assert_eq!(context.len(), 2 * n, "each turn and each answer is in the context of the next one");
    }
    let (_, spoken) = stage.recordings();
    // What was heard of the answers, by the same engine on the recording alone.
    let ears = chain(&place, "moonshine").await;
    let mut score = Score::default();
    let captions = crate::common::transcribe(
        &ears,
        crate::common::finals(),
        &[crate::common::Person { name: "agent", says: vec![(Duration::ZERO, &spoken.at(Spoken::RATE).samples)] }],
    )
    .await;
    let text: Vec<&str> = captions.iter().map(|caption| caption.text.as_str()).collect();
    score.add(&answers.join(" "), &text.join(" "));
    assert!(score.percent() <= 8.0, "{:.1} %: {text:?}", score.percent());
    // The parts of each turn's time add up to what the recordings show between both voices.
    let figures: Vec<TurnFigures> = figures(&stage);
    assert_eq!(figures.len(), files.len());
    for figures in &figures {
        let (first, _) = loud(&spoken.samples[spoken.rate.samples_in(figures.speech_ended)..], spoken.rate).unwrap();
        let heard = spoken.rate.duration_of(first as u64);
        let apart = heard.as_secs_f64() - figures.total().as_secs_f64();
        assert!((-0.06..0.2).contains(&apart), "{figures:?} and in the recording {heard:?}");
    }
    let log = turn_log(&stage);
    assert!(log.lines().count() > 60);
    assert!(stage.end().await.is_regular());
}

fn figures(stage: &Stage) -> Vec<TurnFigures> {
    stage.notes().iter().filter_map(|(_, note)| TurnFigures::of_note(note)).collect()
}

fn turn_log(stage: &Stage) -> String {
    let lines = stage.notes().into_iter().filter_map(|(_, note)| note.data.get("turn_input").map(ToString::to_string));
    lines.collect::<Vec<_>>().join("\n")
}

/// Tells a long story, and what it knew when it was asked.
struct Storyteller {
    asked: mpsc::Sender<Arc<[Entry]>>,
}

#[async_trait]
impl Conversation for Storyteller {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.text(STORY).await;
        say.confirmed().await;
        self.asked.send(say.context().clone()).await.ok();
        Ok(())
    }
}

const STORY: &str = "Once upon a time a fisherman lived near the northern sea. Every morning he walked down to the harbour with his \
                     old dog. The boats were waiting there under a grey sky. He took the smallest one and rowed out to the island. \
                     Nobody else had ever been on that island. It was full of birds, and in the middle stood a tower.";

/// Whoever says something takes the turn, and what is kept of the story is what was heard; who only agrees lets it go on.
#[tokio::test(flavor = "multi_thread")]
async fn interruptions_are_honoured_and_agreement_is_not_one() {
    let Some(place) = place() else { return };
    let dialogue = dialogue(&place, patient()).await;
    let (sender, mut asked) = mpsc::channel(64);
    let sandbox = sandbox().await;
    let stage = Stage::set(&sandbox, dialogue.agent(Storyteller { asked: sender })).await;
    let speaks = |event: &TurnEvent| matches!(event, TurnEvent::AgentSpeaks { .. });
    let (patience, behind) = (Duration::from_secs(60), stage.events(0).len());
    stage.say(&person("goforward.raw")).await;
    let spoke = stage.until("the story", behind, patience, speaks).await.unwrap();
    asked.recv().await.unwrap();
    // "Mm-hmm", two seconds into the story.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let behind = stage.events(0).len();
    let hum = agreement(&place).await;
    stage.say(&hum).await;
    let resumed = |event: &TurnEvent| matches!(event, TurnEvent::AgentResumed { .. });
    assert!(stage.until("going on", behind, patience, resumed).await.is_some(), "{:?}", stage.events(behind));
    let because = stage.events(behind).into_iter().find_map(|(_, event)| match event {
        TurnEvent::AgentResumed { because, .. } => Some(because),
        _ => None,
    });
    assert!(matches!(because, Some(NotATurn::BackChannel | NotATurn::Noise)), "{because:?}");
    assert!(!stage.events(behind).iter().any(|(_, event)| matches!(event, TurnEvent::AgentInterrupted { .. })));
    // A question takes the turn.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let behind = stage.events(0).len();
    let said_at = stage.now();
    stage.say(&person("something.raw")).await;
    let again = stage.until("another answer", behind, patience, speaks).await;
    assert!(again.is_some(), "{:?}", stage.events(behind));
    let context = asked.recv().await.unwrap();
    let [question, story] = &context[..] else { panic!("{context:?}") };
    assert!(matches!(question.role, Role::Person(_)) && story.role == Role::Agent, "{context:?}");
    assert_eq!(story.heard, Heard::Cut);
    assert!(STORY.starts_with(&story.text), "{} {:?}", story.text, stage.events(0));
    // What another engine hears up to the interruption, give or take a word.
    let (_, spoken) = stage.recordings();
    let until = spoken.rate.samples_in(said_at + Duration::from_millis(700)).min(spoken.samples.len());
    let heard = &spoken.samples[spoken.rate.samples_in(spoke.saturating_sub(Duration::from_millis(200)))..until];
    let heard = Sound { rate: spoken.rate, samples: heard.to_vec() }.at(Spoken::RATE).samples;
    let whisper = chain(&place, "whisper").await;
    let (answer, _) = whisper.finish(heard.into(), Some("en".into()), 0).await.unwrap();
    let count = |text: &str| text.split_whitespace().count() as i64;
    // The word at which it was paused for the agreement is said twice.
    let apart = count(&answer.heard.text) - count(&story.text);
    assert!((-1..=2).contains(&apart), "heard {:?}, kept {:?}", answer.heard.text, story.text);
    assert!(
        stage
            .events(behind)
            .iter()
            .any(|(_, event)| matches!(event, TurnEvent::TurnEnded { how: TurnEnd::Answered, .. }))
    );
    stage.end().await;
}

/// "Mm-hmm." in the voice of another engine.
async fn agreement(place: &Path) -> Sound {
    let flite = roomtone::speech::engines::unopened_voice(&EngineConfig::named("flite"), &engines(place)).unwrap();
    let said = roomtone::speech::voices::say(&*flite, "agreement", "Yeah, yeah.").await.unwrap();
    crate::stage::trimmed(&Sound { rate: said.rate.unwrap(), samples: said.samples })
}

/// The machine's log of a conversation gives the same orders again.
#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_can_be_replayed_from_its_log() {
    let Some(place) = place() else { return };
    let dialogue = dialogue(&place, patient()).await;
    let (sender, _asked) = mpsc::channel(64);
    let sandbox = sandbox().await;
    let stage =
        Stage::set(&sandbox, dialogue.agent(Ruled { rules: Rules::parse(RULES).unwrap(), asked: sender })).await;
    let (voice, behind) = (read_aloud(&place, "hibari").swap_remove(2).0, stage.events(0).len());
    stage.say(&Sound { rate: Spoken::RATE, samples: voice }).await;
    let finished = |event: &TurnEvent| matches!(event, TurnEvent::AgentFinished { .. });
    assert!(stage.until("an answer", behind, Duration::from_secs(60), finished).await.is_some());
    let log = turn_log(&stage);
    let replayed = roomtone::conversation::turn::replay(&log, patient()).unwrap();
    let told: Vec<TurnEvent> = stage.events(0).into_iter().map(|(_, event)| event).collect();
    let replayed: Vec<TurnEvent> = replayed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["order"] == "tell")
        .map(|line| serde_json::from_value(line["event"].clone()).unwrap())
        .collect();
    assert!(told.len() >= 5 && told == replayed, "{told:?}\n{replayed:?}");
    stage.end().await;
}
