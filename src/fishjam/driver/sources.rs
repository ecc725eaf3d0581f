//! What a driver waits for and what seldom comes: deadlines, work that ends, notifications of the room, the agent's end, the
//! order to leave.
//!
//! These sources are looked at only when one of them has woken the task, so that a frame does not pay for them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::{JoinError as TaskEnd, JoinHandle, JoinSet},
    time::{Sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    Done, GOODBYE,
    ready_set::{ReadySet, ReadySource},
};
use crate::{
    agent::{AgentError, Request},
    fishjam::{
        notifier::{Notifier, NotifierEvent},
        socket::SocketEvent,
    },
    session::end_agent,
};

/// One of them has come.
pub(super) enum DriverEvent {
    Work(Result<Done, TaskEnd>),
    Notifier(NotifierEvent),
    Agent(Result<Result<(), AgentError>, TaskEnd>),
    Request(Request),
    Drain(Duration),
    Leave,
    Time,
    Socket(SocketEvent),
}

pub(super) struct EventSources {
    /// Before the sources, and the socket.
    pub(super) ready: ReadySet,
    sources: Sources,
    /// When the alarm rings, no later than the next deadline. It rings too early rather than being set anew for each
    /// frame.
    alarm_at: Instant,
    alarm: Pin<Box<Sleep>>,
}

struct Sources {
    /// Connections and REST calls under way.
    work: JoinSet<Done>,
    notifier: Option<Notifier>,
    /// One that was refused, and when.
    refused: Option<(Instant, Notifier)>,
    /// `None` once it has ended.
    agent: Option<JoinHandle<Result<(), AgentError>>>,
    leave: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Ready once the host is going to end, with the time that is left.
    drain: Option<Pin<Box<dyn Future<Output = Option<Duration>> + Send>>>,
}

impl EventSources {
    pub(super) fn new(now: Instant, notifier: Notifier, agent: JoinHandle<Result<(), AgentError>>) -> EventSources {
        let alarm = Box::pin(sleep_until(now.into()));
        let sources = Sources {
            work: JoinSet::new(),
            notifier: Some(notifier),
            refused: None,
            agent: Some(agent),
            leave: None,
            drain: None,
        };
        EventSources { ready: ReadySet::default(), sources, alarm_at: now, alarm }
    }

    /// Brings about [`DriverEvent::Leave`] when `leave` is cancelled.
    pub(super) fn leave_on(&mut self, leave: CancellationToken) {
        self.sources.leave = Some(Box::pin(leave.cancelled_owned()));
        self.ready.open(ReadySource::Others);
    }

    /// Listens to the room again, once a refusal is long enough ago.
    pub(super) fn listen_again(&mut self, now: Instant) {
        if let Some((_, notifier)) = self.sources.refused.take_if(|(at, _)| now >= *at + REFUSED) {
            self.sources.notifier = Some(notifier.again());
            self.ready.open(ReadySource::Others);
        }
    }

    /// Brings about [`DriverEvent::Drain`] when there is a time that is left.
    pub(super) fn drain_on(&mut self, mut drain: watch::Receiver<Option<Duration>>) {
        let told = async move { drain.wait_for(Option::is_some).await.ok().and_then(|within| *within) };
        self.sources.drain = Some(Box::pin(told));
        self.ready.open(ReadySource::Others);
    }

    /// Brings about [`DriverEvent::Time`] at `deadline`, or earlier.
    pub(super) fn wake_by(&mut self, deadline: Instant) {
        if deadline < self.alarm_at {
            self.set_alarm(deadline);
        }
    }

    /// The same, where all that was due at `now` has been done.
    pub(super) fn wake_next(&mut self, now: Instant, deadline: Instant) {
        if deadline < self.alarm_at || self.alarm_at <= now {
            self.set_alarm(deadline);
        }
    }

    fn set_alarm(&mut self, deadline: Instant) {
        self.alarm_at = deadline;
        self.alarm.as_mut().reset(deadline.into());
        self.ready.open(ReadySource::Alarm);
    }

    /// Begins some work.
    pub(super) fn spawn(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.sources.work.spawn(work);
        self.ready.open(ReadySource::Others);
    }

    /// Whether the agent has returned, or panicked.
    pub(super) fn agent_is_done(&self) -> bool {
        self.sources.agent.is_none()
    }

    /// Gives the agent a moment to return, and then ends it. Says what it could not finish.
    pub(super) async fn end_agent(&mut self) -> Option<String> {
        let agent = self.sources.agent.as_mut()?;
        end_agent(agent, GOODBYE).await
    }

    pub(super) fn poll(&mut self, requests: &mut mpsc::Receiver<Request>) -> Poll<DriverEvent> {
        let EventSources { ready, sources, alarm, .. } = self;
        if ready.poll(ReadySource::Alarm, |cx| alarm.as_mut().poll(cx)).is_ready() {
            return Poll::Ready(DriverEvent::Time);
        }
        ready.poll(ReadySource::Others, |cx| sources.look(requests, cx).map_or(Poll::Pending, Poll::Ready))
    }
}

impl Sources {
    fn look(&mut self, requests: &mut mpsc::Receiver<Request>, cx: &mut Context<'_>) -> Option<DriverEvent> {
        if let Some(leave) = &mut self.leave
            && leave.as_mut().poll(cx).is_ready()
        {
            self.leave = None;
            return Some(DriverEvent::Leave);
        }
        if let Poll::Ready(Some(done)) = self.work.poll_join_next(cx) {
            return Some(DriverEvent::Work(done));
        }
        if let Some(notifier) = &mut self.notifier {
            match notifier.poll_next(cx) {
                Poll::Ready(Some(event)) => return Some(DriverEvent::Notifier(event)),
                Poll::Ready(None) => self.refused = self.notifier.take().map(|notifier| (Instant::now(), notifier)),
                Poll::Pending => {}
            }
        }
        if let Some(agent) = &mut self.agent
            && let Poll::Ready(end) = Pin::new(agent).poll(cx)
        {
            self.agent = None;
            return Some(DriverEvent::Agent(end));
        }
        if let Some(drain) = &mut self.drain
            && let Poll::Ready(told) = drain.as_mut().poll(cx)
        {
            self.drain = None;
            if let Some(within) = told {
                return Some(DriverEvent::Drain(within));
            }
        }
        match requests.poll_recv(cx) {
            Poll::Ready(Some(request)) => Some(DriverEvent::Request(request)),
            Poll::Ready(None) | Poll::Pending => None,
        }
    }
}

/// How long a notifier whose token was refused is left alone.
const REFUSED: Duration = Duration::from_secs(30);
