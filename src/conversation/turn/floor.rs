//! Who has the floor: the one state of a conversation.

use std::time::Duration;

use super::{ReplyId, Said};
use crate::event::PeerId;

/// Each state but the last has a time at which it ends at the latest; see `TurnMachine::deadline`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Floor {
    /// Nobody speaks, nothing is to be said.
    Idle { since: Duration },
    /// Somebody speaks to the agent.
    Listening { since: Duration },
    /// They are silent; it may be the end of their turn.
    Deciding { speaker: PeerId, since: Duration, early: Option<Early> },
    /// The agent has a turn, and nothing of it is heard yet.
    Thinking(Reply),
    /// It is heard.
    Speaking(Reply),
    /// It is silent until it is known whether somebody takes the turn.
    Paused { reply: Reply, by: PeerId, since: Duration, heard: bool },
    /// The conversation is over.
    Ended,
}

/// A reply that is prepared before its turn.
#[derive(Clone, PartialEq)]
pub(super) struct Early {
    pub(super) reply: ReplyId,
    /// What it is to.
    pub(super) text: String,
}

impl std::fmt::Debug for Early {
    /// What was said stays private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Early({:?})", self.reply)
    }
}

/// A reply whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) id: ReplyId,
    /// What it is to; nothing for what the agent says by itself.
    pub(super) said: Option<Said>,
    /// Since when it is worked on, or heard.
    pub(super) since: Duration,
}
