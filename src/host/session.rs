//! One agent in one room, from the order to its end.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    captions::Captions,
    config::Deploy,
    guard::Guarded,
    id::HostId,
    journal::{Journal, StalePeers},
    orphans::OrphanPeers,
    reconciler::{Key, Outcome},
    secrets::Secrets,
    sink::Sinks,
    watchdog::Watchdog,
};
use crate::{
    agent::Agent,
    event::{PeerId, RoomId},
    platform::{JoinError, JoinOptions, Platform},
    session::{Backoff, SessionHandle, SessionMonitor, SessionSummary, SubscriptionFilter, panic_text},
    text::count,
};

/// What every session needs.
pub(super) struct SessionContext {
    pub(super) id: HostId,
    pub(super) platform: Arc<dyn Platform>,
    pub(super) secrets: Secrets,
    pub(super) journal: Option<Journal>,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) sinks: Sinks,
    pub(super) captions: Captions,
    pub(super) orphans: OrphanPeers,
    /// What is to be done even when all sessions have ended.
    pub(super) tasks: TaskTracker,
    /// Those who are on their way.
    pub(super) joins: Semaphore,
    pub(super) updates: mpsc::Sender<SessionUpdate>,
}

/// What a session tells.
pub(super) enum SessionUpdate {
    Joined { id: u64, peer: PeerId, monitor: SessionMonitor, took: Duration },
    Ended { id: u64, outcome: Outcome, end: Box<Option<(PeerId, SessionSummary)>> },
}

/// What a session is told by.
#[derive(Debug, Clone)]
pub(super) struct ControlSignals {
    pub(super) leave: CancellationToken,
    pub(super) drain: watch::Receiver<Option<Duration>>,
}

/// How it ended, and the peer that it was, if it came that far.
type SessionEnd = (Outcome, Option<(PeerId, SessionSummary)>);

/// Begins a session; its end is told in any case.
pub(super) fn spawn(context: &Arc<SessionContext>, id: u64, key: Key, deploy: Arc<Deploy>, signals: ControlSignals) {
    let context = context.clone();
    // Every line that is logged from here on, and every trace, says whose it is.
    let span = tracing::info_span!("session", room = %key.room, deploy = %key.deploy, session = context.id.session(id));
    let task = async move {
        // A panic in what the agent does here, too, is the agent's.
        let work = tokio::spawn({
            let context = context.clone();
            async move { context.run(id, key, &deploy, signals).await }.in_current_span()
        });
        let (outcome, end) = work.await.unwrap_or_else(|end| (Outcome::Failed(panic_text(end)), None));
        // Whoever has gone need not be told.
        context.updates.send(SessionUpdate::Ended { id, outcome, end: Box::new(end) }).await.ok();
    };
    tokio::spawn(task.instrument(span));
}

impl SessionContext {
    async fn run(
        self: &Arc<SessionContext>,
        id: u64,
        key: Key,
        deploy: &Deploy,
        signals: ControlSignals,
    ) -> SessionEnd {
        let permit = tokio::select! {
            permit = self.joins.acquire() => permit.expect("it is never closed"),
            () = signals.leave.cancelled() => return (Outcome::Left, None),
        };
        let begun = Instant::now();
        match self.join(id, &key, deploy).instrument(tracing::info_span!("join")).await {
            Ok(handle) => self.follow(id, &key, deploy, handle, signals, (begun, permit)).await,
            Err(outcome) => (outcome, None),
        }
    }

    async fn join(self: &Arc<SessionContext>, id: u64, key: &Key, deploy: &Deploy) -> Result<SessionHandle, Outcome> {
        let begun = Instant::now();
        let agent = make(deploy).map_err(Outcome::Hopeless)?;
        let (own_thread, watchdog) = (deploy.own_thread, self.watchdog.clone());
        if let Some(journal) = &self.journal {
            journal.making(&key.room);
        }
        let guarded = Box::new(Guarded { agent, id, key: key.clone(), own_thread, watchdog });
        let wants = {
            let _unwinding = Unwinding { context: self, room: &key.room };
            guarded.requirements()
        };
        let options = options(&key.room, deploy);
        // Written down before it is connected: whoever comes after a crash finds it.
        let seat = match self.platform.prepare(options, wants).await {
            Ok(seat) => seat,
            Err(error) => return Err(self.on_refused(key, begun, &error)),
        };
        let peer = seat.peer().clone();
        if let Some(journal) = &self.journal {
            journal.made(&key.room, &peer);
        }
        match seat.enter(guarded).await {
            Ok(handle) => Ok(handle),
            Err(error) => {
                self.tasks.spawn(self.clone().remove_later(key.room.clone(), peer));
                Err(Outcome::from(&error))
            }
        }
    }

    /// There is no peer, or one that nobody has heard of.
    fn on_refused(self: &Arc<SessionContext>, key: &Key, begun: Instant, error: &JoinError) -> Outcome {
        match error.may_leave_peer() {
            true => drop(tokio::spawn(self.clone().remove_stray(key.room.clone(), begun))),
            false => self.unmade(&key.room),
        }
        Outcome::from(error)
    }

    /// Tells what happens, and obeys, until the agent is gone. It is on its way until it is in its room.
    async fn follow(
        self: &Arc<SessionContext>,
        id: u64,
        key: &Key,
        deploy: &Deploy,
        mut handle: SessionHandle,
        mut signals: ControlSignals,
        (begun, permit): (Instant, SemaphorePermit<'_>),
    ) -> SessionEnd {
        let mut permit = Some(permit);
        let sink = self.sinks.open(&deploy.sink, key, &handle.peer, self.id.session(id));
        let captions = self.captions.open(key, self.id.session(id));
        let mut is_leaving = false;
        let joined = handle.joined();
        tokio::pin!(joined);
        loop {
            tokio::select! {
                is_in = &mut joined, if permit.is_some() => {
                    permit = None;
                    if is_in {
                        let (peer, monitor) = (handle.peer.clone(), handle.monitor());
                        self.updates.send(SessionUpdate::Joined { id, peer, monitor, took: begun.elapsed() }).await.ok();
                    }
                }
                event = handle.events.recv() => {
                    let Some(event) = event else { break };
                    captions.tell(&event);
                    if let Some(sink) = &sink {
                        sink.write(&event);
                    }
                }
                () = signals.leave.cancelled(), if !is_leaving => {
                    is_leaving = true;
                    handle.leave();
                }
                Ok(()) = signals.drain.changed() => {
                    if let Some(within) = *signals.drain.borrow_and_update() {
                        handle.drain(within);
                    }
                }
            }
        }
        drop(permit);
        self.end(handle).await
    }

    async fn end(self: &Arc<SessionContext>, handle: SessionHandle) -> SessionEnd {
        let (room, peer) = (handle.room.clone(), handle.peer.clone());
        let summary = handle.ended().await;
        match summary.leaves_peer {
            true => drop(self.tasks.spawn(self.clone().remove_later(room, peer.clone()))),
            false => self.forget(&peer),
        }
        (Outcome::from(&summary.ending), Some((peer, summary)))
    }

    /// No peer was made in `room`, or it is gone.
    pub(super) fn unmade(&self, room: &RoomId) {
        if let Some(journal) = &self.journal {
            journal.unmade(room);
        }
    }

    fn forget(&self, peer: &PeerId) {
        if let Some(journal) = &self.journal {
            journal.gone(peer);
        }
    }

    /// Removes the peers that dead processes left, tells that by `cleared`, and looks for those that they were making.
    pub(super) async fn clear_up(self: &Arc<SessionContext>, stale: StalePeers, cleared: impl Future<Output = ()>) {
        if !stale.peers.is_empty() {
            tracing::warn!("removing {} of a process that is no more", count(stale.peers.len(), "peer"));
        }
        let mut of_rooms: BTreeMap<RoomId, Vec<PeerId>> = BTreeMap::new();
        stale.peers.iter().for_each(|(room, peer)| of_rooms.entry(room.clone()).or_default().push(peer.clone()));
        let removals = of_rooms.into_iter().map(|(room, peers)| self.clone().remove_agents(room, peers));
        let removed: Vec<bool> = futures_util::stream::iter(removals).buffer_unordered(REMOVED_AT_ONCE).collect().await;
        cleared.await;
        let rooms = stale.rooms.clone().into_iter();
        let looks = rooms.map(|(room, most)| self.clone().remove_stray_of_the_dead(room, most));
        let looked: Vec<bool> = futures_util::stream::iter(looks).buffer_unordered(REMOVED_AT_ONCE).collect().await;
        if removed.into_iter().chain(looked).all(|is_gone| is_gone) {
            stale.forget();
        }
    }

    /// Waits until what is left to be done is done, `within` this time.
    pub(super) async fn finish(&self, within: Duration) {
        self.tasks.close();
        if timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("some peers may stay behind, or some lines of events be lost: the server did not answer");
        }
    }

    /// A peer whose removal failed is removed as soon as the server lets it.
    async fn remove_later(self: Arc<SessionContext>, room: RoomId, peer: PeerId) {
        if self.remove(&room, &peer).await {
            self.forget(&peer);
        }
    }

    /// Removes a peer, however often that takes within a few minutes. Says whether it is gone.
    pub(super) async fn remove(&self, room: &RoomId, peer: &PeerId) -> bool {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        while backoff.attempts() < REMOVALS {
            match self.platform.remove_peer(room, peer).await {
                Err(error) if error.may_pass() => tokio::time::sleep(backoff.next_wait()).await,
                Err(error) if !error.is_not_found() => {
                    tracing::warn!(%room, %peer, "a peer stays behind: {error}");
                    return false;
                }
                _ => return true,
            }
        }
        tracing::warn!(%room, %peer, "a peer stays behind: the server did not remove it");
        false
    }
}

fn make(deploy: &Deploy) -> Result<Box<dyn Agent>, String> {
    let maker = deploy.maker.0.as_ref().ok_or_else(|| format!("the agent {:?} was not prepared", deploy.agent))?;
    catch_unwind(AssertUnwindSafe(|| maker.make())).map_err(|_| "the agent panicked while it was made".to_owned())
}

/// A peer is being made. What panics meanwhile is the agent, which says what it wants before that.
struct Unwinding<'a> {
    context: &'a SessionContext,
    room: &'a RoomId,
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.context.unmade(self.room);
        }
    }
}

fn options(room: &RoomId, deploy: &Deploy) -> JoinOptions {
    JoinOptions {
        hear: deploy.hear.whom,
        filter: SubscriptionFilter { peers: deploy.hear.peers.clone(), metadata: deploy.hear.metadata.clone() },
        voice: deploy.voice.clone(),
        voice_metadata: deploy.track_metadata.clone().map(Into::into),
        subscribe: deploy.hear.subscribe,
        subscribe_to_heard: true,
        lead: deploy.lead,
        ..JoinOptions::new(room.clone())
    }
}

/// Peers that are removed at a time.
const REMOVED_AT_ONCE: usize = 50;
/// How often a removal is tried: for about a quarter of an hour.
const REMOVALS: u32 = 60;
