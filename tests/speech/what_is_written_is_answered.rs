//! A line in the room's chat is a turn, as if it had been said.

use std::time::Duration;

use roomtone::{
    console::{Console, ConsoleOptions, Ends, Processing},
    conversation::{transcript::Caption, turn::TurnEvent},
    session::SessionEventKind,
    speech::models::Rules,
};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    common::place,
    conversations_are_had::{Ruled, dialogue, patient},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_written_line_is_answered_aloud_and_stands_in_the_transcript() {
    let Some(place) = place() else { return };
    let dialogue = dialogue(&place, patient()).await;
    let rules =
        Rules::parse("otherwise = \"I do not know.\"\n[[rule]]\nwhen = [\"harbour\"]\nsay = \"At six.\"").unwrap();
    let (sender, mut asked) = mpsc::channel(4);
    let ends = Ends::Files { input: None, output: None, echo_db: None };
    let console = Console::new(ConsoleOptions { ends, processing: Processing::NONE, ..ConsoleOptions::default() });
    let agent = dialogue.agent(Ruled { rules, asked: sender });
    let mut handle = console.begin(Box::new(agent)).unwrap();
    let next = async |handle: &mut roomtone::session::SessionHandle| {
        timeout(Duration::from_secs(120), handle.events.recv()).await.expect("in time").unwrap().kind
    };
    assert!(console.write(" When does the harbour open? "));
    let mut said = Vec::new();
    loop {
        let SessionEventKind::Note(note) = next(&mut handle).await else { continue };
        said.extend(Caption::of_note(&note).map(|caption| caption.text));
        let event = note.data.get("turn").and_then(|turn| serde_json::from_value::<TurnEvent>(turn.clone()).ok());
        if matches!(event, Some(TurnEvent::AgentFinished { .. })) {
            break;
        }
    }
    assert_eq!(asked.recv().await.unwrap().0.text, "When does the harbour open?");
    while said.len() < 2 {
        let SessionEventKind::Note(note) = next(&mut handle).await else { continue };
        said.extend(Caption::of_note(&note).map(|caption| caption.text));
    }
    assert_eq!(said, ["When does the harbour open?", "At six."]);
    handle.leave();
    handle.ended().await;
}
