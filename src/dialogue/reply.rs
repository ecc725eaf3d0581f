//! A reply that is being written: the conversation's own code, in a task of its own, which is dropped when nobody wants it any
//! more.

use std::{pin::Pin, sync::Arc};

use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

use crate::{
    agent::AgentError,
    conversation::{AfterReply, Announcer, Conversation, Entry, Part, Speech, UserTurn, turn::ReplyId},
};

/// See the module's head.
pub(super) struct Reply {
    pub(super) id: ReplyId,
    parts: mpsc::Receiver<Part>,
    confirm: watch::Sender<bool>,
    task: Option<JoinHandle<Result<(), AgentError>>>,
    is_over: bool,
    /// What follows when it has been heard.
    pub(super) then: Option<AfterReply>,
    /// When its first text came.
    pub(super) first_text: Option<Instant>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Written {
    Part(Part),
    /// Nothing more comes.
    Over(Result<(), AgentError>),
}

impl Reply {
    /// Has the conversation reply to a turn, or begin where there is none.
    pub(super) fn start<C: Conversation + 'static>(
        id: ReplyId,
        conversation: &Arc<Mutex<C>>,
        turn: Option<UserTurn>,
        context: Arc<[Entry]>,
        announcer: Announcer,
        name: Arc<str>,
    ) -> Reply {
        let (sender, parts) = mpsc::channel(PARTS);
        let (confirm, confirmed) = watch::channel(false);
        let mut speech = Speech::new(sender, confirmed, context, announcer, name);
        let conversation = conversation.clone();
        let task = tokio::spawn(async move {
            let mut conversation = conversation.lock().await;
            match turn {
                Some(turn) => conversation.reply(&turn, &mut speech).await,
                None => conversation.begin(&mut speech).await,
            }
        });
        Reply { id, parts, confirm, task: Some(task), is_over: false, then: None, first_text: None }
    }

    /// One that is written already.
    pub(super) fn of(id: ReplyId, text: String) -> Reply {
        let (sender, parts) = mpsc::channel(1);
        sender.try_send(Part::Text(text)).expect("there is room for one");
        Reply { id, parts, confirm: watch::channel(true).0, task: None, is_over: false, then: None, first_text: None }
    }

    /// It is certain that it is the agent's turn.
    pub(super) fn confirm(&self) {
        self.confirm.send_replace(true);
    }

    /// Waits for more of it. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Written {
        if let Some(part) = self.parts.recv().await {
            if matches!(part, Part::Text(_)) {
                self.first_text.get_or_insert_with(Instant::now);
            }
            return Written::Part(part);
        }
        if self.is_over {
            return std::future::pending().await;
        }
        let result = match &mut self.task {
            Some(task) => Pin::new(task).await.unwrap_or_else(|error| Err(how_it_ended(&error).into())),
            None => Ok(()),
        };
        self.is_over = true;
        Written::Over(result)
    }
}

/// A panic's own words may be what people said.
fn how_it_ended(error: &tokio::task::JoinError) -> &'static str {
    if error.is_panic() { "the conversation panicked" } else { "the conversation was stopped" }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Parts of a reply that wait to be taken.
const PARTS: usize = 16;
