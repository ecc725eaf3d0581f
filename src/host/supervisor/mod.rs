//! The task that owns a host: it brings the reconciler what happens, and carries out its orders.

mod answers;
mod commands;
mod looks;

use std::{
    collections::HashMap,
    future::pending,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    config::Config,
    control::{Command, Reloaded},
    journal::StalePeers,
    reconciler::{Action, Outcome, Reconciler},
    report::{HostReport, SessionReport},
    session::{self, ControlSignals, SessionContext, SessionUpdate},
    totals::Totals,
};
use crate::{
    agent::Registry,
    event::{PeerId, RoomId},
    platform::{ListedRoom, PlatformError, Watch, WatchEvent},
    session::Backoff,
    session::{Counters, SessionMonitor, SessionSummary},
    trouble::Trouble,
};

/// See the module's head.
pub(super) struct Supervisor {
    pub(super) config: Arc<Config>,
    /// Where the configuration was read, and which agents it may name, for a reload.
    source: Option<(PathBuf, Registry)>,
    reconciler: Reconciler,
    context: Arc<SessionContext>,
    watch: Option<Watch>,
    updates: mpsc::Receiver<SessionUpdate>,
    commands: mpsc::Receiver<Command>,
    looks: mpsc::Sender<Look>,
    looked: mpsc::Receiver<Look>,
    live: HashMap<u64, Live>,
    lists: Lists,
    /// The list of rooms does not come.
    list_trouble: Trouble,
    /// Agents cannot get in, or lose their link for good.
    join_trouble: Trouble,
    /// REST is being asked whether it serves.
    probe_is_under_way: bool,
    begun: Instant,
    next_sound: Instant,
    next_secrets: Instant,
    drain: Option<Drain>,
    drain_told: watch::Sender<Option<Duration>>,
    /// Who has ended since the host was told to end.
    ended: Vec<SessionReport>,
    totals: Totals,
}

/// A session that was begun.
struct Live {
    leave: CancellationToken,
    room: RoomId,
    deploy: Arc<str>,
    /// Once it is in its room.
    present: Option<Present>,
}

struct Present {
    peer: PeerId,
    monitor: SessionMonitor,
    since: Instant,
    seen: Counters,
}

/// When REST is asked for all rooms.
struct Lists {
    under_way: bool,
    next: Instant,
    backoff: Backoff,
    /// The last one came, and the notifications since then.
    have_one: bool,
    notifications_are_up: bool,
    /// When to listen for notifications, where nobody does.
    listen_at: Option<Instant>,
}

struct Drain {
    deadline: Instant,
    is_over: bool,
    /// Nobody wants to wait for it.
    is_hurried: bool,
}

/// What REST answered.
enum Look {
    /// Nobody is left of processes that are no more.
    Cleared,
    List(u64, Result<Vec<ListedRoom>, PlatformError>),
    Room(RoomId, Result<ListedRoom, PlatformError>),
    /// REST was asked whether it serves; its client knows the answer.
    Validated,
    /// The configuration was read again, for whoever asked for it.
    Read(Result<Box<Config>, String>, Reply<Result<Reloaded, String>>),
}

impl Supervisor {
    pub(super) fn new(
        config: Arc<Config>,
        source: Option<(PathBuf, Registry)>,
        context: Arc<SessionContext>,
        updates: mpsc::Receiver<SessionUpdate>,
        commands: mpsc::Receiver<Command>,
    ) -> Supervisor {
        let now = Instant::now();
        let (looks, looked) = mpsc::channel(LOOKS);
        let lists = Lists {
            under_way: false,
            next: now + CLEARED,
            backoff: Backoff::with_seed(fastrand::u64(..)),
            have_one: false,
            // Whoever is fed is notified by HTTP, for as long as it listens.
            notifications_are_up: config.webhook.is_some(),
            listen_at: Some(now + CLEARED),
        };
        Supervisor {
            reconciler: Reconciler::new(config.clone()),
            // Once those whom a dead process left are gone.
            watch: None,
            config,
            source,
            context,
            updates,
            commands,
            looks,
            looked,
            live: HashMap::new(),
            lists,
            list_trouble: Trouble::new("which rooms there are is not known"),
            join_trouble: Trouble::new("agents cannot get into their rooms"),
            probe_is_under_way: false,
            begun: now,
            next_sound: now,
            next_secrets: now + SECRETS,
            drain: None,
            drain_told: watch::channel(None).0,
            ended: Vec::new(),
            totals: Totals::default(),
        }
    }

    /// `stale` are removed first.
    pub(super) async fn run(mut self, stale: StalePeers) -> HostReport {
        let (context, looks) = (self.context.clone(), self.looks.clone());
        tokio::spawn(async move {
            context.clear_up(stale, async { drop(looks.send(Look::Cleared).await) }).await;
        });
        loop {
            let now = Instant::now();
            self.on_time(now);
            self.carry_out();
            if let Some(drain) = self.drain.as_ref().filter(|_| self.live.is_empty()) {
                self.context.finish(if drain.is_hurried { HURRIED } else { FINISH }).await;
                return HostReport { ran: self.begun.elapsed(), sessions: self.ended };
            }
            let deadline = self.next_deadline(now);
            tokio::select! {
                event = next_of(&mut self.watch) => self.on_watch(event),
                Some(update) = self.updates.recv() => self.on_update(update),
                Some(look) = self.looked.recv() => self.on_look(look),
                Some(command) = self.commands.recv() => self.on_command(command),
                () = sleep_until(deadline.into()) => {}
            }
        }
    }

    fn next_deadline(&self, now: Instant) -> Instant {
        let drain = self.drain.as_ref().filter(|drain| !drain.is_over).map(|drain| drain.deadline);
        let list = (!self.lists.under_way && self.drain.is_none()).then_some(self.lists.next);
        let due = [self.reconciler.next_deadline(), drain, list, self.lists.listen_at];
        due.into_iter().flatten().fold(now + LOOK, Instant::min)
    }

    fn on_time(&mut self, now: Instant) {
        if now >= self.next_sound {
            self.next_sound = now + LOOK;
            self.note_sound(now);
            self.look_after_rest();
        }
        if now >= self.next_secrets {
            self.next_secrets = now + SECRETS;
            self.refresh_secrets();
        }
        self.reconciler.on_time(now);
        if now >= self.lists.next && !self.lists.under_way && self.drain.is_none() {
            self.ask_for_list();
        }
        if self.lists.listen_at.take_if(|at| now >= *at).is_some() {
            self.watch = Some(self.context.platform.watch());
        }
        if let Some(drain) = self.drain.as_mut().filter(|drain| !drain.is_over && now >= drain.deadline) {
            drain.is_over = true;
            self.reconciler.dismiss_all("the host's time to end was over");
        }
    }

    /// Tells the reconciler who has heard or said something, for the rules about silence.
    fn note_sound(&mut self, now: Instant) {
        for (id, live) in &mut self.live {
            let Some(present) = &mut live.present else { continue };
            let counters = present.monitor.counters();
            if counters.has_speech_since(&present.seen) {
                present.seen = counters;
                self.reconciler.on_sound(*id, now);
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.reconciler.next_order() {
            match action {
                Action::Join { id, key, deploy } => {
                    tracing::info!(room = %key.room, deploy = %key.deploy, session = self.context.id.session(id), "an agent goes into its room");
                    let leave = CancellationToken::new();
                    let signals = ControlSignals { leave: leave.clone(), drain: self.drain_told.subscribe() };
                    let live = Live { leave, room: key.room.clone(), deploy: key.deploy.clone(), present: None };
                    self.live.insert(id, live);
                    self.totals.begun += 1;
                    session::spawn(&self.context, id, key, deploy, signals);
                }
                Action::Leave { id } => {
                    if let Some(live) = self.live.get(&id) {
                        live.leave.cancel();
                    }
                }
                Action::LetGo { id } => {
                    if let Some(leave) = self.live.get(&id).map(|live| live.leave.clone()) {
                        tokio::spawn(async move {
                            tokio::time::sleep(FAREWELL).await;
                            leave.cancel();
                        });
                    }
                }
                Action::LookAt(room) => {
                    let (context, looks) = (self.context.clone(), self.looks.clone());
                    tokio::spawn(async move {
                        let result = context.platform.room(&room).await;
                        looks.send(Look::Room(room, result)).await.ok();
                    });
                }
            }
        }
    }

    fn on_watch(&mut self, event: Option<WatchEvent>) {
        let now = Instant::now();
        match event {
            Some(WatchEvent::Up) => {
                tracing::info!("notifications come in");
                self.lists.notifications_are_up = true;
                self.lists.next = now;
            }
            Some(WatchEvent::Down { reason }) => {
                tracing::debug!("no notifications come in: {reason}");
                self.lists.notifications_are_up = false;
            }
            Some(WatchEvent::Event(event)) => {
                self.totals.notifications += 1;
                self.context.orphans.note(now, &event);
                self.reconciler.on_notification(now, &event);
            }
            // The host asked for it itself.
            Some(WatchEvent::Listing | WatchEvent::Listed(_) | WatchEvent::ListFailed) => {}
            Some(WatchEvent::Refused { reason }) => {
                tracing::debug!("notifications are refused: {reason}");
                self.lists.notifications_are_up = false;
            }
            None => {
                self.watch = None;
                self.lists.listen_at = Some(now + REFUSED);
            }
        }
    }

    fn on_update(&mut self, update: SessionUpdate) {
        let now = Instant::now();
        match update {
            SessionUpdate::Joined { id, peer, monitor, took } => {
                if let Some(live) = self.live.get_mut(&id) {
                    self.join_trouble.ends(&format!("{} in room {}", live.deploy, live.room));
                    let present = Present { peer: peer.clone(), monitor, since: now, seen: Counters::default() };
                    live.present = Some(present);
                }
                self.totals.joins.note(took);
                self.reconciler.on_joined(now, id, peer);
            }
            SessionUpdate::Ended { id, outcome, end } => {
                let Some(live) = self.live.remove(&id) else { return };
                let summary = end.as_ref().as_ref().map(|(_, summary)| summary);
                self.tell_end(id, &live, &outcome, summary);
                self.totals.on_ended(&live.deploy, &outcome, summary);
                if self.drain.is_some() {
                    let how = summary.map_or_else(|| outcome.text().to_owned(), SessionSummary::how);
                    self.ended.push(SessionReport::of(live.room, &live.deploy, *end, &how));
                }
                self.reconciler.on_ended(now, id, &outcome);
            }
        }
    }

    /// One line for each end. What an operator may have to act on is a warning; of trouble that many share at a time, one.
    fn tell_end(&self, id: u64, live: &Live, outcome: &Outcome, summary: Option<&SessionSummary>) {
        let how = summary.map_or_else(|| outcome.text().to_owned(), SessionSummary::how);
        let counts = summary.map(SessionSummary::counters_line).unwrap_or_default();
        let line = if counts.is_empty() { how.clone() } else { format!("{how}; {counts}") };
        let has_failed = summary.is_some_and(|summary| summary.agent_error.is_some());
        match outcome {
            Outcome::Trouble { .. } => {
                self.join_trouble.begins(&format!("{} in room {}", live.deploy, live.room), &how);
                tracing::debug!(room = %live.room, deploy = %live.deploy, session = self.context.id.session(id), "{line}");
            }
            Outcome::Failed(_) | Outcome::Hopeless(_) => {
                tracing::warn!(room = %live.room, deploy = %live.deploy, session = self.context.id.session(id), "{line}");
            }
            _ if has_failed => {
                tracing::warn!(room = %live.room, deploy = %live.deploy, session = self.context.id.session(id), "{line}")
            }
            _ => {
                tracing::info!(room = %live.room, deploy = %live.deploy, session = self.context.id.session(id), "{line}")
            }
        }
        if !matches!(outcome, Outcome::Trouble { .. }) {
            self.join_trouble.ends(&format!("{} in room {}", live.deploy, live.room));
        }
    }
}

/// A host whose token was refused has nobody to listen to for a while.
async fn next_of(watch: &mut Option<Watch>) -> Option<WatchEvent> {
    match watch {
        Some(watch) => watch.next().await,
        None => pending().await,
    }
}

/// Someone who waits for an answer.
pub(super) type Reply<T> = oneshot::Sender<T>;

/// How long a host that has ended waits for removals and sinks that are under way.
const FINISH: Duration = Duration::from_secs(10);
/// The same, once somebody has lost patience.
const HURRIED: Duration = Duration::from_secs(1);
/// How long those whom a dead process left may hold up the others.
const CLEARED: Duration = Duration::from_secs(15);
/// How often the supervisor looks around without being told.
const LOOK: Duration = Duration::from_secs(1);
/// How often secrets are read again.
const SECRETS: Duration = Duration::from_secs(30);
/// How long a session has to hear that its room is gone.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a refused token is left alone.
const REFUSED: Duration = Duration::from_secs(30);
/// Answers of REST that may wait.
const LOOKS: usize = 64;
