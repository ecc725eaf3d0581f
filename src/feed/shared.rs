//! What the link's task and everybody who watches have in common.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, atomic::AtomicU64},
    time::{Duration, Instant},
};

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{Source, link, rooms::Rooms};
use crate::{
    agent::{Action, ActionError},
    event::{Event, EventKind, Peer, PeerEvent, PeerId, PeerKind, RoomEvent, RoomId},
    platform::{PlatformError, PlatformErrorKind, WatchEvent},
};

pub(super) struct Shared {
    pub(super) source: Box<dyn Source>,
    pub(super) rooms: Mutex<Rooms>,
    pub(super) told: broadcast::Sender<WatchEvent>,
    pub(super) status: watch::Sender<Status>,
    pub(super) actions: mpsc::Sender<QueuedAction>,
    /// Taken by the link when it begins.
    pub(super) asked: Mutex<Option<mpsc::Receiver<QueuedAction>>>,
    pub(super) unreadable: Mutex<BTreeMap<&'static str, u64>>,
    pub(super) events: AtomicU64,
    /// Events that a watcher was too slow for, each watcher's counted.
    pub(super) missed: AtomicU64,
    is_begun: OnceLock<()>,
}

/// An action that the machine is to do.
pub(super) struct QueuedAction {
    pub(super) room: RoomId,
    pub(super) action: Action,
    pub(super) reply: oneshot::Sender<Result<(), ActionError>>,
}

/// How the link stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Status {
    /// It is on its way.
    Opening,
    /// Everything is told.
    Live,
    /// It is down since then, for this reason, and being mended.
    Down(Instant, PlatformError),
    /// It will not come up before something has changed.
    Refused(PlatformError),
}

impl Shared {
    pub(super) fn new(source: Box<dyn Source>) -> Shared {
        let (actions, asked) = mpsc::channel(ACTIONS);
        Shared {
            source,
            rooms: Mutex::default(),
            told: broadcast::channel(TOLD).0,
            status: watch::channel(Status::Opening).0,
            actions,
            asked: Mutex::new(Some(asked)),
            unreadable: Mutex::default(),
            events: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            is_begun: OnceLock::new(),
        }
    }

    /// Begins to keep the link up, if nobody has yet. It ends when the last feed is dropped.
    pub(super) fn begin(self: &Arc<Shared>) {
        self.is_begun.get_or_init(|| drop(tokio::spawn(link::run(Arc::downgrade(self)))));
    }

    pub(super) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().expect("no holder panics")
    }

    /// Something happened: the rooms are as they are now before anybody hears of it.
    pub(super) fn tell(&self, event: Event) {
        let mut event = event.identified();
        if let Some(me) = self.source.me() {
            know_ourselves(&mut event, &me);
        }
        self.events.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.rooms().apply(&event);
        // Nobody may be listening.
        self.told.send(WatchEvent::Event(Arc::new(event))).ok();
    }

    pub(super) fn note_unreadable(&self, what: &'static str) {
        *self.unreadable.lock().expect("no holder panics").entry(what).or_default() += 1;
    }

    /// Waits until the link is live, or cannot be.
    pub(super) async fn live(self: &Arc<Shared>) -> Result<(), PlatformError> {
        self.begin();
        let mut status = self.status.subscribe();
        let settled = |status: &Status| matches!(status, Status::Live | Status::Refused(_) | Status::Down(..));
        let waited = tokio::time::timeout(PATIENCE, status.wait_for(settled)).await;
        match waited {
            Ok(Ok(status)) => match &*status {
                Status::Refused(error) | Status::Down(_, error) => Err(error.clone()),
                Status::Live | Status::Opening => Ok(()),
            },
            _ => {
                let message = format!("{} has not let us in within {} s", self.source.address(), PATIENCE.as_secs());
                Err(PlatformError::new(PlatformErrorKind::Later, message))
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feed({:?})", self.source)
    }
}

/// A platform on which an agent is a user like all others tells so of it, too.
fn know_ourselves(event: &mut Event, me: &PeerId) {
    let mark = |peer: &mut Peer| {
        if peer.id == *me {
            peer.kind = PeerKind::Agent;
        }
    };
    match &mut event.kind {
        EventKind::Peer(PeerEvent::Joined { peer, .. } | PeerEvent::Updated { peer, .. }) => mark(peer),
        EventKind::Room(RoomEvent::Entered { roster: Some(members), .. } | RoomEvent::Roster { peers: members }) => {
            members.iter_mut().for_each(|member| mark(&mut member.peer));
        }
        _ => {}
    }
}

/// Events that may wait for a watcher. One that falls behind by more is told that it missed some, and looks again.
const TOLD: usize = 8_192;
/// Actions that may wait for the link.
const ACTIONS: usize = 64;
/// Opening, getting in and subscribing together.
const PATIENCE: Duration = Duration::from_secs(15);
