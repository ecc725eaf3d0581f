//! What an agent may do in its room beside speaking: whether a platform has it depends on its wire.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::notes::Request;
use crate::event::PeerId;

/// Something that an agent does in its room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Writes into the room's chat.
    Say {
        /// What.
        text: String,
    },
    /// Takes a message out of the chat.
    DeleteMessage {
        /// Its id.
        id: String,
    },
    /// Keeps a peer's sound from the others, or lets it be heard again.
    MuteAudio {
        /// Whose.
        peer: PeerId,
        /// Whether it is muted.
        muted: bool,
    },
    /// Keeps a peer's pictures from the others, or shows them again.
    MuteVideo {
        /// Whose.
        peer: PeerId,
        /// Whether it is muted.
        muted: bool,
    },
    /// Takes a peer out of the room.
    Remove {
        /// Which.
        peer: PeerId,
    },
    /// Gets a peer's sound, where sound is asked for peer by peer.
    Subscribe {
        /// Whose.
        peer: PeerId,
    },
}

impl Action {
    /// What it is called, as in `mute audio`.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Say { .. } => "say",
            Action::DeleteMessage { .. } => "delete message",
            Action::MuteAudio { muted: true, .. } => "mute audio",
            Action::MuteAudio { muted: false, .. } => "unmute audio",
            Action::MuteVideo { muted: true, .. } => "mute video",
            Action::MuteVideo { muted: false, .. } => "unmute video",
            Action::Remove { .. } => "remove",
            Action::Subscribe { .. } => "subscribe",
        }
    }
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// The platform has no such thing.
    #[error("{action}: {why}")]
    Unsupported {
        /// What was asked for.
        action: &'static str,
        /// Why it cannot be.
        why: String,
    },
    /// The platform refused.
    #[error("{action} was refused: {why}")]
    Refused {
        /// What was asked for.
        action: &'static str,
        /// The platform's word.
        why: String,
    },
    /// Nobody knows whether it was done.
    #[error("{action} was not answered: {why}")]
    Unanswered {
        /// What was asked for.
        action: &'static str,
        /// What is known of the cause.
        why: String,
    },
}

impl ActionError {
    /// The platform has no such thing.
    pub fn unsupported(action: &Action, platform: &str) -> ActionError {
        ActionError::Unsupported { action: action.name(), why: format!("{platform} has no message for that") }
    }

    /// The platform refused.
    pub fn refused(action: &Action, why: impl Into<String>) -> ActionError {
        ActionError::Refused { action: action.name(), why: why.into() }
    }

    /// Nobody knows whether it was done.
    pub fn unanswered(action: &Action, why: impl Into<String>) -> ActionError {
        ActionError::Unanswered { action: action.name(), why: why.into() }
    }
}

/// Does things in the agent's room. Cheap to clone.
///
/// ```
/// # use roomtone::agent::{Action, ActionError, Room};
/// # async fn example(room: &Room, peer: roomtone::event::PeerId) {
/// match room.actions.act(Action::MuteAudio { peer, muted: true }).await {
///     Ok(()) => {}
///     Err(ActionError::Unsupported { why, .. }) => println!("not here: {why}"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Actions(mpsc::Sender<Request>);

/// An action on its way.
#[derive(Debug)]
pub(crate) struct PendingAction {
    pub(crate) action: Action,
    pub(crate) reply: oneshot::Sender<Result<(), ActionError>>,
}

impl Actions {
    pub(super) fn new(requests: mpsc::Sender<Request>) -> Actions {
        Actions(requests)
    }

    /// Does something, and waits until the platform has said how it went, for 15 s at most.
    ///
    /// # Errors
    /// [`ActionError`].
    pub async fn act(&self, action: Action) -> Result<(), ActionError> {
        let (reply, answer) = oneshot::channel();
        let over = |why: &str| ActionError::unanswered(&action, why);
        let asked = PendingAction { action: action.clone(), reply };
        match self.0.try_send(Request::Act(asked)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(over("too much was asked for at once")),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(over("the agent's time in the room is over")),
        }
        match timeout(ANSWER, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(over("the agent's time in the room is over")),
            Err(_) => Err(over(&format!("nothing came within {} s", ANSWER.as_secs()))),
        }
    }
}

/// Longer than any platform's own limit.
const ANSWER: Duration = Duration::from_secs(15);
