//! An agent that writes down who did what, a JSON line each, in the same words on every platform.

use std::{fs::File, io::Write, path::PathBuf};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Input, Maker, OptionsError, Room, options},
    event::{ChatEvent, Event, EventKind, PeerId},
    files,
};
use serde::{Deserialize, Serialize};

/// The options of `eventlog`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// The folder for a file of lines for each room. Without one the lines are notes.
    folder: Option<PathBuf>,
}

pub(crate) async fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    let Options { folder } = options(table)?;
    Ok(Maker::new(move || EventLog { folder: folder.clone() }))
}

struct EventLog {
    folder: Option<PathBuf>,
}

/// What every platform can tell: what happened, and to whom. Who they are differs; see the event itself for that.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a PeerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(event: &'a Event) -> Line<'a> {
        let (peer, text) = match &event.kind {
            EventKind::Peer(event) => (Some(&event.peer().id), None),
            EventKind::Track(event) => (event.owner().peer(), None),
            EventKind::Voice(voice) => (Some(&voice.peer), None),
            EventKind::Chat(ChatEvent::Said { author, text, .. }) => (Some(&author.id), Some(text.as_str())),
            EventKind::Chat(ChatEvent::Deleted { by, .. }) => (by.as_ref(), None),
            EventKind::Chat(ChatEvent::Direct { from, .. }) => (Some(from), None),
            _ => (None, None),
        };
        Line { event: event.kind.name(), peer, text }
    }
}

#[async_trait]
impl Agent for EventLog {
    /// It listens to events alone.
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { speak_rate: None, ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let mut file: Option<File> = match &self.folder {
            Some(folder) => {
                files::create_folder(folder)?;
                Some(files::create(folder, &files::name(room.id().as_str()), "jsonl")?.0)
            }
            None => None,
        };
        while let Some(input) = room.next().await {
            let Input::Event(event) = input else { continue };
            let line = serde_json::to_string(&Line::of(&event))?;
            match &mut file {
                Some(file) => writeln!(file, "{line}")?,
                None => drop(room.notes.write(line)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roomtone::{
        agent::testing::TestRoom,
        event::{Peer, PeerKind, VoiceActivity},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_event_is_a_line_that_says_who() {
        let mut room = TestRoom::new(EventLog { folder: None });
        let ada = room.join_person("ada");
        room.tell(VoiceActivity { peer: ada.clone(), track: None, speaking: true });
        let author = Box::new(Peer { name: "Ada".into(), ..Peer::new(ada.clone(), PeerKind::Person) });
        room.tell(ChatEvent::Said { id: "m".into(), author, text: "tea?".into() });
        room.leave(&ada);
        room.pass(Duration::from_millis(100)).await;
        let notes = room.end().await.notes;
        let lines: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        assert!(lines.starts_with(&[r#"{"event":"peer.joined","peer":"ada"}"#]), "{lines:?}");
        assert!(lines.contains(&r#"{"event":"voice.activity","peer":"ada"}"#), "{lines:?}");
        assert!(lines.contains(&r#"{"event":"chat.said","peer":"ada","text":"tea?"}"#), "{lines:?}");
        assert_eq!(lines.last(), Some(&r#"{"event":"peer.left","peer":"ada"}"#));
    }
}
