//! Any story that a reconciler can be told: limits hold throughout, and all is served in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{Action, Key, Outcome, Reconciler, State};
use crate::{
    event::{End, Event, Metadata, Peer, PeerEvent, PeerKind, RoomEvent},
    host::config::{Config, Deploy},
    platform::ListedRoom,
};

const LIMIT: usize = 3;

fn reconciler(when: &str) -> Reconciler {
    let table = format!("agent = \"a\"\njoin.when = \"{when}\"\nrestart.limit = 1000");
    let mut deploy: Deploy = toml::from_str(&table).unwrap();
    deploy.name = "a".into();
    let second = Deploy { name: "b".into(), max_sessions: 1, ..deploy.clone() };
    let mut config = Config { deploys: vec![deploy, second], ..Config::default() };
    config.host.max_sessions = LIMIT;
    Reconciler::new(Arc::new(config))
}

#[derive(Debug, Clone)]
enum Act {
    Created(u8),
    Deleted(u8),
    Came(u8, u8),
    Went(u8, u8),
    /// The oldest order to join is carried out, or fails.
    Joins(bool),
    /// A session ends by itself.
    Ends(u8, u8),
    Lists,
    Passes(u16),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0..6u8).prop_map(Act::Created),
        (0..6u8).prop_map(Act::Deleted),
        (0..6u8, 0..3u8).prop_map(|(room, peer)| Act::Came(room, peer)),
        (0..6u8, 0..3u8).prop_map(|(room, peer)| Act::Went(room, peer)),
        any::<bool>().prop_map(Act::Joins),
        (any::<u8>(), 0..5u8).prop_map(|(which, how)| Act::Ends(which, how)),
        Just(Act::Lists),
        (0..5_000u16).prop_map(Act::Passes),
    ];
    proptest::collection::vec(act, 0..80)
}

/// Carries out what the reconciler orders, and holds it to its limits.
struct World {
    reconciler: Reconciler,
    now: Instant,
    rooms: BTreeSet<u8>,
    to_join: Vec<u64>,
    alive: BTreeMap<u64, Key>,
}

impl World {
    fn act(&mut self, act: Act) {
        let room = |n: u8| crate::event::RoomId::from(format!("r{n}"));
        let peer = |n: u8| crate::event::PeerId::from(format!("p{n}"));
        let kind = PeerKind::Person;
        match act {
            Act::Created(n) => {
                self.rooms.insert(n);
                self.reconciler.on_notification(
                    self.now,
                    &Event::from(RoomEvent::Opened { info: Metadata::default() }).in_room(room(n)),
                );
            }
            Act::Deleted(n) => {
                self.rooms.remove(&n);
                self.reconciler
                    .on_notification(self.now, &Event::from(RoomEvent::Closed { end: End::Normal }).in_room(room(n)));
            }
            Act::Came(n, p) if self.rooms.contains(&n) => {
                let came = Event::from(PeerEvent::joined(Peer::new(peer(p), kind))).in_room(room(n));
                self.reconciler.on_notification(self.now, &came);
            }
            Act::Went(n, p) => {
                let went = Event::from(PeerEvent::left(Peer::new(peer(p), kind))).in_room(room(n));
                self.reconciler.on_notification(self.now, &went);
            }
            Act::Joins(works) => self.join(works),
            Act::Ends(which, how) => {
                let id = self.alive.keys().nth(usize::from(which) % self.alive.len().max(1)).copied();
                let text = "so it was".to_owned();
                let outcomes = [
                    Outcome::Left,
                    Outcome::Trouble { why: text.clone(), at_least: Duration::ZERO },
                    Outcome::Failed(text.clone()),
                ];
                let outcome = outcomes.into_iter().nth(usize::from(how)).unwrap_or(Outcome::Done(text));
                if let Some(id) = id {
                    self.end(id, &outcome);
                }
            }
            Act::Lists => self.list(),
            Act::Passes(ms) => self.now += Duration::from_millis(u64::from(ms)),
            Act::Came(..) => {}
        }
        self.reconciler.on_time(self.now);
        self.carry_out();
    }

    fn join(&mut self, works: bool) {
        if self.to_join.is_empty() {
            return;
        }
        let id = self.to_join.remove(0);
        match works {
            true => self.reconciler.on_joined(self.now, id, "agent".into()),
            false => self.end(id, &Outcome::Trouble { why: "no".into(), at_least: Duration::ZERO }),
        }
    }

    fn end(&mut self, id: u64, outcome: &Outcome) {
        self.alive.remove(&id);
        self.to_join.retain(|waiting| *waiting != id);
        self.reconciler.on_ended(self.now, id, outcome);
    }

    fn list(&mut self) {
        let asked = self.reconciler.begin_list();
        let listed = |n: &u8| ListedRoom { id: format!("r{n}").into(), kind: None, peers: Vec::new() };
        let rooms = self.rooms.iter().map(listed).collect();
        self.reconciler.on_list(self.now, asked, rooms);
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.reconciler.next_order() {
            match action {
                Action::Join { id, key, .. } => {
                    assert!(!self.alive.values().any(|known| *known == key), "two of {key}");
                    self.alive.insert(id, key);
                    self.to_join.push(id);
                }
                Action::Leave { id } | Action::LetGo { id } => {
                    if self.alive.contains_key(&id) {
                        self.end(id, &Outcome::Left);
                    }
                }
                Action::LookAt(_) => unreachable!("no rule asks for a type"),
            }
            let of_b = self.alive.values().filter(|key| &*key.deploy == "b").count();
            assert!(self.alive.len() <= LIMIT && of_b <= 1, "{:?}", self.alive);
            assert!(self.reconciler.admitted() <= LIMIT && self.reconciler.admitted() >= self.alive.len());
        }
    }

    /// All that can come comes.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.now += Duration::from_secs(61);
            self.act(Act::Lists);
            while !self.to_join.is_empty() {
                self.act(Act::Joins(true));
            }
        }
    }
}

proptest! {
    #[test]
    fn limits_hold_and_all_who_can_be_served_are(acts in acts()) {
        let reconciler = reconciler("always");
        let (rooms, alive) = (BTreeSet::new(), BTreeMap::new());
        let mut world = World { reconciler, now: Instant::now(), rooms, to_join: Vec::new(), alive };
        acts.into_iter().for_each(|act| world.act(act));
        // Who was sent away by hand, or left, is back with the next person; here nobody waits for one.
        let told: usize = world.reconciler.list().iter().filter(|listed| listed.state == State::Finished).count();
        world.settle();
        // Each room wants one of `a`, and one of `b`, of which there may be one.
        let rooms = world.rooms.len();
        let wanted = LIMIT.min(rooms + rooms.min(1));
        prop_assert!(world.alive.len() + told >= wanted, "{} of {wanted}: {:?}", world.alive.len(), world.reconciler.list());
        prop_assert_eq!(world.reconciler.sessions(), world.alive.len());
        // And at the end nobody is left.
        world.reconciler.drain();
        world.reconciler.dismiss_all("the end");
        world.carry_out();
        prop_assert!(world.alive.is_empty());
        prop_assert_eq!(world.reconciler.admitted(), 0);
    }
}

#[test]
fn a_clock_that_jumps_a_day_does_each_thing_once() {
    let mut world = World {
        reconciler: reconciler("always"),
        now: Instant::now(),
        rooms: BTreeSet::new(),
        to_join: Vec::new(),
        alive: BTreeMap::new(),
    };
    world.act(Act::Created(1));
    world.act(Act::Joins(false));
    world.act(Act::Joins(false));
    assert!(world.to_join.is_empty(), "both wait");
    world.now += Duration::from_secs(86_400);
    world.act(Act::Passes(0));
    assert_eq!((world.to_join.len(), world.alive.len()), (2, 2));
    world.act(Act::Passes(0));
    assert_eq!((world.to_join.len(), world.alive.len()), (2, 2));
}
