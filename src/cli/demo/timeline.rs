//! Everything that happened, on the room's clock.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    event::{RoomEvent, RosterChange},
    fishjam::{SessionEvent, SessionEventKind},
    protocol::fishjam::Notification,
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
                return Event::new(at, Witness::Agent, room_event_name(event), String::new());
            }
            SessionEventKind::FirstHeard(peer) => ("hears", format!("the first sound of {peer}")),
            SessionEventKind::Speaks => ("speaks", String::new()),
            SessionEventKind::Interrupts => ("interrupts itself", String::new()),
            SessionEventKind::Note(note) => ("writes", note.text.clone()),
            SessionEventKind::Ended(line) => ("ended", line.clone()),
        };
        Event::new(at, Witness::Agent, what, detail)
    }

    /// What the server socket told.
    pub(super) fn from_notification(at: Duration, notification: &Notification) -> Event {
        // The debug form begins with the variant's name; metadata in it is a mark. The room is always the same.
        let text = format!("{notification:?}");
        let name = text.split([' ', '{']).next().unwrap_or_default();
        let change = notification.roster_change().map(|change| match change {
            RosterChange::Present { peer, .. } | RosterChange::Absent { peer, .. } => format!("peer {peer}"),
            RosterChange::Described { peer, .. } => format!("peer {peer}"),
            RosterChange::Heard { peer, track } => format!("peer {peer}, track {track}"),
            RosterChange::Publishes { peer, track } => format!("peer {peer}, track {}", track.id),
            RosterChange::Withdraws { peer, track } => format!("peer {peer}, track {track}"),
        });
        let created = match notification {
            Notification::PeerAdded { peer, .. } | Notification::PeerDeleted { peer, .. } => format!("peer {peer}"),
            _ => String::new(),
        };
        Event::new(at, Witness::Server, name, change.unwrap_or(created))
    }
}

fn room_event_name(event: &RoomEvent) -> &'static str {
    match event {
        RoomEvent::PeerJoined { .. } => "peer joined",
        RoomEvent::PeerUpdated { .. } => "peer updated",
        RoomEvent::PeerLeft { .. } => "peer left",
        RoomEvent::TrackAdded { .. } => "track added",
        RoomEvent::TrackUpdated { .. } => "track updated",
        RoomEvent::TrackRemoved { .. } => "track removed",
        RoomEvent::VoiceActivity { speaking: true, .. } => "voice began",
        RoomEvent::VoiceActivity { speaking: false, .. } => "voice ended",
        RoomEvent::LinkLost { .. } => "link lost",
        RoomEvent::LinkRestored { .. } => "link restored",
        RoomEvent::PeerExpected { .. } => "peer expected",
        RoomEvent::PeerDismissed { .. } => "peer dismissed",
        RoomEvent::Channel { open: true, .. } => "channel opened",
        RoomEvent::Channel { open: false, .. } => "channel closed",
        RoomEvent::Forwarding { begun: true, .. } => "forwarding began",
        RoomEvent::Forwarding { begun: false, .. } => "forwarding ended",
        RoomEvent::Component { .. } => "component",
        RoomEvent::Draining { .. } => "host draining",
        RoomEvent::RoomEnded { .. } => "room ended",
    }
}
