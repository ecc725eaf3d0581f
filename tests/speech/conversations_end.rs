//! How conversations end, each in the middle of a sentence: by leave and drain, with the room, with the process, over a link that
//! stands still; and how they go on where a voice fails.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    audio::{Hz, Sound},
    conversation::{
        Conversation, Role, Speech, Spoken, UserTurn,
        transcript::Caption,
        turn::{TurnEnd, TurnEvent, TurnSettings},
    },
    dialogue::DialogueOptions,
    fishjam::{
        Fishjam,
        rest::model::{PeerType, RoomConfig},
    },
    sandbox::{Fault, Person},
    session::{Ending, SessionSummary},
    speech::engines::EngineConfig,
};

use crate::{
    commands_that_misbehave::python,
    common::{engines, place, read_aloud},
    conversations_are_had::{dialogue, patient},
    stage::{Stage, loud, sandbox},
};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

/// Says this as soon as somebody is there, and nothing else.
struct Teller(&'static str);

#[async_trait]
impl Conversation for Teller {
    async fn begin(&mut self, say: &mut Speech) -> Result<(), AgentError> {
        say.text(self.0).await;
        Ok(())
    }

    async fn reply(&mut self, _: &UserTurn, _: &mut Speech) -> Result<(), AgentError> {
        Ok(())
    }
}

const STORY: &str = "Once upon a time a fisherman lived near the northern sea. Every morning he walked down to the harbour with his \
                     old dog. The boats were waiting there under a grey sky.";

fn speaks(event: &TurnEvent) -> bool {
    matches!(event, TurnEvent::AgentSpeaks { .. })
}

/// A room in which the story is being told.
async fn telling(place: &Path) -> Stage {
    let patient = |name| EngineConfig { within: PATIENCE, ..EngineConfig::named(name) };
    let options = DialogueOptions {
        ears: vec![patient("moonshine")],
        voices: vec![patient("flite")],
        ..DialogueOptions::default()
    };
    let dialogue = options.open_in(&engines(place)).await.unwrap();
    let stage = Stage::enter(&sandbox().await, dialogue.agent(Teller(STORY))).await;
    stage.until("the story", 0, PATIENCE, speaks).await.unwrap();
    stage
}

/// How it ends once something has happened, and how long that took; the machine has other things to do, too.
async fn ended(how: &str, end: impl Future<Output = SessionSummary>) -> SessionSummary {
    let begun = Instant::now();
    let summary = tokio::time::timeout(PATIENCE, end).await.expect("it ends");
    println!("{how}: over after {} ms: {}", begun.elapsed().as_millis(), summary.how());
    summary
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_leave_it_leaves_in_the_middle_of_a_word() {
    let Some(place) = place() else { return };
    let summary = ended("told to leave", telling(&place).await.end()).await;
    assert!(summary.is_regular() && summary.ending == Ending::Left, "{}", summary.how());
}

#[tokio::test(flavor = "multi_thread")]
async fn drained_it_says_its_sentence_to_the_end() {
    let Some(place) = place() else { return };
    let stage = telling(&place).await;
    stage.drain();
    let finished = |event: &TurnEvent| matches!(event, TurnEvent::AgentFinished { .. });
    stage.until("the story's end", 0, PATIENCE, finished).await.unwrap();
    assert!(!stage.events(0).iter().any(|(_, event)| matches!(event, TurnEvent::AgentInterrupted { .. })));
    let (_, spoken) = stage.recordings();
    let (first, last) = loud(&spoken.samples, spoken.rate).unwrap();
    let lasts = spoken.rate.duration_of((last - first) as u64);
    assert!(lasts > Duration::from_secs(6), "the story lasts {lasts:?}");
    let summary = ended("drained", stage.gone()).await;
    assert!(summary.is_regular(), "{}", summary.how());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_its_room() {
    let Some(place) = place() else { return };
    let stage = telling(&place).await;
    let fishjam = Fishjam::new(stage.sandbox.address(), stage.sandbox.token().into());
    fishjam.rest().delete_room(&stage.room).await.unwrap();
    let summary = ended("room deleted", stage.gone()).await;
    assert!(summary.is_regular(), "{}", summary.how());
}

/// Leaves people to themselves when it has answered, and tells what it knew at each turn.
struct Transfer(mpsc::Sender<Vec<(Role, String)>>);

#[async_trait]
impl Conversation for Transfer {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.text("I will get a colleague.").await;
        say.confirmed().await;
        let known = say.context().iter().map(|entry| (entry.role.clone(), entry.text.clone())).collect();
        self.0.send(known).await.ok();
        say.hand_over().await;
        Ok(())
    }
}

/// People who have a conversation to themselves are heard and remembered, and not answered until they call the agent back.
#[tokio::test(flavor = "multi_thread")]
async fn handed_over_it_listens_and_comes_back_when_it_is_called() {
    let Some(place) = place() else { return };
    let turns = TurnSettings { called_back_by: vec!["manager is free".into()], ..patient() };
    let dialogue = dialogue(&place, turns).await;
    let (sender, mut knew) = mpsc::channel(8);
    let stage = Stage::set(&sandbox().await, dialogue.agent(Transfer(sender))).await;
    let said = read_aloud(&place, "hibari");
    let sentence = |part: &str| {
        let (samples, _) = said.iter().find(|(_, text)| text.contains(part)).unwrap();
        Sound { rate: Spoken::RATE, samples: samples.clone() }
    };
    let happens = async |what: &str, behind, is_it: fn(&TurnEvent) -> bool| {
        let at = stage.until(what, behind, PATIENCE, is_it).await;
        assert!(at.is_some(), "{what}: {:?}", stage.events(behind));
    };
    stage.say(&sentence("thank you for calling")).await;
    happens("the hand-over", 0, |event| matches!(event, TurnEvent::HandedOver)).await;
    assert_eq!(knew.recv().await.unwrap(), []);
    let behind = stage.events(0).len();
    stage.say(&sentence("a problem with the order")).await;
    happens("an aside", behind, |event| matches!(event, TurnEvent::TurnEnded { how: TurnEnd::Aside, .. })).await;
    let (spoken, behind) = (loud_samples(&stage), stage.events(0).len());
    stage.say(&sentence("the manager is free")).await;
    happens("being called back", behind, |event| matches!(event, TurnEvent::CalledBack { .. })).await;
    assert_eq!(loud_samples(&stage), spoken, "it said something that nobody asked for");
    let known = knew.recv().await.unwrap();
    let [(Role::Person(_), question), (Role::Agent, answer), (Role::Bystander(_), aside)] = &known[..] else {
        panic!("{known:?}")
    };
    assert!(
        question.contains("calling") && answer == "I will get a colleague." && aside.contains("order"),
        "{known:?}"
    );
    stage.end().await;
}

/// How much has been heard of the agent.
fn loud_samples(stage: &Stage) -> usize {
    stage.recordings().1.samples.iter().filter(|sample| sample.abs() > 500).count()
}

/// A server that does not read any more keeps nobody from leaving.
#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_over_a_link_that_stands_still() {
    let Some(place) = place() else { return };
    let stage = telling(&place).await;
    let (room, peer) = (stage.room.clone(), stage.agent.clone());
    stage.sandbox.inject(Fault::Stall { room, peer, for_ms: 600_000 }).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let summary = ended("link stands still", stage.end()).await;
    assert!(summary.is_regular(), "{}", summary.how());
}

/// What was heard of the agent last.
fn last_said(stage: &Stage) -> Option<String> {
    let captions = stage.notes().into_iter().filter_map(|(_, note)| Caption::of_note(&note));
    captions.filter(|caption| caption.speaker == stage.agent).last().map(|caption| caption.text)
}

/// The program with `config/voice-bot.toml`'s agent, in the middle of its greeting.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_program() {
    let Some(place) = place() else { return };
    let sandbox = sandbox().await;
    let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
    let room = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
    sandbox.add_person(&room, Person::default()).await.unwrap();
    let mut join = tokio::process::Command::new(env!("CARGO_BIN_EXE_roomtone"))
        .args(["join", "--agent", "concierge", "--room", room.as_str(), "--fishjam", &sandbox.address().to_string()])
        .args(["--set", "dialogue.voices=[\"flite\"]", "--set", &format!("greeting={STORY:?}")])
        .env("FISHJAM_MANAGEMENT_TOKEN", sandbox.token())
        .env("ROOMTONE_DATA", place.join("data"))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let agent = loop {
        let room = fishjam.rest().room(&room).await.unwrap();
        if let Some(peer) = room.peers.iter().find(|peer| peer.kind == PeerType::Agent) {
            break peer.id.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let until = Instant::now() + PATIENCE;
    sandbox.record(&room, &agent, Hz::K24, Instant::now()).unwrap();
    while loud(&sandbox.recording(&room, &agent).unwrap().samples, Hz::K24).is_none() {
        assert!(Instant::now() < until, "the greeting");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    assert!(Command::new("kill").args(["-TERM", &join.id().unwrap().to_string()]).status().unwrap().success());
    let status = tokio::time::timeout(PATIENCE, join.wait()).await.expect("it ends").unwrap();
    println!("SIGTERM: over after {} ms: {status}", begun.elapsed().as_millis());
    assert_eq!(status.code(), Some(0));
    assert!(
        fishjam.rest().room(&room).await.unwrap().peers.iter().all(|peer| peer.kind != PeerType::Agent),
        "it has left"
    );
}

/// The sentence that no voice can say is followed by an apology; the conversation goes on.
#[tokio::test(flavor = "multi_thread")]
async fn where_no_voice_can_say_it_an_apology_is_heard() {
    let (Some(place), Some(python)) = (place(), python()) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/speech/bad_voice.py");
    for how in ["cannot", "dies", "hangs"] {
        let program = [&python.to_string_lossy(), "-I", &*script.to_string_lossy(), how].map(String::from);
        let within = if how == "hangs" { Duration::from_secs(2) } else { PATIENCE };
        let options = DialogueOptions {
            voices: vec![EngineConfig { program: program.to_vec(), within, ..EngineConfig::named("command") }],
            ..DialogueOptions::default()
        };
        let dialogue = options.open_in(&engines(&place)).await.unwrap();
        let agent = dialogue.agent(Teller("This is a bad sentence. This one is good."));
        let stage = Stage::set(&sandbox().await, agent).await;
        let said = last_said(&stage).unwrap();
        assert!(said.ends_with("Sorry, I cannot speak just now. This one is good."), "{how}: {said}");
        // A tenth of a second each.
        let (_, spoken) = stage.recordings();
        let loud = spoken.samples.iter().filter(|sample| sample.abs() > 1_000).count();
        let lasts = spoken.rate.duration_of(loud as u64);
        assert!((Duration::from_millis(150)..Duration::from_millis(350)).contains(&lasts), "{how}: {lasts:?}");
        assert!(stage.end().await.is_regular());
    }
}
