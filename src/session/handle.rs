//! One running session, as whoever began it holds it, and the other end, as whoever drives it does.

use std::{
    fmt,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Counters, Ending, SessionEvent, SessionEventKind, SessionMonitor, SessionSummary};
use crate::{
    event::{PeerId, RoomId},
    signal::PublishedTrack,
};

/// An agent's session in a room. Dropping it makes the agent leave, without anyone to wait for it.
#[derive(Debug)]
pub struct SessionHandle {
    /// The room.
    pub room: RoomId,
    /// The agent's peer.
    pub peer: PeerId,
    /// The track of the agent's voice, if it has one.
    pub voice: Option<PublishedTrack>,
    /// When the agent was made: what events count from.
    pub begun: Instant,
    /// What happens, as it happens. It need not be read: what does not fit is dropped and counted.
    pub events: mpsc::Receiver<SessionEvent>,
    joined: watch::Receiver<bool>,
    leave: CancellationToken,
    drain: watch::Sender<Option<Duration>>,
    monitor: SessionMonitor,
    driver: JoinHandle<SessionSummary>,
}

impl SessionHandle {
    /// Waits until the agent is in the room; `false` if it ends before that. This is told whatever becomes of
    /// `events`, and may be asked for while they are read.
    pub fn joined(&self) -> impl Future<Output = bool> + use<> {
        let mut joined = self.joined.clone();
        async move { joined.wait_for(|is_in| *is_in).await.is_ok() }
    }

    /// Tells the agent to leave; it is gone within two seconds.
    pub fn leave(&self) {
        self.leave.cancel();
    }

    /// Something that makes the agent leave from elsewhere.
    pub fn leave_token(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// Tells the agent that it is going to be told to leave, `within` this time.
    pub fn drain(&self, within: Duration) {
        self.drain.send_replace(Some(within));
    }

    /// A look at what is going on.
    pub fn monitor(&self) -> SessionMonitor {
        self.monitor.clone()
    }

    /// Waits until the agent is gone.
    pub async fn ended(mut self) -> SessionSummary {
        match (&mut self.driver).await {
            Ok(summary) => summary,
            // Nobody aborts it but a runtime that ends, and whoever waits here ends with it.
            Err(end) if end.is_cancelled() => std::future::pending().await,
            Err(end) => std::panic::resume_unwind(end.into_panic()),
        }
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        self.leave.cancel();
    }
}

/// The driver's end of a session: what it tells, and what it is told.
#[derive(Debug)]
pub struct SessionLink {
    /// When the agent was made.
    pub begun: tokio::time::Instant,
    /// Cancelled when the agent is to leave.
    pub leave: CancellationToken,
    /// Holds how long the agent may go on, once its host is going to end.
    pub drain: watch::Receiver<Option<Duration>>,
    /// Where counters and levels are shown.
    pub monitor: SessionMonitor,
    events: mpsc::Sender<SessionEvent>,
    joined: watch::Sender<bool>,
    unread_events: u64,
    follower: Option<Follower>,
}

/// Is shown every event, whether somebody reads them or not.
struct Follower(Box<dyn FnMut(&SessionEvent) + Send>);

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Follower")
    }
}

impl SessionLink {
    /// The agent is in its room, for the first time.
    pub fn tell_joined(&mut self) {
        self.joined.send_replace(true);
        self.tell(SessionEventKind::Joined);
    }

    /// Tells whoever follows. One that is behind loses events, never sound, and what comes often before what a session
    /// hangs on.
    pub fn tell(&mut self, kind: SessionEventKind) {
        let has_room = kind.is_essential() || self.events.capacity() > FOR_ESSENTIALS;
        let event = SessionEvent { at: self.begun.elapsed(), kind };
        if let Some(Follower(follow)) = &mut self.follower {
            follow(&event);
        }
        let told = has_room && self.events.try_send(event).is_ok();
        self.unread_events += u64::from(!told);
    }

    /// Shows every event to this, too, before any is dropped.
    #[cfg(feature = "console")]
    pub(crate) fn follow(&mut self, follow: impl FnMut(&SessionEvent) + Send + 'static) {
        self.follower = Some(Follower(Box::new(follow)));
    }

    /// How it was: shows the last counters, and sums up. Tell the ending before.
    pub fn sum_up(
        &self,
        ending: Ending,
        agent_error: Option<String>,
        counters: Counters,
        leaves_peer: bool,
    ) -> SessionSummary {
        self.monitor.publish(counters);
        let (stayed, unread_events) = (self.begun.elapsed(), self.unread_events);
        SessionSummary { ending, agent_error, stayed, counters, leaves_peer, unread_events }
    }

    /// Events that found no room because nobody read them.
    pub fn unread_events(&self) -> u64 {
        self.unread_events
    }
}

/// A session that is about to run.
#[derive(Debug)]
pub struct PendingSession {
    room: RoomId,
    peer: PeerId,
    voice: Option<PublishedTrack>,
    begun: Instant,
    events: mpsc::Receiver<SessionEvent>,
    joined: watch::Receiver<bool>,
    leave: CancellationToken,
    drain: watch::Sender<Option<Duration>>,
    monitor: SessionMonitor,
}

impl PendingSession {
    /// Both ends of a session of the agent that is `peer` in `room`, and speaks on `voice`.
    pub fn new(room: RoomId, peer: PeerId, voice: Option<PublishedTrack>) -> (PendingSession, SessionLink) {
        let (sender, events) = mpsc::channel(EVENTS);
        let (is_in, joined) = watch::channel(false);
        let (drain, draining) = watch::channel(None);
        let (begun, monitor, leave) =
            (tokio::time::Instant::now(), SessionMonitor::default(), CancellationToken::new());
        let link = SessionLink {
            begun,
            leave: leave.clone(),
            drain: draining,
            monitor: monitor.clone(),
            events: sender,
            joined: is_in,
            unread_events: 0,
            follower: None,
        };
        let begun = begun.into_std();
        (PendingSession { room, peer, voice, begun, events, joined, leave, drain, monitor }, link)
    }

    /// Runs what drives it.
    pub fn spawn(self, drive: impl Future<Output = SessionSummary> + Send + 'static) -> SessionHandle {
        let PendingSession { room, peer, voice, begun, events, joined, leave, drain, monitor } = self;
        let driver = tokio::spawn(drive);
        SessionHandle { room, peer, voice, begun, events, joined, leave, drain, monitor, driver }
    }
}

/// Events that may wait for a reader.
const EVENTS: usize = 1_024;
/// Those of them that the ones which come often leave free.
const FOR_ESSENTIALS: usize = 256;
