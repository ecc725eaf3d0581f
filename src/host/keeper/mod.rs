//! Which agent should be in which room, and what to do about it: a machine without I/O. It is told what happens, with
//! the time, and asked for orders.

mod admission;
mod commands;
mod places;
mod post;
mod rules;
#[cfg(test)]
mod story;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

pub use post::State;
pub(super) use post::{Key, Outcome};

use super::{
    config::{Config, Deploy, JoinWhen},
    picture::{Change, Picture},
};
use crate::{
    dialect::fishjam::Notification,
    event::{PeerId, RoomId},
    fishjam::rest::model::Room,
};
use admission::Admission;
use post::{Back, Phase, Post};

/// See the module's head.
#[derive(Debug)]
pub(super) struct Keeper {
    config: Arc<Config>,
    deploys: BTreeMap<Arc<str>, Arc<Deploy>>,
    picture: Picture,
    posts: BTreeMap<Key, Post>,
    /// Whose session it is.
    sessions: HashMap<u64, Key>,
    next_session: u64,
    admission: Admission,
    line: VecDeque<Key>,
    due: BTreeSet<(Instant, Key)>,
    orders: VecDeque<Order>,
    /// Since those in line were looked at.
    place_is_free: bool,
    is_draining: bool,
    tally: Tally,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Order {
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
pub(super) struct Tally {
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

impl Keeper {
    pub(super) fn new(config: Arc<Config>) -> Keeper {
        let mut keeper = Keeper {
            config: config.clone(),
            deploys: BTreeMap::new(),
            picture: Picture::default(),
            posts: BTreeMap::new(),
            sessions: HashMap::new(),
            next_session: 1,
            admission: Admission::default(),
            line: VecDeque::new(),
            due: BTreeSet::new(),
            orders: VecDeque::new(),
            place_is_free: false,
            is_draining: false,
            tally: Tally::default(),
        };
        keeper.take_over(config);
        keeper
    }

    pub(super) fn next_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When to call [`on_time`](Self::on_time).
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn on_notification(&mut self, now: Instant, notification: &Notification) {
        if let Some((room, change)) = self.picture.apply(notification) {
            self.on_change(now, &room, change);
        }
    }

    /// A list of rooms is about to be asked for.
    pub(super) fn begin_list(&mut self) -> u64 {
        self.picture.begin_list()
    }

    pub(super) fn on_list(&mut self, now: Instant, asked: u64, rooms: Vec<Room>) {
        for (room, change) in self.picture.reconcile(asked, rooms) {
            self.on_change(now, &room, change);
        }
    }

    pub(super) fn on_list_failed(&mut self) {
        self.picture.on_list_failed();
    }

    pub(super) fn on_looked_at(&mut self, now: Instant, room: Room) {
        let id = room.id.clone();
        self.picture.on_looked_at(room);
        self.review_room(now, &id);
    }

    /// REST did not answer; the next list will.
    pub(super) fn on_look_failed(&mut self, room: &RoomId) {
        self.picture.on_look_failed(room);
    }

    /// REST says that there is no such room.
    pub(super) fn on_room_missing(&mut self, now: Instant, room: &RoomId) {
        self.picture.remove(room);
        self.on_change(now, room, Change::Gone);
    }

    /// A session is in its room.
    pub(super) fn on_joined(&mut self, now: Instant, id: u64, peer: PeerId) {
        let Some(key) = self.sessions.get(&id).cloned() else { return };
        if let Some(post) = self.posts.get_mut(&key)
            && matches!(post.phase, Phase::Joining { .. })
        {
            post.troubles = 0;
            post.phase = Phase::Present { id, peer, since: now, last_sound: now };
            self.review(now, &key);
        }
    }

    /// A session has heard or said something.
    pub(super) fn on_sound(&mut self, id: u64, at: Instant) {
        let post = self.sessions.get(&id).and_then(|key| self.posts.get_mut(key));
        if let Some(Post { phase: Phase::Present { last_sound, .. }, .. }) = post {
            *last_sound = at.max(*last_sound);
        }
    }

    /// A session is over.
    pub(super) fn on_ended(&mut self, now: Instant, id: u64, outcome: &Outcome) {
        let Some(key) = self.sessions.remove(&id) else { return };
        let deploy = self.deploys.get(&key.deploy).cloned();
        let room_is_there = self.picture.room(&key.room).is_some();
        if let Outcome::RoomGone(_) = outcome
            && room_is_there
        {
            self.picture.remove(&key.room);
        }
        let arrivals = self.picture.room(&key.room).map_or(0, |room| room.arrivals());
        let Some(post) = self.posts.get_mut(&key) else { return };
        let told = match &post.phase {
            Phase::Leaving { why, back, .. } => Some((why.clone(), *back)),
            _ => None,
        };
        let over = |why: &str, back| Phase::Over { why: why.to_owned(), back };
        post.phase = match (outcome, told, &deploy) {
            // The room is there after all, or again.
            (_, Some((why, _)), Some(_)) if why == GONE && self.picture.room(&key.room).is_some() => {
                over(&why, Back::AtOnce)
            }
            // What was told to leave has left, however that went.
            (_, Some((why, back)), Some(_)) => over(&why, back),
            (Outcome::RoomGone(why), _, _) | (Outcome::Hopeless(why), ..) => over(why, Back::Never),
            (_, _, None) => over("its deploy is gone", Back::Never),
            (_, None, _) if self.is_draining => over(outcome.text(), Back::Never),
            (Outcome::Left, ..) => over(outcome.text(), Back::Person { arrivals }),
            (Outcome::Done(why), _, Some(deploy)) => match deploy.join.when {
                JoinWhen::Always => Phase::Pausing { until: now + deploy.restart.first_wait, why: why.clone() },
                JoinWhen::FirstPerson => over(why, Back::FirstPerson { emptied: false }),
                JoinWhen::RoomCreated | JoinWhen::ByHand => over(why, Back::Never),
            },
            (Outcome::Failed(why), _, Some(deploy)) => match post.on_failure(now, &deploy.restart) {
                Some(wait) => Phase::Pausing { until: now + wait, why: why.clone() },
                None => {
                    self.tally.given_up += 1;
                    let why = format!("given up after {} restarts: {why}", deploy.restart.limit);
                    tracing::error!(room = %key.room, deploy = %key.deploy, "{why}");
                    over(&why, Back::Forgiven { emptied: false, at: now + deploy.restart.forgive })
                }
            },
            (Outcome::Trouble { why, at_least }, _, Some(deploy)) => {
                Phase::Pausing { until: now + post.on_trouble(&deploy.restart, *at_least), why: why.clone() }
            }
        };
        if let Phase::Over { .. } = post.phase {
            post.by_hand = false;
            self.give_place_back(&key);
        }
        if self.picture.room(&key.room).is_none() {
            self.on_change(now, &key.room, Change::Gone);
        }
        self.review(now, &key);
    }

    /// The time; call it after every other input, too.
    pub(super) fn on_time(&mut self, now: Instant) {
        if std::mem::take(&mut self.place_is_free) {
            self.serve_line(now);
        }
        while let Some((at, key)) = self.due.first().cloned() {
            if at > now {
                break;
            }
            self.due.remove(&(at, key.clone()));
            if let Some(post) = self.posts.get_mut(&key) {
                post.due = None;
            }
            self.review(now, &key);
        }
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        self.posts.iter().filter_map(|(key, post)| Some(Listed::of(key, post, post.state()?))).collect()
    }

    /// How many sessions stand how.
    pub(super) fn states(&self) -> BTreeMap<State, usize> {
        let mut states: BTreeMap<State, usize> = State::ALL.into_iter().map(|state| (state, 0)).collect();
        for state in self.posts.values().filter_map(Post::state) {
            *states.entry(state).or_default() += 1;
        }
        states
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn rooms(&self) -> usize {
        self.picture.len()
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn places_taken(&self) -> usize {
        self.admission.taken()
    }

    fn take_over(&mut self, config: Arc<Config>) {
        self.admission.most = config.host.max_sessions;
        self.admission.most_per_tenant = config.host.max_sessions_per_tenant;
        self.deploys =
            config.deploys.iter().map(|deploy| (Arc::from(deploy.name.as_str()), Arc::new(deploy.clone()))).collect();
        self.config = config;
    }

    fn on_change(&mut self, now: Instant, room: &RoomId, change: Change) {
        match change {
            Change::Seen => self.review_room(now, room),
            Change::Gone => {
                for key in self.keys_of(room) {
                    self.dismiss(&key, GONE, Back::Never);
                    self.forget_if_over(&key);
                }
            }
        }
    }

    fn keys_of(&self, room: &RoomId) -> Vec<Key> {
        let first = Key { room: room.clone(), deploy: "".into() };
        self.posts.range(first..).map(|(key, _)| key).take_while(|key| key.room == *room).cloned().collect()
    }

    fn review_room(&mut self, now: Instant, room: &RoomId) {
        if self.is_draining {
            return;
        }
        let names: Vec<Arc<str>> = self.deploys.keys().cloned().collect();
        for deploy in names {
            self.review(now, &Key { room: room.clone(), deploy });
        }
    }

    /// Looks at one post, and does what its rules say.
    fn review(&mut self, now: Instant, key: &Key) {
        let (Some(deploy), false) = (self.deploys.get(&key.deploy).cloned(), self.is_draining) else {
            self.forget_if_over(key);
            return;
        };
        let Some(room) = self.picture.room(&key.room) else {
            self.forget_if_over(key);
            return;
        };
        let by_hand = self.posts.get(key).is_some_and(|post| post.by_hand);
        let wanted = rules::wanted(&deploy, key.room.as_str(), room, by_hand);
        if wanted == rules::Wanted::NotKnown && self.picture.begin_look_for_type(&key.room) {
            self.orders.push_back(Order::LookAt(key.room.clone()));
        }
        let Some(room) = self.picture.room(&key.room) else { return };
        let wanted = wanted == rules::Wanted::Yes;
        if !wanted && !self.posts.contains_key(key) {
            return;
        }
        let post = self.posts.entry(key.clone()).or_insert_with(Post::new);
        rules::note_people(now, room, post);
        let leave = rules::must_leave(now, &deploy, key.room.as_str(), room, post);
        let is_in_doubt = leave.is_none() && rules::seems_left(now, &deploy, room, post);
        let next = match &post.phase {
            Phase::Vacant if wanted => Step::Admit,
            Phase::InLine if !wanted => Step::Become(Phase::Vacant),
            Phase::Over { back, .. } if rules::is_back(now, *back, room) => {
                post.failures.clear();
                Step::Become(Phase::Vacant)
            }
            Phase::Pausing { .. } if !wanted && !post.by_hand => {
                Step::Become(Phase::Over { why: "its room no longer asks for it".into(), back: Back::AtOnce })
            }
            Phase::Pausing { until, .. } if *until <= now => Step::Join,
            Phase::Joining { .. } | Phase::Present { .. } => {
                leave.map_or(Step::Stay, |(why, back)| Step::Leave(why, back))
            }
            _ => Step::Stay,
        };
        self.take_step(now, key, &deploy, next);
        // News may be old or lost: REST is asked before an agent leaves people alone.
        if is_in_doubt && self.picture.begin_look(&key.room) {
            self.orders.push_back(Order::LookAt(key.room.clone()));
        }
        self.schedule(now, key, &deploy);
    }

    fn take_step(&mut self, now: Instant, key: &Key, deploy: &Arc<Deploy>, step: Step) {
        match step {
            Step::Stay => {}
            Step::Admit => self.admit(key, deploy),
            Step::Join => {
                self.tally.restarts += 1;
                if let Some(post) = self.posts.get_mut(key) {
                    post.restarts += 1;
                }
                self.order_join(key, deploy);
            }
            Step::Leave(why, back) => self.dismiss(key, &why, back),
            Step::Become(phase) => {
                let is_vacant = phase == Phase::Vacant;
                self.give_place_back(key);
                self.set_phase(key, phase);
                self.line.retain(|waiting| waiting != key);
                if is_vacant {
                    self.review(now, key);
                }
            }
        }
    }

    /// Ends what there is of a post.
    fn dismiss(&mut self, key: &Key, why: &str, back: Back) {
        let Some(post) = self.posts.get_mut(key) else { return };
        match &post.phase {
            Phase::Joining { id } | Phase::Present { id, .. } => {
                self.orders.push_back(if why == GONE { Order::LetGo { id: *id } } else { Order::Leave { id: *id } });
                post.phase = Phase::Leaving { id: *id, why: why.to_owned(), back };
            }
            Phase::Leaving { id, .. } => post.phase = Phase::Leaving { id: *id, why: why.to_owned(), back },
            Phase::Over { .. } | Phase::Vacant if back == Back::AtOnce => post.phase = Phase::Vacant,
            _ => {
                post.phase = Phase::Over { why: why.to_owned(), back };
                self.give_place_back(key);
                self.line.retain(|waiting| waiting != key);
            }
        }
    }

    fn set_phase(&mut self, key: &Key, phase: Phase) {
        if let Some(post) = self.posts.get_mut(key) {
            post.phase = phase;
        }
    }

    /// A post whose room or deploy is gone is remembered only while its session lasts.
    fn forget_if_over(&mut self, key: &Key) {
        if self.posts.get(key).is_some_and(|post| post.session().is_none()) {
            self.give_place_back(key);
            if let Some(at) = self.posts.remove(key).and_then(|post| post.due) {
                self.due.remove(&(at, key.clone()));
            }
        }
    }

    fn schedule(&mut self, now: Instant, key: &Key, deploy: &Deploy) {
        let Some(post) = self.posts.get_mut(key) else { return };
        // What is due now has been done; the next look comes a moment later at the earliest.
        let room = self.picture.room(&key.room);
        let due = rules::next_look(now, deploy, room, post).map(|at| at.max(now + rules::MOMENT));
        if due != post.due {
            if let Some(at) = post.due.take() {
                self.due.remove(&(at, key.clone()));
            }
            if let Some(at) = due {
                self.due.insert((at, key.clone()));
            }
            post.due = due;
        }
    }
}

/// What a review comes to.
enum Step {
    Stay,
    Admit,
    Join,
    Leave(String, Back),
    Become(Phase),
}

impl Listed {
    fn of(key: &Key, post: &Post, state: State) -> Listed {
        let (peer, since) = match &post.phase {
            Phase::Present { peer, since, .. } => (Some(peer.clone()), Some(*since)),
            _ => (None, None),
        };
        let why = match &post.phase {
            Phase::Leaving { why, .. } | Phase::Pausing { why, .. } | Phase::Over { why, .. } => Some(why.clone()),
            _ => None,
        };
        Listed { key: key.clone(), session: post.session(), state, peer, since, restarts: post.restarts, why }
    }
}

const GONE: &str = "its room is gone";
const ENDING: &str = "the host is ending";
