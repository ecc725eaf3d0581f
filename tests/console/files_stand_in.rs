//! A file is said, the reply is written into another.

use std::{path::PathBuf, process::Command, time::Duration};

use roomtone::{
    agent::{Agent, AgentError, Input, Room},
    audio::{Sound, compare},
    console::{Console, ConsoleOptions, Ends, Processing},
    event::{ChatEvent, EventKind},
    session::Ending,
};

pub(crate) fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roomtone-console-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/speech.wav");

#[test]
fn the_program_says_a_file_and_writes_what_comes_back() {
    let folder = folder();
    let answer = folder.join("answer.wav");
    let program = Command::new(env!("CARGO_BIN_EXE_roomtone"))
        .args(["console", "--agent", "echo", "--input-file", SPEECH, "--output-file"])
        .arg(&answer)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&program.stdout);
    assert!(program.status.success() && printed.contains("nothing lost"), "{program:?}");
    let (said, heard) = (Sound::read(SPEECH.as_ref()).unwrap(), Sound::read(&answer).unwrap());
    let rate = heard.rate;
    let said = said.at(rate);
    let likeness = compare::find(&said.samples, &heard.samples, rate.samples_in(Duration::from_secs(5))).unwrap();
    assert!(likeness.correlation > 0.5, "{likeness:?}");
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn a_file_that_is_none_is_named_in_one_line() {
    let program = Command::new(env!("CARGO_BIN_EXE_roomtone"))
        .args(["console", "--agent", "echo", "--input-file", "nowhere.wav"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&program.stderr);
    assert_eq!(program.status.code(), Some(3));
    assert!(said.lines().count() == 1 && said.contains("nowhere.wav"), "{said}");
}

/// Hears how loud it is, and reads what is written to it, until it is told to go.
struct Listener {
    told: tokio::sync::mpsc::Sender<String>,
}

#[async_trait::async_trait]
impl Agent for Listener {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let (mut loud, mut silent) = (0, 0);
        while let Some(input) = room.next().await {
            match input {
                Input::Audio(frame) => {
                    let is_loud = frame.samples().iter().any(|sample| *sample != 0);
                    loud += u32::from(is_loud);
                    silent += u32::from(!is_loud);
                }
                Input::Event(event) => match &event.kind {
                    EventKind::Chat(ChatEvent::Said { text, author, .. }) => {
                        self.told.send(format!("{} wrote {}", author.id, text.as_str())).await?;
                        if text.as_str() == "go" {
                            self.told.send(format!("loud {loud} silent {silent}")).await?;
                            return Ok(());
                        }
                    }
                    kind => self.told.send(kind.name().to_owned()).await?,
                },
                _ => {}
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reads_what_is_typed_and_hears_nothing_of_a_muted_microphone() {
    let ends = Ends::Files { input: Some(SPEECH.into()), output: None, echo_db: None };
    let console = Console::new(ConsoleOptions { ends, processing: Processing::NONE, ..ConsoleOptions::default() });
    assert!(!console.write("nobody is here"));
    console.desk().mute(true);
    let (told, mut heard) = tokio::sync::mpsc::channel(16);
    let handle = console.begin(Box::new(Listener { told: told.clone() })).unwrap();
    assert!(console.begin(Box::new(Listener { told })).is_err(), "one agent at a time");
    assert_eq!(heard.recv().await.unwrap(), "peer.joined");
    assert_eq!(heard.recv().await.unwrap(), "track.added");
    while handle.monitor().counters().inbound.chunks < 100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(console.write("hello"));
    assert_eq!(heard.recv().await.unwrap(), "you wrote hello");
    assert!(console.write("go"));
    assert_eq!(heard.recv().await.unwrap(), "you wrote go");
    let said = heard.recv().await.unwrap();
    assert!(said.starts_with("loud 0 silent "), "{said}");
    let summary = handle.ended().await;
    assert_eq!((summary.ending.clone(), summary.counters.inbound.loud_chunks), (Ending::AgentDone, 0));
}
