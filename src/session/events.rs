//! What an agent's session tells the outside: events on the way, a summary at the end.

use std::time::Duration;

use serde::Serialize;

use super::{Ending, InboundCounters, OutboundCounters};
use crate::{
    agent::{Depths, Note},
    event::{Event, EventKind, PeerEvent, PeerId, TrackEvent, seconds},
    stats::LatencyCounts,
};

/// Something that happened to an agent in its room, for logs and reports.
#[derive(Debug, Clone, Serialize)]
pub struct SessionEvent {
    /// When, since the agent was made.
    #[serde(rename = "at_s", serialize_with = "seconds::serialize")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub kind: SessionEventKind,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "what")]
#[non_exhaustive]
pub enum SessionEventKind {
    /// The agent is in the room for the first time.
    Joined,
    /// To the link, in a line.
    Link(String),
    /// In the room, as the agent is told.
    Room(Event),
    /// The host is going to end: the agent may go on for so long.
    Draining {
        /// How long.
        #[serde(rename = "within_s", serialize_with = "seconds::serialize")]
        within: Duration,
    },
    /// The first sound of a track reached the agent.
    FirstHeard(PeerId),
    /// The agent's voice began to leave, after a second of silence or more.
    Speaks,
    /// The agent cut its voice off.
    Interrupts,
    /// The agent wrote something down.
    Note(Note),
    /// It is over, in a line.
    Ended(String),
}

/// How an agent's session ended, and what it was.
#[derive(Debug, Clone)]
pub struct SessionSummary {
    /// Why.
    pub ending: Ending,
    /// What the agent could not finish when its time was over, whatever ended that.
    pub agent_error: Option<String>,
    /// How long the session was.
    pub stayed: Duration,
    /// What was counted.
    pub counters: Counters,
    /// The agent's peer could not be removed, and is still listed in the room.
    pub leaves_peer: bool,
    /// Events that found no room because nobody read them. No loss for the agent.
    pub unread_events: u64,
}

/// What is counted of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// What was heard.
    pub inbound: InboundCounters,
    /// What was said.
    pub outbound: OutboundCounters,
    /// What sounded beside that.
    pub background: OutboundCounters,
    /// How far the agent was behind, and what it did not fetch in time.
    pub depths: Depths,
    /// Messages that the link did not take.
    pub unsent_messages: u64,
    /// Times the link was mended.
    pub reconnects: u64,
    /// How long what came from the socket took to reach the agent, once a second.
    pub to_agent: LatencyCounts,
    /// How long what the agent played took to be looked at by the driver, and sent if it was due; one play in fifty.
    pub to_socket: LatencyCounts,
}

impl Counters {
    /// Each counter of what was lost, by its name.
    pub fn losses(&self) -> [(&'static str, u64); 6] {
        [
            ("unannounced chunks", self.inbound.unannounced_chunks),
            ("late chunks", self.inbound.late_chunks),
            ("broken chunks", self.inbound.broken_chunks),
            ("skipped samples", self.inbound.skipped_samples),
            ("unfetched samples", self.depths.lost_samples),
            ("unsent messages", self.unsent_messages),
        ]
    }

    /// Whether anybody was heard to speak since `earlier`, the agent included. An open microphone in silence is nobody.
    pub fn has_speech_since(&self, earlier: &Counters) -> bool {
        let speech = |counters: &Counters| (counters.inbound.loud_chunks, counters.outbound.loud_packets);
        speech(self) != speech(earlier)
    }
}

impl SessionEventKind {
    /// Whether it comes seldom, and whoever follows a session must know it.
    pub(crate) fn is_essential(&self) -> bool {
        match self {
            SessionEventKind::Joined
            | SessionEventKind::Link(_)
            | SessionEventKind::Draining { .. }
            | SessionEventKind::Ended(_) => true,
            SessionEventKind::Room(event) => !matches!(
                event.kind,
                EventKind::Peer(PeerEvent::Updated { .. })
                    | EventKind::Track(TrackEvent::Updated { .. })
                    | EventKind::Voice(_)
            ),
            _ => false,
        }
    }
}

impl SessionSummary {
    /// Whether it ended as somebody meant it to, and the agent finished what it did.
    pub fn is_regular(&self) -> bool {
        self.ending.is_regular() && self.agent_error.is_none()
    }

    /// How it ended, in a line.
    pub fn how(&self) -> String {
        match &self.agent_error {
            Some(why) => format!("{}; the agent failed: {why}", self.ending),
            None => self.ending.to_string(),
        }
    }

    /// The counters, in a line.
    pub fn counters_line(&self) -> String {
        let heard = format!("heard {} chunks", self.counters.inbound.chunks);
        let said = format!("said {} packets", self.counters.outbound.packets);
        let losses = self.counters.losses();
        let lost: Vec<String> = losses.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
        let lost = if lost.is_empty() { "nothing lost".to_owned() } else { format!("lost: {}", lost.join(", ")) };
        format!("stayed {:.1} s, {heard}, {said}, {lost}", self.stayed.as_secs_f64())
    }
}
