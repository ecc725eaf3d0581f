//! One deploy in one room: whether its agent is there, on its way, or why not.

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::admission::Slot;
use crate::{
    event::{PeerId, RoomId},
    host::config::RestartRule,
    platform::{JoinError, PlatformErrorKind},
    session::{self, Ending},
};

/// Which deploy, in which room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::host) struct Key {
    pub(in crate::host) room: RoomId,
    pub(in crate::host) deploy: Arc<str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in room {}", self.deploy, self.room)
    }
}

/// See the module's head.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) phase: Phase,
    /// Held from admission until the agent is gone for good.
    pub(super) slot: Option<Slot>,
    /// When it failed, as far as that still counts.
    pub(super) failures: VecDeque<Instant>,
    /// How often in a row it could not get in, or lost its link for good.
    pub(super) troubles: u32,
    pub(super) restarts: u32,
    /// Somebody asked for it.
    pub(super) is_manual: bool,
    /// Since when nobody is in the room who was there.
    pub(super) empty_since: Option<Instant>,
    /// When the reconciler looks at it next without being told.
    pub(super) due: Option<Instant>,
}

/// Where a assignment stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// No rule asks for the agent.
    Idle,
    /// It waits for a slot.
    Queued,
    /// It is on its way.
    Joining { id: u64 },
    /// It is in the room.
    Present { id: u64, peer: PeerId, since: Instant, last_sound: Instant },
    /// It was told to leave.
    Leaving { id: u64, why: String, back: Back },
    /// It failed, and comes again.
    Backoff { until: Instant, why: String },
    /// It is over.
    Finished { why: String, back: Back },
}

/// What brings an agent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// Nothing but a command, or a change of its deploy.
    Never,
    /// The next person: so many had come when it left.
    Person { arrivals: u64 },
    /// The first person after everybody has left.
    FirstPerson { emptied: bool },
    /// The same, or the time when its failures are forgiven.
    Forgiven { emptied: bool, at: Instant },
    /// Nothing is in the way.
    AtOnce,
}

/// How a session stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for a slot.
    Queued,
    /// It is on its way into the room.
    Joining,
    /// It is in the room.
    Running,
    /// It was told to leave.
    Leaving,
    /// It failed, and will be restarted.
    Backoff,
    /// It is over.
    Finished,
}

impl State {
    /// All there are.
    pub const ALL: [State; 6] =
        [State::Queued, State::Joining, State::Running, State::Leaving, State::Backoff, State::Finished];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Joining => "joining",
            State::Running => "running",
            State::Leaving => "leaving",
            State::Backoff => "backoff",
            State::Finished => "finished",
        }
    }
}

impl Assignment {
    pub(super) fn new() -> Assignment {
        Assignment {
            phase: Phase::Idle,
            slot: None,
            failures: VecDeque::new(),
            troubles: 0,
            restarts: 0,
            is_manual: false,
            empty_since: None,
            due: None,
        }
    }

    /// The session that is there or under way.
    pub(super) fn session(&self) -> Option<u64> {
        match &self.phase {
            Phase::Joining { id } | Phase::Present { id, .. } | Phase::Leaving { id, .. } => Some(*id),
            _ => None,
        }
    }

    pub(super) fn state(&self) -> Option<State> {
        Some(match &self.phase {
            Phase::Idle => return None,
            Phase::Queued => State::Queued,
            Phase::Joining { .. } => State::Joining,
            Phase::Present { .. } => State::Running,
            Phase::Leaving { .. } => State::Leaving,
            Phase::Backoff { .. } => State::Backoff,
            Phase::Finished { .. } => State::Finished,
        })
    }

    /// Counts a failure of the agent, and says how long to wait, or that it is given up.
    pub(super) fn on_failure(&mut self, now: Instant, rule: &RestartRule) -> Option<Duration> {
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|at| *at + rule.within < now) {
            self.failures.pop_front();
        }
        let failures = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        (failures <= rule.limit).then(|| wait(rule, failures))
    }

    /// Counts trouble that is not the agent's, and says how long to wait: `at_least` as long as the server asked for.
    pub(super) fn on_trouble(&mut self, rule: &RestartRule, at_least: Duration) -> Duration {
        self.troubles = self.troubles.saturating_add(1);
        wait(rule, self.troubles).max(at_least)
    }
}

/// Twice as long each time, and never the same for two.
fn wait(rule: &RestartRule, times: u32) -> Duration {
    session::wait(rule.first_wait, rule.longest_wait, times.max(1) - 1, fastrand::f64())
}

/// How a session ended, to the reconciler.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::host) enum Outcome {
    /// As it was told.
    Left,
    /// Of its own accord, or because its peer was removed.
    Done(String),
    /// The room is no more.
    RoomGone(String),
    /// The agent's fault: it is restarted so and so often.
    Failed(String),
    /// Somebody else's fault: it comes again for as long as it takes.
    Trouble {
        why: String,
        /// How long the server wants to be left alone.
        at_least: Duration,
    },
    /// It cannot work.
    Hopeless(String),
}

impl From<&Ending> for Outcome {
    fn from(ending: &Ending) -> Outcome {
        let text = ending.to_string();
        match ending {
            Ending::Left => Outcome::Left,
            Ending::AgentDone | Ending::PeerRemoved => Outcome::Done(text),
            Ending::RoomEnded { .. } => Outcome::RoomGone(text),
            Ending::AgentFailed(_) | Ending::AgentStuck(_) | Ending::Crashed(_) => Outcome::Failed(text),
            _ => Outcome::Trouble { why: text, at_least: Duration::ZERO },
        }
    }
}

impl From<&JoinError> for Outcome {
    fn from(error: &JoinError) -> Outcome {
        let text = error.to_string();
        match error {
            JoinError::NoSuchRoom(_) => Outcome::RoomGone(text),
            JoinError::RoomFull(_) => Outcome::Trouble { why: text, at_least: Duration::ZERO },
            JoinError::Platform(error) if error.kind != PlatformErrorKind::BadRequest => {
                Outcome::Trouble { why: text, at_least: error.retry_after.unwrap_or_default() }
            }
            _ => Outcome::Hopeless(text),
        }
    }
}

impl Outcome {
    /// A word for metrics.
    pub(in crate::host) fn name(&self) -> &'static str {
        match self {
            Outcome::Left => "left",
            Outcome::Done(_) => "done",
            Outcome::RoomGone(_) => "room_gone",
            Outcome::Failed(_) => "failed",
            Outcome::Trouble { .. } => "trouble",
            Outcome::Hopeless(_) => "hopeless",
        }
    }

    pub(in crate::host) fn text(&self) -> &str {
        match self {
            Outcome::Left => "the agent left as it was told",
            Outcome::Done(text)
            | Outcome::RoomGone(text)
            | Outcome::Failed(text)
            | Outcome::Trouble { why: text, .. }
            | Outcome::Hopeless(text) => text,
        }
    }
}
