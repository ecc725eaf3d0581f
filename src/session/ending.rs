//! How a session ended: one line for people, one kind for programs.

use std::time::Duration;

use tokio::{
    task::{JoinError as TaskEnd, JoinHandle},
    time::timeout,
};

use crate::{agent::AgentError, signal::CloseReason};

/// Why an agent is no longer in its room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ending {
    /// It was told to leave, and left.
    #[error("the agent left as it was told")]
    Left,
    /// The agent returned of its own accord.
    #[error("the agent was done and left")]
    AgentDone,
    /// The agent returned an error, or panicked.
    #[error("the agent failed: {0}")]
    AgentFailed(String),
    /// The agent stopped reading what it is told.
    #[error("the agent was given up: {0}")]
    AgentStuck(String),
    /// The room was deleted, or crashed.
    #[error("the room {}", if *crashed { "crashed" } else { "was deleted" })]
    RoomEnded {
        /// It was not deleted on purpose.
        crashed: bool,
    },
    /// The agent's peer was deleted.
    #[error("the agent's peer was deleted from the room")]
    PeerRemoved,
    /// The server refuses the agent's token, a fresh one too.
    #[error("the server refuses the agent's token: {0}")]
    TokenRefused(String),
    /// The room takes no more peers.
    #[error("the room is full; raise its maxPeers or remove a peer")]
    RoomFull,
    /// The server's side of the agent crashed again and again.
    #[error("the server's side of the agent keeps crashing: {0}")]
    Crashed(CloseReason),
    /// The agent socket cannot be had at this address.
    #[error("the agent socket was refused: {0}")]
    Refused(String),
    /// The link was away for too long.
    #[error("gave up after {attempts} attempts in {} s: {last}", after.as_secs())]
    LinkGone {
        /// How often it was tried.
        attempts: u32,
        /// For how long.
        after: Duration,
        /// What went wrong last.
        last: String,
    },
}

impl Ending {
    /// Whether the session ended as somebody meant it to.
    pub fn is_regular(&self) -> bool {
        matches!(self, Ending::Left | Ending::AgentDone | Ending::PeerRemoved | Ending::RoomEnded { crashed: false })
    }
}

/// What an agent's end says of what went wrong.
pub(crate) fn agent_failure(end: Result<Result<(), AgentError>, TaskEnd>) -> Option<String> {
    match end {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(end) => Some(panic_text(end)),
    }
}

/// Waits for an agent whose time is over to return, and ends it if it does not. Says what went wrong.
pub(crate) async fn end_agent(agent: &mut JoinHandle<Result<(), AgentError>>, within: Duration) -> Option<String> {
    match timeout(within, &mut *agent).await {
        Ok(end) => agent_failure(end),
        Err(_) => {
            tracing::warn!("the agent did not return in time and was ended");
            agent.abort();
            None
        }
    }
}

/// What a panic said, or that it was none.
pub(crate) fn panic_text(end: TaskEnd) -> String {
    let Ok(payload) = end.try_into_panic() else { return "it was cancelled".into() };
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    format!("it panicked: {}", text.as_deref().unwrap_or("without a word"))
}
