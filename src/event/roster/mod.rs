//! Who is in the room: one picture out of notifications that may be missed, doubled or out of order, and of snapshots
//! that may be older than them.

mod entry;

use std::collections::{BTreeMap, BTreeSet, btree_map};

use serde_json::{Map, Value};

use super::{
    Changes, End, Event, EventKind, Metadata, Owner, Peer, PeerEvent, PeerId, PeerKind, PeerState, Place, RoomEvent,
    Track, TrackEvent, TrackId, TrackKind,
};
use entry::Entry;

/// The connected peers of a room as a platform lists them at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The peers with their tracks.
    pub peers: Vec<Peer>,
}

/// One room. What a platform says goes in, and what an agent is told comes out: each peer joins once, before its tracks,
/// and leaves once, after them. What the platform said itself keeps its [`Native`](super::Native); what follows from it, or
/// from a list, is [`Origin::Derived`](super::Origin::Derived).
///
/// # Lists that are older than what was heard
///
/// A list is asked for, and while it is on its way notifications come. It shows the room as it was at some moment between
/// the two, and nobody knows at which. So every list has a number, the epoch, and each peer remembers the epoch in which
/// something was last heard of it:
///
/// ```text
/// epoch        1                         2
///              |-- asked ------- came ---|
/// heard of ada       x (1)                      stays as heard: the list may not have known yet
/// heard of bob x (0)                            is what the list says
/// eve left           x                          is not brought back by the list, which may still show her
/// ```
///
/// A fact about a peer whose kind is not known yet is kept until a snapshot or a later fact tells the kind;
/// [`wants_snapshot`](Self::wants_snapshot) says when one is needed.
///
/// ```
/// use roomtone::event::*;
/// let mut roster = Roster::new("me".into());
/// let peer = Peer::new("ada".into(), PeerKind::Person);
/// let joined = Event::from(PeerEvent::Joined { peer, state: None });
/// assert_eq!(roster.apply(&joined).len(), 1);
/// assert_eq!(roster.apply(&joined).len(), 0, "told twice, joined once");
/// ```
#[derive(Debug)]
pub struct Roster {
    /// The agent's own peer, of which it is not told.
    me: PeerId,
    peers: BTreeMap<PeerId, Entry>,
    /// Tracks that were withdrawn before they were published: the two came in the wrong order.
    withdrawn_early: BTreeSet<TrackId>,
    /// What went while a snapshot was on its way, which may still list it; `None` while none is.
    gone_meanwhile: Option<Gone>,
    /// Counts the snapshots asked for.
    epoch: u64,
    wants_snapshot: bool,
}

#[derive(Debug, Default)]
struct Gone {
    peers: BTreeSet<PeerId>,
    tracks: BTreeSet<TrackId>,
}

impl Roster {
    /// An empty room, seen by the peer `me`.
    pub fn new(me: PeerId) -> Roster {
        Roster {
            me,
            peers: BTreeMap::new(),
            withdrawn_early: BTreeSet::new(),
            gone_meanwhile: None,
            epoch: 0,
            wants_snapshot: true,
        }
    }

    /// Takes in what the platform says, and gives what an agent is told for it, in its order: nothing for what is known
    /// already, several events where something was missed, and what is not about who is in the room as it is.
    pub fn apply(&mut self, said: &Event) -> Vec<Event> {
        if self.is_mine(said) {
            return Vec::new();
        }
        let mut events = Vec::new();
        match &said.kind {
            EventKind::Peer(event) if !matches!(said.place, Some(Place::Stream(_))) => self.on_peer(event, &mut events),
            EventKind::Track(TrackEvent::Added { owner: Owner::Peer(peer), track })
            | EventKind::Track(TrackEvent::Updated { owner: Owner::Peer(peer), track }) => {
                self.on_publishes(peer, track.clone(), &mut events);
            }
            EventKind::Track(TrackEvent::Removed { owner: Owner::Peer(peer), track }) => {
                self.on_withdraws(peer, &track.id, &mut events);
            }
            // Everyone who is there: what was missed follows from it.
            EventKind::Room(
                RoomEvent::Entered { roster: Some(members), .. } | RoomEvent::Roster { peers: members },
            ) => {
                let others = members.iter().map(|member| &member.peer).filter(|peer| peer.id != self.me);
                let snapshot = Snapshot { peers: others.cloned().collect() };
                let asked = self.begin_snapshot();
                return [said.clone()].into_iter().chain(self.reconcile(asked, snapshot)).collect();
            }
            _ => return vec![said.clone()],
        }
        // What the platform said itself is told with its own words.
        if let Some(event) = events.iter_mut().find(|event| is_same(event, said)) {
            *event = Event { kind: event.kind.clone(), ..said.clone() };
        } else if let EventKind::Peer(PeerEvent::Registered { .. } | PeerEvent::Removed { .. }) = &said.kind {
            events.push(said.clone());
        } else if let EventKind::Peer(PeerEvent::Role { .. } | PeerEvent::Presence { .. }) = &said.kind {
            events.push(said.clone());
        }
        events
    }

    /// A peer sends sound on a track, though nothing was said of either: both are here, then.
    pub fn heard(&mut self, peer: &PeerId, track: TrackId) -> Vec<Event> {
        let mut events = Vec::new();
        self.on_heard(peer, track, &mut events);
        events
    }

    fn is_mine(&self, said: &Event) -> bool {
        match &said.kind {
            EventKind::Peer(event) => event.peer().id == self.me,
            EventKind::Voice(voice) => voice.peer == self.me,
            EventKind::Track(event) => event.owner().peer() == Some(&self.me),
            _ => false,
        }
    }

    fn on_peer(&mut self, event: &PeerEvent, events: &mut Vec<Event>) {
        match event {
            PeerEvent::Joined { peer, state } => self.on_present(peer, *state, events),
            PeerEvent::Left { peer, end } => self.on_absent(&peer.id, end.clone(), events),
            PeerEvent::Removed { peer } => self.on_absent(&peer.id, End::Normal, events),
            PeerEvent::Updated { peer, changes } => self.on_described(peer, changes, events),
            PeerEvent::Role { peer, .. } => {
                if let Some(entry) = self.peers.get_mut(&peer.id) {
                    entry.peer.role = peer.role.clone();
                }
            }
            PeerEvent::Registered { .. } | PeerEvent::Presence { .. } => {}
        }
    }

    /// A peer that is known by its sound alone still sends some: a list that does not name it is wrong.
    pub fn still_heard(&mut self, peer: &PeerId) {
        let epoch = self.epoch;
        if let Some(entry) = self.peers.get_mut(peer).filter(|entry| entry.is_derived) {
            entry.changed = epoch;
        }
    }

    /// A snapshot is about to be asked for. Give the number back with it.
    pub fn begin_snapshot(&mut self) -> u64 {
        self.wants_snapshot = false;
        self.gone_meanwhile = Some(Gone::default());
        self.epoch += 1;
        self.epoch
    }

    /// Takes a snapshot in. Peers of which something was heard after `begin_snapshot` gave `asked` keep what was
    /// heard, since the snapshot may be older.
    pub fn reconcile(&mut self, asked: u64, snapshot: Snapshot) -> Vec<Event> {
        let mut events = Vec::new();
        let listed: BTreeSet<PeerId> = snapshot.peers.iter().map(|peer| peer.id.clone()).collect();
        let settled = |entry: &Entry| entry.changed < asked;
        let meanwhile = self.gone_meanwhile.take().unwrap_or_default();
        let gone: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(id, entry)| settled(entry) && !listed.contains(*id))
            .map(|(id, _)| id.clone())
            .collect();
        gone.iter().for_each(|id| self.on_absent(id, End::Normal, &mut events));
        for peer in snapshot.peers {
            match self.peers.get(&peer.id) {
                None if meanwhile.peers.contains(&peer.id) => {}
                Some(entry) if entry.joined && !settled(entry) && !entry.is_derived => {}
                _ => self.on_listed(peer, &meanwhile, &mut events),
            }
        }
        self.withdrawn_early.clear();
        events
    }

    /// The snapshot did not come: it is wanted still.
    pub fn on_snapshot_failed(&mut self) {
        self.gone_meanwhile = None;
        self.wants_snapshot = true;
    }

    /// The snapshot will not come, and need not.
    pub fn on_snapshot_dropped(&mut self) {
        self.gone_meanwhile = None;
    }

    /// Whether a fact came that cannot be told to the agent before a snapshot has explained it.
    pub fn wants_snapshot(&self) -> bool {
        self.wants_snapshot
    }

    /// Something may have been missed, or a peer that nobody has spoken of sends sound: look again.
    pub fn request_snapshot(&mut self) {
        self.wants_snapshot = true;
    }

    /// The peer `id`, if it is in the room.
    pub fn peer(&self, id: &str) -> Option<&Peer> {
        self.peers.get(id).filter(|entry| entry.joined).map(|entry| &entry.peer)
    }

    /// Everyone in the room but the agent itself, by id.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values().filter(|entry| entry.joined).map(|entry| &entry.peer)
    }

    /// `None` where there are more peers than a room can have.
    fn entry(&mut self, id: &PeerId) -> Option<&mut Entry> {
        let (changed, is_full) = (self.epoch, self.peers.len() >= MOST_PEERS);
        let entry = match self.peers.entry(id.clone()) {
            btree_map::Entry::Occupied(entry) => entry.into_mut(),
            btree_map::Entry::Vacant(_) if is_full => return None,
            btree_map::Entry::Vacant(place) => {
                let peer = Peer::new(id.clone(), PeerKind::Unknown);
                place.insert(Entry { peer, joined: false, is_derived: false, changed })
            }
        };
        entry.changed = changed;
        Some(entry)
    }

    fn on_present(&mut self, peer: &Peer, state: Option<PeerState>, events: &mut Vec<Event>) {
        let Some(entry) = self.entry(&peer.id) else { return };
        entry.is_derived = false;
        let mut is_news = entry.learn(peer);
        // Where a join says nothing more of the peer, what was said before stands.
        if !peer.metadata.text().is_empty() && peer.metadata != entry.peer.metadata {
            entry.peer.metadata = peer.metadata.clone();
            is_news = true;
        }
        if !entry.joined {
            entry.join(state, events);
        } else if is_news {
            events.push(entry.updated());
        }
    }

    fn on_heard(&mut self, id: &PeerId, track: TrackId, events: &mut Vec<Event>) {
        if *id == self.me {
            return;
        }
        let Some(entry) = self.entry(id) else { return };
        if !entry.joined {
            entry.is_derived = true;
            entry.join(None, events);
        }
        if entry.peer.track(&track).is_none() && entry.peer.tracks.len() < MOST_TRACKS {
            let track = Track::new(track, TrackKind::Audio);
            entry.peer.tracks.push(track.clone());
            events.push(TrackEvent::Added { owner: Owner::Peer(id.clone()), track }.into());
        }
    }

    fn on_absent(&mut self, id: &PeerId, end: End, events: &mut Vec<Event>) {
        if let Some(gone) = &mut self.gone_meanwhile {
            gone.peers.insert(id.clone());
        }
        let Some(entry) = self.peers.remove(id) else { return };
        if entry.joined {
            let peer = entry.peer.without_tracks();
            let removed = |track| TrackEvent::Removed { owner: Owner::Peer(id.clone()), track }.into();
            events.extend(entry.peer.tracks.into_iter().map(removed));
            events.push(PeerEvent::Left { peer, end }.into());
        }
    }

    fn on_described(&mut self, peer: &Peer, changes: &Changes, events: &mut Vec<Event>) {
        let Some(entry) = self.entry(&peer.id) else { return };
        entry.is_derived = false;
        let metadata = match changes {
            Changes::Whole(metadata) => metadata.clone(),
            Changes::Named(changed) => merged(&entry.peer.metadata, changed),
        };
        let is_news = entry.learn(peer) | (entry.peer.metadata != metadata);
        entry.peer.metadata = metadata;
        if entry.joined && is_news {
            events.push(entry.updated());
        }
    }

    fn on_publishes(&mut self, id: &PeerId, track: Track, events: &mut Vec<Event>) {
        if *id == self.me || self.withdrawn_early.remove(&track.id) {
            return;
        }
        let Some(entry) = self.entry(id) else { return };
        let joined = entry.joined;
        let is_full = entry.peer.tracks.len() >= MOST_TRACKS;
        let told = match entry.peer.tracks.iter_mut().find(|known| known.id == track.id) {
            Some(known) if known.metadata == track.metadata => None,
            Some(known) => {
                // The kind is given once; later messages may leave it out.
                known.metadata = track.metadata;
                Some(TrackEvent::Updated { owner: Owner::Peer(id.clone()), track: known.clone() })
            }
            None if is_full => None,
            None => {
                entry.peer.tracks.push(track.clone());
                Some(TrackEvent::Added { owner: Owner::Peer(id.clone()), track })
            }
        };
        match joined {
            true => events.extend(told.map(Event::from)),
            false => self.wants_snapshot = true,
        }
    }

    fn on_withdraws(&mut self, id: &PeerId, track: &TrackId, events: &mut Vec<Event>) {
        if let Some(gone) = &mut self.gone_meanwhile {
            gone.tracks.insert(track.clone());
        }
        let Some(entry) = self.peers.get_mut(id) else { return };
        entry.changed = self.epoch;
        match entry.peer.tracks.iter().position(|known| known.id == *track) {
            None if self.withdrawn_early.len() < MOST_WITHDRAWN_EARLY => {
                self.withdrawn_early.insert(track.clone());
            }
            None => {}
            Some(place) => {
                let track = entry.peer.tracks.remove(place);
                let removed = TrackEvent::Removed { owner: Owner::Peer(id.clone()), track };
                events.extend(entry.joined.then(|| removed.into()));
            }
        }
    }

    /// Brings one peer to what a snapshot says of it. What was taken for granted of one that is heard is corrected, but
    /// the tracks that it is heard on stay: the list may be older than they are.
    fn on_listed(&mut self, peer: Peer, meanwhile: &Gone, events: &mut Vec<Event>) {
        if peer.id == self.me {
            return;
        }
        let is_derived = self.peers.get(&peer.id).is_some_and(|entry| entry.is_derived);
        self.on_described(&peer, &Changes::Whole(peer.metadata.clone()), events);
        if let Some(entry) = self.peers.get(&peer.id).filter(|_| !is_derived) {
            let gone = entry.peer.tracks.iter().filter(|known| !peer.tracks.iter().any(|track| track.id == known.id));
            let gone: Vec<TrackId> = gone.map(|track| track.id.clone()).collect();
            gone.iter().for_each(|track| self.on_withdraws(&peer.id, track, events));
        }
        self.on_present(&peer, None, events);
        for track in peer.tracks.into_iter().filter(|track| !meanwhile.tracks.contains(&track.id)) {
            // The list is newer than a withdrawal that found nothing to withdraw.
            self.withdrawn_early.remove(&track.id);
            self.on_publishes(&peer.id, track, events);
        }
    }
}

/// Whether both say the same of the same: `told` in the roster's words, `said` in the platform's.
fn is_same(told: &Event, said: &Event) -> bool {
    match (&told.kind, &said.kind) {
        (EventKind::Peer(told), EventKind::Peer(said)) => {
            std::mem::discriminant(told) == std::mem::discriminant(said) && told.peer().id == said.peer().id
        }
        (EventKind::Track(told), EventKind::Track(said)) => {
            std::mem::discriminant(told) == std::mem::discriminant(said) && told.track().id == said.track().id
        }
        _ => false,
    }
}

/// What is said now, with these fields changed.
fn merged(metadata: &Metadata, changed: &Metadata) -> Metadata {
    let object = |metadata: &Metadata| metadata.json().as_object().cloned().unwrap_or_default();
    let whole: Map<String, Value> = object(metadata).into_iter().chain(object(changed)).collect();
    Metadata::new(whole.into())
}

/// Peers of a room, and tracks of a peer, beyond which a platform is broken, and no more are taken in.
const MOST_PEERS: usize = 10_000;
const MOST_TRACKS: usize = 256;
/// Withdrawals without a publication that are remembered between two snapshots; a platform that sends more is broken.
const MOST_WITHDRAWN_EARLY: usize = 256;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Native, Origin};

    fn present(peer: &str) -> Event {
        present_as(peer, PeerKind::Person)
    }

    fn present_as(peer: &str, kind: PeerKind) -> Event {
        PeerEvent::Joined { peer: Peer::new(peer.into(), kind), state: None }.into()
    }

    fn absent(peer: &str) -> Event {
        PeerEvent::Left { peer: Peer::new(peer.into(), PeerKind::Person), end: End::Normal }.into()
    }

    fn publishes(peer: &str, track: &str) -> Event {
        let track = Track::new(track.into(), TrackKind::Audio);
        TrackEvent::Added { owner: Owner::Peer(peer.into()), track }.into()
    }

    fn withdraws(peer: &str, track: &str) -> Event {
        let track = Track::new(track.into(), TrackKind::Audio);
        TrackEvent::Removed { owner: Owner::Peer(peer.into()), track }.into()
    }

    /// Panics unless the events could have been lived through: join, tracks, leave, each once.
    #[derive(Default)]
    struct Witness(BTreeMap<PeerId, BTreeSet<TrackId>>);

    impl Witness {
        fn see(&mut self, events: &[Event]) {
            for event in events {
                match &event.kind {
                    EventKind::Peer(PeerEvent::Joined { peer, .. }) => {
                        assert!(self.0.insert(peer.id.clone(), BTreeSet::new()).is_none(), "joined twice");
                    }
                    EventKind::Track(TrackEvent::Added { owner, track }) => {
                        let tracks = self.0.get_mut(owner.peer().unwrap()).expect("joined");
                        assert!(tracks.insert(track.id.clone()), "added twice");
                    }
                    EventKind::Track(TrackEvent::Removed { owner, track }) => {
                        let tracks = self.0.get_mut(owner.peer().unwrap()).expect("joined");
                        assert!(tracks.remove(&track.id), "removed unseen");
                    }
                    EventKind::Peer(PeerEvent::Left { peer, .. }) => {
                        assert!(self.0.remove(&peer.id).expect("joined").is_empty(), "left before its tracks");
                    }
                    _ => {}
                }
            }
        }
    }

    fn names(events: &[Event]) -> Vec<&'static str> {
        events.iter().map(|event| event.kind.name()).collect()
    }

    fn kind_told(events: &[Event]) -> Option<PeerKind> {
        match events {
            [Event { kind: EventKind::Peer(PeerEvent::Updated { peer, .. }), .. }] => Some(peer.kind),
            _ => None,
        }
    }

    #[test]
    fn what_the_platform_said_keeps_its_words_and_what_follows_is_derived() {
        let native = || Native::json_text("test", "publishes", Bytes::from_static(b"{}"));
        let mut roster = Roster::new("me".into());
        assert!(roster.apply(&Event { native: Some(native()), ..publishes("ada", "t1") }).is_empty());
        let said = Event { native: Some(native()), origin: Origin::Platform, ..present("ada") };
        let events = roster.apply(&said);
        assert_eq!(names(&events), ["peer.joined", "track.added"]);
        assert_eq!((events[0].origin, events[0].native.as_ref()), (Origin::Platform, said.native.as_ref()));
        assert_eq!((events[1].origin, events[1].native.as_ref()), (Origin::Derived, None));
        assert!(roster.apply(&said).is_empty(), "a duplicate");
    }

    #[test]
    fn a_join_brings_along_what_it_says_of_the_peer() {
        let mut roster = Roster::new("me".into());
        let metadata = Metadata::from_text(r#"{"role":"host"}"#);
        let state = Some(PeerState { audio_muted: Some(true), ..PeerState::default() });
        let peer = Peer { metadata: metadata.clone(), ..Peer::new("ada".into(), PeerKind::Person) };
        let told = roster.apply(&PeerEvent::Joined { peer: peer.clone(), state }.into());
        assert_eq!(told[0].kind, PeerEvent::Joined { peer, state }.into());
        // Said again without it, it stands.
        assert!(roster.apply(&present("ada")).is_empty());
        assert_eq!(roster.peer("ada").unwrap().metadata, metadata);
    }

    #[test]
    fn fields_that_changed_are_merged_and_a_whole_replaces() {
        let mut roster = Roster::new("me".into());
        roster.apply(&present("ada"));
        let changed = |changes| PeerEvent::Updated { peer: Peer::new("ada".into(), PeerKind::Unknown), changes }.into();
        let json = |text| Metadata::from_text(text);
        roster.apply(&changed(Changes::Named(json(r#"{"a":1,"b":2}"#))));
        roster.apply(&changed(Changes::Named(json(r#"{"b":3}"#))));
        assert_eq!(roster.peer("ada").unwrap().metadata.json(), &serde_json::json!({ "a": 1, "b": 3 }));
        roster.apply(&changed(Changes::Whole(json(r#"{"c":4}"#))));
        assert_eq!(roster.peer("ada").unwrap().metadata.json(), &serde_json::json!({ "c": 4 }));
    }

    #[test]
    fn a_track_told_before_its_peer_waits_for_it() {
        let mut roster = Roster::new("me".into());
        roster.begin_snapshot();
        assert!(roster.apply(&publishes("ada", "t1")).is_empty());
        assert!(roster.wants_snapshot());
        let events = roster.apply(&present("ada"));
        assert!(names(&events) == ["peer.joined", "track.added"], "{events:?}");
    }

    #[test]
    fn a_snapshot_older_than_the_news_does_not_undo_it() {
        let mut roster = Roster::new("me".into());
        let asked = roster.begin_snapshot();
        roster.apply(&present("ada"));
        assert!(roster.reconcile(asked, Snapshot::default()).is_empty());
        assert!(roster.peer("ada").is_some());
        let asked = roster.begin_snapshot();
        roster.apply(&absent("ada"));
        let ada = Peer::new("ada".into(), PeerKind::Person);
        assert!(roster.reconcile(asked, Snapshot { peers: vec![ada] }).is_empty(), "ada left while it was on its way");
        roster.apply(&present("ada"));
        let asked = roster.begin_snapshot();
        assert_eq!(roster.reconcile(asked, Snapshot::default()).len(), 1);
        assert!(roster.peer("ada").is_none());
    }

    #[test]
    fn a_track_that_went_while_a_snapshot_was_on_its_way_stays_gone_and_may_come_again() {
        let mut roster = Roster::new("me".into());
        let asked = roster.begin_snapshot();
        roster.apply(&withdraws("ada", "t1"));
        let mut ada = Peer::new("ada".into(), PeerKind::Person);
        ada.tracks.push(Track::new("t1".into(), TrackKind::Audio));
        assert_eq!(roster.reconcile(asked, Snapshot { peers: vec![ada] }).len(), 1, "ada, without the track");
        assert_eq!(roster.apply(&publishes("ada", "t1")).len(), 1);
    }

    #[test]
    fn a_peer_that_leaves_in_the_order_of_the_old_server_can_come_back_with_its_track() {
        let mut roster = Roster::new("me".into());
        let asked = roster.begin_snapshot();
        roster.reconcile(asked, Snapshot::default());
        for _ in 0..2 {
            assert_eq!(roster.apply(&present("ada")).len(), 1);
            assert_eq!(roster.apply(&publishes("ada", "t1")).len(), 1);
            assert_eq!(roster.apply(&absent("ada")).len(), 2);
            assert!(roster.apply(&withdraws("ada", "t1")).is_empty());
        }
    }

    #[test]
    fn who_is_heard_is_there_and_news_correct_what_was_taken_for_granted() {
        let mut roster = Roster::new("me".into());
        let events = roster.heard(&"bot".into(), "t1".into());
        assert_eq!(names(&events), ["peer.joined", "track.added"]);
        assert!(roster.peer("bot").unwrap().kind.is_person());
        assert!(roster.heard(&"bot".into(), "t1".into()).is_empty());
        // A list that does not know it is wrong for as long as it is heard.
        let asked = roster.begin_snapshot();
        roster.still_heard(&"bot".into());
        assert!(roster.reconcile(asked, Snapshot::default()).is_empty());
        let events = roster.apply(&present_as("bot", PeerKind::Agent));
        assert_eq!(kind_told(&events), Some(PeerKind::Agent), "{events:?}");
        assert!(roster.apply(&publishes("bot", "t1")).is_empty());
        let asked = roster.begin_snapshot();
        roster.still_heard(&"bot".into());
        assert_eq!(
            roster.reconcile(asked, Snapshot::default()).len(),
            2,
            "it is known, so a list may say that it went"
        );
    }

    #[test]
    fn a_list_corrects_who_is_only_heard_while_they_are_heard() {
        let mut roster = Roster::new("me".into());
        roster.heard(&"bot".into(), "t1".into());
        let asked = roster.begin_snapshot();
        roster.still_heard(&"bot".into());
        let listed = Snapshot { peers: vec![Peer::new("bot".into(), PeerKind::Agent)] };
        let events = roster.reconcile(asked, listed);
        assert_eq!(kind_told(&events), Some(PeerKind::Agent), "{events:?}");
    }

    #[test]
    fn a_room_without_end_has_an_end() {
        let mut roster = Roster::new("me".into());
        (0..MOST_PEERS + 5).for_each(|n| drop(roster.apply(&present(&n.to_string()))));
        (0..MOST_TRACKS + 5).for_each(|n| drop(roster.apply(&publishes("7", &n.to_string()))));
        assert_eq!((roster.peers().count(), roster.peer("7").unwrap().tracks.len()), (MOST_PEERS, MOST_TRACKS));
    }

    #[test]
    fn the_agent_is_no_news_to_itself() {
        let mut roster = Roster::new("me".into());
        assert!(roster.apply(&present("me")).is_empty());
        assert!(roster.apply(&publishes("me", "voice")).is_empty());
        let asked = roster.begin_snapshot();
        let listed = Snapshot { peers: vec![Peer::new("me".into(), PeerKind::Agent)] };
        assert!(roster.reconcile(asked, listed).is_empty());
        assert_eq!(roster.peers().count(), 0);
    }

    proptest! {
        #[test]
        fn any_order_ends_in_the_picture_of_the_snapshot(picks in proptest::collection::vec((0usize..4, 0usize..3, 0usize..3), 0..60)) {
            let mut roster = Roster::new("me".into());
            let mut witness = Witness::default();
            for (what, peer, track) in picks {
                let (peer, track) = (["a", "b", "me"][peer], ["t1", "t2", "t3"][track]);
                let track = format!("{peer}-{track}");
                let change = match what {
                    0 => present(peer),
                    1 => absent(peer),
                    2 => publishes(peer, &track),
                    _ => withdraws(peer, &track),
                };
                witness.see(&roster.apply(&change));
            }
            let mut ada = Peer::new("a".into(), PeerKind::Person);
            ada.tracks.push(Track::new("a-t2".into(), TrackKind::Audio));
            let asked = roster.begin_snapshot();
            witness.see(&roster.reconcile(asked, Snapshot { peers: vec![ada] }));
            let picture: Vec<_> = roster.peers().map(|peer| (peer.id.as_str(), peer.tracks.len())).collect();
            prop_assert_eq!(picture, vec![("a", 1)]);
            prop_assert_eq!(witness.0.len(), 1);
            prop_assert!(roster.peer("a").unwrap().track(&"a-t2".into()).is_some());
        }
    }
}
