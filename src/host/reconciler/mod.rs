//! Which agent should be in which room, and what to do about it: a machine without I/O. It is told what happens, with
//! the time, and asked for orders.

mod admission;
mod assignment;
mod commands;
#[cfg(test)]
mod model;
mod review;
mod rules;
mod slots;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

pub use assignment::State;
pub(super) use assignment::{Key, Outcome};

use super::{
    config::{Config, Deploy, JoinWhen},
    directory::{Change, RoomDirectory},
};
use crate::{
    event::{Event, PeerId, RoomId},
    platform::ListedRoom,
};
use admission::Admission;
use assignment::{Assignment, Back, Phase};

/// See the module's head.
#[derive(Debug)]
pub(super) struct Reconciler {
    config: Arc<Config>,
    deploys: BTreeMap<Arc<str>, Arc<Deploy>>,
    directory: RoomDirectory,
    assignments: BTreeMap<Key, Assignment>,
    /// Whose session it is.
    sessions: HashMap<u64, Key>,
    next_session: u64,
    admission: Admission,
    line: VecDeque<Key>,
    due: BTreeSet<(Instant, Key)>,
    actions: VecDeque<Action>,
    /// Since those in line were looked at.
    place_is_free: bool,
    is_draining: bool,
    counters: ReconcilerCounters,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Bring an agent in.
    Join { id: u64, key: Key, deploy: Arc<Deploy> },
    /// Let a session end.
    Leave { id: u64 },
    /// Its room is gone, as its socket will tell it; if not, let it end.
    LetGo { id: u64 },
    /// Ask REST for the room's type.
    LookAt(RoomId),
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct ReconcilerCounters {
    /// By the limit that was in the way.
    pub(super) refused: BTreeMap<&'static str, u64>,
    pub(super) waited: BTreeMap<&'static str, u64>,
    pub(super) restarts: u64,
    pub(super) given_up: u64,
}

/// One session, as a list shows it.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) key: Key,
    pub(super) session: Option<u64>,
    pub(super) state: State,
    pub(super) peer: Option<PeerId>,
    pub(super) since: Option<Instant>,
    pub(super) restarts: u32,
    pub(super) why: Option<String>,
}

impl Reconciler {
    pub(super) fn new(config: Arc<Config>) -> Reconciler {
        let mut reconciler = Reconciler {
            config: config.clone(),
            deploys: BTreeMap::new(),
            directory: RoomDirectory::default(),
            assignments: BTreeMap::new(),
            sessions: HashMap::new(),
            next_session: 1,
            admission: Admission::default(),
            line: VecDeque::new(),
            due: BTreeSet::new(),
            actions: VecDeque::new(),
            place_is_free: false,
            is_draining: false,
            counters: ReconcilerCounters::default(),
        };
        reconciler.take_over(config);
        reconciler
    }

    pub(super) fn next_order(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`on_time`](Self::on_time).
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn on_notification(&mut self, now: Instant, event: &Event) {
        if let Some((room, change)) = self.directory.apply(event) {
            self.on_change(now, &room, change);
        }
    }

    /// A list of rooms is about to be asked for.
    pub(super) fn begin_list(&mut self) -> u64 {
        self.directory.begin_list()
    }

    pub(super) fn on_list(&mut self, now: Instant, asked: u64, rooms: Vec<ListedRoom>) {
        for (room, change) in self.directory.reconcile(asked, rooms) {
            self.on_change(now, &room, change);
        }
    }

    pub(super) fn on_list_failed(&mut self) {
        self.directory.on_list_failed();
    }

    pub(super) fn on_looked_at(&mut self, now: Instant, room: ListedRoom) {
        let id = room.id.clone();
        self.directory.on_looked_at(room);
        self.review_room(now, &id);
    }

    /// REST did not answer; the next list will.
    pub(super) fn on_look_failed(&mut self, room: &RoomId) {
        self.directory.on_look_failed(room);
    }

    /// REST says that there is no such room.
    pub(super) fn on_room_missing(&mut self, now: Instant, room: &RoomId) {
        self.directory.remove(room);
        self.on_change(now, room, Change::Gone);
    }

    /// A session is in its room.
    pub(super) fn on_joined(&mut self, now: Instant, id: u64, peer: PeerId) {
        let Some(key) = self.sessions.get(&id).cloned() else { return };
        if let Some(assignment) = self.assignments.get_mut(&key)
            && matches!(assignment.phase, Phase::Joining { .. })
        {
            assignment.troubles = 0;
            assignment.phase = Phase::Present { id, peer, since: now, last_sound: now };
            self.review(now, &key);
        }
    }

    /// A session has heard or said something.
    pub(super) fn on_sound(&mut self, id: u64, at: Instant) {
        let assignment = self.sessions.get(&id).and_then(|key| self.assignments.get_mut(key));
        if let Some(Assignment { phase: Phase::Present { last_sound, .. }, .. }) = assignment {
            *last_sound = at.max(*last_sound);
        }
    }

    /// A session is over.
    pub(super) fn on_ended(&mut self, now: Instant, id: u64, outcome: &Outcome) {
        let Some(key) = self.sessions.remove(&id) else { return };
        let deploy = self.deploys.get(&key.deploy).cloned();
        let room_is_there = self.directory.room(&key.room).is_some();
        if let Outcome::RoomGone(_) = outcome
            && room_is_there
        {
            self.directory.remove(&key.room);
        }
        let arrivals = self.directory.room(&key.room).map_or(0, |room| room.arrivals());
        let Some(assignment) = self.assignments.get_mut(&key) else { return };
        let told = match &assignment.phase {
            Phase::Leaving { why, back, .. } => Some((why.clone(), *back)),
            _ => None,
        };
        let over = |why: &str, back| Phase::Finished { why: why.to_owned(), back };
        assignment.phase = match (outcome, told, &deploy) {
            // The room is there after all, or again.
            (_, Some((why, _)), Some(_)) if why == GONE && self.directory.room(&key.room).is_some() => {
                over(&why, Back::AtOnce)
            }
            // What was told to leave has left, however that went.
            (_, Some((why, back)), Some(_)) => over(&why, back),
            (Outcome::RoomGone(why), _, _) | (Outcome::Hopeless(why), ..) => over(why, Back::Never),
            (_, _, None) => over("its deploy is gone", Back::Never),
            (_, None, _) if self.is_draining => over(outcome.text(), Back::Never),
            (Outcome::Left, ..) => over(outcome.text(), Back::Person { arrivals }),
            (Outcome::Done(why), _, Some(deploy)) => match deploy.join.when {
                JoinWhen::Always => Phase::Backoff { until: now + deploy.restart.first_wait, why: why.clone() },
                JoinWhen::FirstPerson => over(why, Back::FirstPerson { emptied: false }),
                JoinWhen::RoomCreated | JoinWhen::Manual => over(why, Back::Never),
            },
            (Outcome::Failed(why), _, Some(deploy)) => match assignment.on_failure(now, &deploy.restart) {
                Some(wait) => Phase::Backoff { until: now + wait, why: why.clone() },
                None => {
                    self.counters.given_up += 1;
                    let why = format!("given up after {} restarts: {why}", deploy.restart.limit);
                    tracing::error!(room = %key.room, deploy = %key.deploy, "{why}");
                    over(&why, Back::Forgiven { emptied: false, at: now + deploy.restart.reset_after })
                }
            },
            (Outcome::Trouble { why, at_least }, _, Some(deploy)) => {
                Phase::Backoff { until: now + assignment.on_trouble(&deploy.restart, *at_least), why: why.clone() }
            }
        };
        if let Phase::Finished { .. } = assignment.phase {
            assignment.is_manual = false;
            self.release_slot(&key);
        }
        if self.directory.room(&key.room).is_none() {
            self.on_change(now, &key.room, Change::Gone);
        }
        self.review(now, &key);
    }

    /// The time; call it after every other input, too.
    pub(super) fn on_time(&mut self, now: Instant) {
        if std::mem::take(&mut self.place_is_free) {
            self.serve_queue(now);
        }
        while let Some((at, key)) = self.due.first().cloned() {
            if at > now {
                break;
            }
            self.due.remove(&(at, key.clone()));
            if let Some(assignment) = self.assignments.get_mut(&key) {
                assignment.due = None;
            }
            self.review(now, &key);
        }
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        self.assignments
            .iter()
            .filter_map(|(key, assignment)| Some(Listed::of(key, assignment, assignment.state()?)))
            .collect()
    }

    /// How many sessions stand how.
    pub(super) fn states(&self) -> BTreeMap<State, usize> {
        let mut states: BTreeMap<State, usize> = State::ALL.into_iter().map(|state| (state, 0)).collect();
        for state in self.assignments.values().filter_map(Assignment::state) {
            *states.entry(state).or_default() += 1;
        }
        states
    }

    pub(super) fn counters(&self) -> &ReconcilerCounters {
        &self.counters
    }

    pub(super) fn rooms(&self) -> usize {
        self.directory.len()
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn admitted(&self) -> usize {
        self.admission.taken()
    }

    fn take_over(&mut self, config: Arc<Config>) {
        self.admission.most = config.host.max_sessions;
        self.admission.most_per_tenant = config.host.max_sessions_per_tenant;
        self.deploys =
            config.deploys.iter().map(|deploy| (Arc::from(deploy.name.as_str()), Arc::new(deploy.clone()))).collect();
        self.config = config;
    }
}

impl Listed {
    fn of(key: &Key, assignment: &Assignment, state: State) -> Listed {
        let (peer, since) = match &assignment.phase {
            Phase::Present { peer, since, .. } => (Some(peer.clone()), Some(*since)),
            _ => (None, None),
        };
        let why = match &assignment.phase {
            Phase::Leaving { why, .. } | Phase::Backoff { why, .. } | Phase::Finished { why, .. } => Some(why.clone()),
            _ => None,
        };
        Listed {
            key: key.clone(),
            session: assignment.session(),
            state,
            peer,
            since,
            restarts: assignment.restarts,
            why,
        }
    }
}

const GONE: &str = "its room is gone";
const ENDING: &str = "the host is ending";
