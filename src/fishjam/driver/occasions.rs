//! What a driver waits for and what seldom comes: work that ends, news of the room, the agent's end, the order to leave.
//!
//! Sound comes a hundred times a second. These sources are looked at only when one of them has woken the task, so
//! that a frame does not pay for them.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::{ArcWake, AtomicWaker, waker_ref};
use tokio::{
    sync::mpsc,
    task::{JoinError as TaskEnd, JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Done, GOODBYE};
use crate::{
    agent::{AgentError, Capture},
    fishjam::notifier::{Notifier, NotifierEvent},
};

/// One of them has come.
pub(super) enum Occasion {
    Work(Result<Done, TaskEnd>),
    Notifier(NotifierEvent),
    Agent(Result<Result<(), AgentError>, TaskEnd>),
    Capture(Capture),
    Leave,
}

pub(super) struct Occasions {
    /// Connections and REST calls under way.
    work: JoinSet<Done>,
    notifier: Option<Notifier>,
    /// `None` once it has ended.
    agent: Option<JoinHandle<Result<(), AgentError>>>,
    leave: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    bell: Arc<Bell>,
}

/// Wakes the driver's task, and says that it was one of these sources.
struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Bell>) {
        bell.has_rung.store(true, Ordering::Release);
        bell.task.wake();
    }
}

impl Occasions {
    pub(super) fn new(notifier: Notifier, agent: JoinHandle<Result<(), AgentError>>) -> Occasions {
        let bell = Arc::new(Bell { has_rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Occasions { work: JoinSet::new(), notifier: Some(notifier), agent: Some(agent), leave: None, bell }
    }

    /// Brings about [`Occasion::Leave`] when `leave` is cancelled.
    pub(super) fn leave_on(&mut self, leave: CancellationToken) {
        self.leave = Some(Box::pin(leave.cancelled_owned()));
    }

    /// Begins some work.
    pub(super) fn spawn(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.work.spawn(work);
        self.bell.has_rung.store(true, Ordering::Release);
    }

    /// Whether the agent has returned, or panicked.
    pub(super) fn agent_is_done(&self) -> bool {
        self.agent.is_none()
    }

    /// Gives the agent a moment to return, and then ends it.
    pub(super) async fn end_agent(&mut self) {
        if let Some(agent) = &mut self.agent
            && timeout(GOODBYE, &mut *agent).await.is_err()
        {
            tracing::warn!("the agent did not return in time and was ended");
            agent.abort();
        }
    }

    pub(super) fn poll(&mut self, captures: &mut mpsc::Receiver<Capture>, cx: &mut Context<'_>) -> Poll<Occasion> {
        // Registered before the look: a bell that rings in between is heard.
        self.bell.task.register(cx.waker());
        if !self.bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let bell = self.bell.clone();
        let waker = waker_ref(&bell);
        match self.look(captures, &mut Context::from_waker(&waker)) {
            Some(occasion) => {
                // The others have not been looked at.
                bell.has_rung.store(true, Ordering::Release);
                Poll::Ready(occasion)
            }
            None => Poll::Pending,
        }
    }

    fn look(&mut self, captures: &mut mpsc::Receiver<Capture>, cx: &mut Context<'_>) -> Option<Occasion> {
        if let Some(leave) = &mut self.leave
            && leave.as_mut().poll(cx).is_ready()
        {
            self.leave = None;
            return Some(Occasion::Leave);
        }
        if let Poll::Ready(Some(done)) = self.work.poll_join_next(cx) {
            return Some(Occasion::Work(done));
        }
        if let Some(notifier) = &mut self.notifier {
            match notifier.poll_next(cx) {
                Poll::Ready(Some(event)) => return Some(Occasion::Notifier(event)),
                Poll::Ready(None) => self.notifier = None,
                Poll::Pending => {}
            }
        }
        if let Some(agent) = &mut self.agent
            && let Poll::Ready(end) = Pin::new(agent).poll(cx)
        {
            self.agent = None;
            return Some(Occasion::Agent(end));
        }
        match captures.poll_recv(cx) {
            Poll::Ready(Some(capture)) => Some(Occasion::Capture(capture)),
            Poll::Ready(None) | Poll::Pending => None,
        }
    }
}
