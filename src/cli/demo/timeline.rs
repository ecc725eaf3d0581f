//! Everything that happened, on the room's clock.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::turns;
use crate::{
    event::{Event as RoomEvent, EventKind},
    session::{SessionEvent, SessionEventKind},
};

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Event {
    /// When, on the room's clock, in seconds.
    pub(super) at_s: f64,
    /// Where it was seen.
    pub(super) seen_by: Witness,
    /// What, in a word or two.
    pub(super) what: String,
    /// More of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
}

/// Who saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Witness {
    /// The stage directions of the demo itself.
    Demo,
    /// The agent's driver.
    Agent,
    /// The server socket.
    Server,
}

impl Event {
    pub(super) fn new(at: Duration, seen_by: Witness, what: &str, detail: String) -> Event {
        let at_s = (at.as_secs_f64() * 1e6).round() / 1e6;
        Event { at_s, seen_by, what: what.to_owned(), detail }
    }

    /// What the driver told, whose clock began at `begun`.
    pub(super) fn from_session(origin: Instant, begun: Instant, event: &SessionEvent) -> Event {
        let at = begun.saturating_duration_since(origin) + event.at;
        let (what, detail) = match &event.kind {
            SessionEventKind::Joined => ("joined", String::new()),
            SessionEventKind::Link(line) => ("link", line.clone()),
            SessionEventKind::Room(event) => {
                return Event::new(at, Witness::Agent, event.kind.name(), String::new());
            }
            SessionEventKind::FirstHeard(peer) => ("hears", format!("the first sound of {peer}")),
            SessionEventKind::Draining { .. } => ("host draining", String::new()),
            SessionEventKind::Speaks => ("speaks", String::new()),
            SessionEventKind::Interrupts => ("interrupts itself", String::new()),
            SessionEventKind::Note(note) => match turns::event_of(note) {
                Some((what, about)) => return Event::new(at, Witness::Agent, &what, about),
                None => ("writes", note.text.clone()),
            },
            SessionEventKind::Ended(line) => ("ended", line.clone()),
        };
        Event::new(at, Witness::Agent, what, detail)
    }

    /// What the server socket told.
    pub(super) fn from_notification(at: Duration, said: &RoomEvent) -> Event {
        let name = said.native.as_ref().map_or_else(|| said.kind.name().to_owned(), |native| native.name().to_owned());
        // Metadata stays out of it. The room is always the same.
        let detail = match &said.kind {
            EventKind::Peer(event) => format!("peer {}", event.peer().id),
            EventKind::Track(event) => match event.owner().peer() {
                Some(peer) => format!("peer {peer}, track {}", event.track().id),
                None => format!("track {}", event.track().id),
            },
            _ => String::new(),
        };
        Event::new(at, Witness::Server, &name, detail)
    }
}
