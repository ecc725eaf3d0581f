//! What an agent that converses implements: one method, called for each turn of a person.
//!
//! ```
//! use async_trait::async_trait;
//! use roomtone::{agent::AgentError, conversation::{Conversation, Speech, UserTurn}};
//!
//! struct Parrot;
//!
//! #[async_trait]
//! impl Conversation for Parrot {
//!     async fn reply(&mut self, turn: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
//!         say.text(&format!("{} said: {}", turn.who(), turn.text)).await;
//!         Ok(())
//!     }
//! }
//! ```

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use super::Entry;
use crate::{agent::AgentError, event::PeerId};

/// An agent that converses. Whose turn it is, hearing, speaking, interruptions and what was heard are the runtime's; see
/// [`dialogue::Dialogue`](crate::dialogue::Dialogue).
#[async_trait]
pub trait Conversation: Send {
    /// The agent has come into the room, and may speak first.
    ///
    /// # Errors
    /// Whatever it cannot go on from; the session ends with it.
    async fn begin(&mut self, say: &mut Speech) -> Result<(), AgentError> {
        let _ = say;
        Ok(())
    }

    /// It is the agent's turn. What it says is heard sentence by sentence while it goes on. The future is dropped at an
    /// `await` when somebody interrupts, and when the person went on after all: then the same turn comes again, longer.
    ///
    /// # Errors
    /// Whatever it cannot go on from; the session ends with it.
    async fn reply(&mut self, turn: &UserTurn, say: &mut Speech) -> Result<(), AgentError>;
}

/// What somebody said to the agent.
#[derive(Clone, PartialEq)]
pub struct UserTurn {
    /// Who.
    pub speaker: PeerId,
    /// What they are called, where the room knows.
    pub name: Option<Arc<str>>,
    /// The words.
    pub text: String,
    /// When the speech began and ended, on the clock of the agent's frames.
    pub begins: Duration,
    /// The end of its last sound.
    pub ends: Duration,
    /// Whether an engine failed, so that the text may lack its end.
    pub stood_in: bool,
}

impl UserTurn {
    /// The speaker's name, or else its id.
    pub fn who(&self) -> &str {
        self.name.as_deref().unwrap_or(self.speaker.as_str())
    }
}

impl fmt::Debug for UserTurn {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserTurn(of {}, {} bytes)", self.speaker, self.text.len())
    }
}

/// What an agent speaks with during one reply.
#[derive(Debug)]
pub struct Speech {
    parts: mpsc::Sender<Part>,
    confirmed: watch::Receiver<bool>,
    context: Arc<[Entry]>,
    announcer: Announcer,
    conversation: Arc<str>,
}

/// Some of a reply.
pub(crate) enum Part {
    Text(String),
    /// What was given so far is said though its last sentence has no end.
    Flush,
    /// What happens when this reply has been heard.
    Then(AfterReply),
}

/// What follows a reply that has been heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterReply {
    /// The conversation is over.
    End,
    /// It is people's.
    HandOver,
}

impl fmt::Debug for Part {
    /// What is said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Text(_) => "Text",
            Part::Flush => "Flush",
            Part::Then(AfterReply::End) => "End",
            Part::Then(AfterReply::HandOver) => "HandOver",
        })
    }
}

impl Speech {
    pub(crate) fn new(
        parts: mpsc::Sender<Part>,
        confirmed: watch::Receiver<bool>,
        context: Arc<[Entry]>,
        announcer: Announcer,
        conversation: Arc<str>,
    ) -> Speech {
        Speech { parts, confirmed, context, announcer, conversation }
    }

    /// Says more. Text may come in pieces of any size; a sentence is said as soon as it is whole. Waits while far more has been
    /// given than was said.
    pub async fn text(&mut self, text: &str) {
        // Nobody takes it any more: the reply is about to be dropped.
        self.parts.send(Part::Text(text.to_owned())).await.ok();
    }

    /// Says what was given so far, though its last sentence has no end.
    pub async fn flush(&mut self) {
        self.parts.send(Part::Flush).await.ok();
    }

    /// Ends the conversation when this reply has been heard.
    pub async fn end(&mut self) {
        self.parts.send(Part::Then(AfterReply::End)).await.ok();
    }

    /// Leaves the conversation to people when this reply has been heard: the agent stays in the room, hears and remembers what is
    /// said, and says nothing, by itself neither, until somebody calls it back with a phrase of
    /// [`TurnSettings::called_back_by`](super::turn::TurnSettings::called_back_by).
    pub async fn hand_over(&mut self) {
        self.parts.send(Part::Then(AfterReply::HandOver)).await.ok();
    }

    /// Waits until it is certain that it is the agent's turn. A reply is begun before that, and taken back if the person goes on;
    /// what has an effect beyond the reply, such as a tool, belongs behind this.
    pub async fn confirmed(&mut self) {
        let confirmed = self.confirmed.wait_for(|confirmed| *confirmed).await.is_ok();
        if !confirmed {
            // It was taken back: what is behind this is not done.
            std::future::pending::<()>().await;
        }
    }

    /// What was said before, the oldest first.
    pub fn context(&self) -> &Arc<[Entry]> {
        &self.context
    }

    /// What traces call the conversation, as in `gen_ai.conversation.id`.
    pub fn conversation(&self) -> &str {
        &self.conversation
    }

    /// What speaks outside of replies, whenever nobody else does.
    pub fn announcer(&self) -> Announcer {
        self.announcer.clone()
    }
}

/// Says things on the agent's own account, from any task: they wait until nobody speaks. While people have the conversation to
/// themselves nothing is said. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Announcer(mpsc::Sender<Announced>);

/// What is said or done outside of replies.
pub(crate) enum Announced {
    Text(String),
    TakeOver,
}

impl Announcer {
    pub(crate) fn new(sender: mpsc::Sender<Announced>) -> Announcer {
        Announcer(sender)
    }

    /// Says something. Says whether it was taken: of more than 16 that wait, none is.
    pub fn say(&self, text: &str) -> bool {
        self.0.try_send(Announced::Text(text.to_owned())).is_ok()
    }

    /// Takes a conversation that was [left to people](Speech::hand_over) over again, as somebody's call would: a colleague did not
    /// come, or has left. Says whether that was taken, likewise.
    pub fn take_over(&self) -> bool {
        self.0.try_send(Announced::TakeOver).is_ok()
    }
}
