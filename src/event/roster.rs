//! Who is in the room: one picture out of notifications that may be missed, doubled or out of order, and of snapshots
//! that may be older than them.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use super::{Metadata, Peer, PeerId, PeerKind, RoomEvent, Track, TrackId, TrackKind};

/// What a platform says of a room's peers, one fact at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum RosterChange {
    /// The peer is connected.
    Present {
        /// Who.
        peer: PeerId,
        /// Person or program.
        kind: PeerKind,
    },
    /// The peer is no longer connected.
    Absent {
        /// Who.
        peer: PeerId,
        /// The reason, where it crashed.
        crash: Option<String>,
    },
    /// What is said of the peer is now this.
    Described {
        /// Who.
        peer: PeerId,
        /// Person or program.
        kind: PeerKind,
        /// All of its metadata.
        metadata: Metadata,
    },
    /// The peer publishes the track, or says something new of it.
    Publishes {
        /// Who.
        peer: PeerId,
        /// Which.
        track: Track,
    },
    /// The peer sends sound on the track, though nothing was said of either: both are here, then.
    Heard {
        /// Who.
        peer: PeerId,
        /// Which.
        track: TrackId,
    },
    /// The peer publishes the track no longer.
    Withdraws {
        /// Who.
        peer: PeerId,
        /// Which.
        track: TrackId,
    },
}

/// The connected peers of a room as a platform lists them at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The peers with their tracks.
    pub peers: Vec<Peer>,
}

/// The picture of one room. Every change comes back as the [`RoomEvent`]s that an agent is told: each peer joins
/// once, before its tracks, and leaves once, after them.
///
/// A fact about a peer whose kind is not known yet is kept until a snapshot or a later fact tells the kind;
/// [`wants_snapshot`](Self::wants_snapshot) says when one is needed.
///
/// ```
/// use roomtone::event::*;
/// let mut roster = Roster::new("me".into());
/// let joined = RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person };
/// assert_eq!(roster.apply(joined.clone()).len(), 1);
/// assert_eq!(roster.apply(joined).len(), 0, "told twice, joined once");
/// ```
#[derive(Debug)]
pub struct Roster {
    /// The agent's own peer, which is no news to it.
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

#[derive(Debug)]
struct Entry {
    peer: Peer,
    /// Told to the agent. An entry that is not holds early tracks or late news of a peer that left.
    joined: bool,
    /// Known by its sound alone; no list and no news has spoken of it.
    is_derived: bool,
    /// The epoch of the last fact; a snapshot asked for in an earlier epoch may be older than that fact.
    changed: u64,
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

    /// Takes one fact in.
    pub fn apply(&mut self, change: RosterChange) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        match change {
            RosterChange::Present { peer, kind } => self.on_present(peer, kind, &mut events),
            RosterChange::Absent { peer, crash } => self.on_absent(&peer, crash, &mut events),
            RosterChange::Described { peer, kind, metadata } => self.on_described(peer, kind, metadata, &mut events),
            RosterChange::Publishes { peer, track } => self.on_publishes(&peer, track, &mut events),
            RosterChange::Heard { peer, track } => self.on_heard(&peer, track, &mut events),
            RosterChange::Withdraws { peer, track } => self.on_withdraws(&peer, &track, &mut events),
        }
        events
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
    pub fn reconcile(&mut self, asked: u64, snapshot: Snapshot) -> Vec<RoomEvent> {
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
        gone.iter().for_each(|id| self.on_absent(id, None, &mut events));
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

    fn on_present(&mut self, id: PeerId, kind: PeerKind, events: &mut Vec<RoomEvent>) {
        if id == self.me {
            return;
        }
        let Some(entry) = self.entry(&id) else { return };
        entry.is_derived = false;
        let is_news = entry.learn(kind);
        if !entry.joined {
            entry.join(events);
        } else if is_news {
            events.push(entry.updated());
        }
    }

    fn on_heard(&mut self, id: &PeerId, track: TrackId, events: &mut Vec<RoomEvent>) {
        if *id == self.me {
            return;
        }
        let Some(entry) = self.entry(id) else { return };
        if !entry.joined {
            entry.is_derived = true;
            entry.join(events);
        }
        if entry.peer.track(&track).is_none() && entry.peer.tracks.len() < MOST_TRACKS {
            let track = Track::new(track, TrackKind::Audio);
            entry.peer.tracks.push(track.clone());
            events.push(RoomEvent::TrackAdded { peer: id.clone(), track });
        }
    }

    fn on_absent(&mut self, id: &PeerId, crash: Option<String>, events: &mut Vec<RoomEvent>) {
        if let Some(gone) = &mut self.gone_meanwhile {
            gone.peers.insert(id.clone());
        }
        let Some(entry) = self.peers.remove(id) else { return };
        if entry.joined {
            let tracks = entry.peer.tracks.into_iter();
            events.extend(tracks.map(|track| RoomEvent::TrackRemoved { peer: id.clone(), track: track.id }));
            events.push(RoomEvent::PeerLeft { peer: id.clone(), crash });
        }
    }

    fn on_described(&mut self, id: PeerId, kind: PeerKind, metadata: Metadata, events: &mut Vec<RoomEvent>) {
        if id == self.me {
            return;
        }
        let Some(entry) = self.entry(&id) else { return };
        entry.is_derived = false;
        let is_news = entry.learn(kind) | (entry.peer.metadata != metadata);
        entry.peer.metadata = metadata;
        if entry.joined && is_news {
            events.push(entry.updated());
        }
    }

    fn on_publishes(&mut self, id: &PeerId, track: Track, events: &mut Vec<RoomEvent>) {
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
                Some(RoomEvent::TrackUpdated { peer: id.clone(), track: known.clone() })
            }
            None if is_full => None,
            None => {
                entry.peer.tracks.push(track.clone());
                Some(RoomEvent::TrackAdded { peer: id.clone(), track })
            }
        };
        match joined {
            true => events.extend(told),
            false => self.wants_snapshot = true,
        }
    }

    fn on_withdraws(&mut self, id: &PeerId, track: &TrackId, events: &mut Vec<RoomEvent>) {
        if let Some(gone) = &mut self.gone_meanwhile {
            gone.tracks.insert(track.clone());
        }
        let Some(entry) = self.peers.get_mut(id) else { return };
        let before = entry.peer.tracks.len();
        entry.peer.tracks.retain(|known| known.id != *track);
        entry.changed = self.epoch;
        if entry.peer.tracks.len() == before {
            if self.withdrawn_early.len() < MOST_WITHDRAWN_EARLY {
                self.withdrawn_early.insert(track.clone());
            }
        } else if entry.joined {
            events.push(RoomEvent::TrackRemoved { peer: id.clone(), track: track.clone() });
        }
    }

    /// Brings one peer to what a snapshot says of it. What was taken for granted of one that is heard is corrected, but
    /// the tracks that it is heard on stay: the list may be older than they are.
    fn on_listed(&mut self, peer: Peer, meanwhile: &Gone, events: &mut Vec<RoomEvent>) {
        let is_derived = self.peers.get(&peer.id).is_some_and(|entry| entry.is_derived);
        self.on_described(peer.id.clone(), peer.kind, peer.metadata, events);
        if let Some(entry) = self.peers.get(&peer.id).filter(|_| !is_derived) {
            let gone = entry.peer.tracks.iter().filter(|known| !peer.tracks.iter().any(|track| track.id == known.id));
            let gone: Vec<TrackId> = gone.map(|track| track.id.clone()).collect();
            gone.iter().for_each(|track| self.on_withdraws(&peer.id, track, events));
        }
        self.on_present(peer.id.clone(), peer.kind, events);
        for track in peer.tracks.into_iter().filter(|track| !meanwhile.tracks.contains(&track.id)) {
            // The list is newer than a withdrawal that found nothing to withdraw.
            self.withdrawn_early.remove(&track.id);
            self.on_publishes(&peer.id, track, events);
        }
    }
}

impl Entry {
    /// Takes its kind in. Says whether that is news.
    fn learn(&mut self, kind: PeerKind) -> bool {
        let is_news = kind != PeerKind::Unknown && kind != self.peer.kind;
        if is_news {
            self.peer.kind = kind;
        }
        is_news
    }

    fn join(&mut self, events: &mut Vec<RoomEvent>) {
        self.joined = true;
        let (id, tracks) = (&self.peer.id, self.peer.tracks.clone());
        events.push(RoomEvent::PeerJoined { peer: Peer { tracks: Vec::new(), ..self.peer.clone() } });
        events.extend(tracks.into_iter().map(|track| RoomEvent::TrackAdded { peer: id.clone(), track }));
    }

    fn updated(&self) -> RoomEvent {
        let Peer { id, kind, metadata, .. } = &self.peer;
        RoomEvent::PeerUpdated { peer: id.clone(), kind: *kind, metadata: metadata.clone() }
    }
}

impl Track {
    /// A track of which nothing is known but its id and kind.
    pub fn new(id: TrackId, kind: TrackKind) -> Track {
        Track { id, kind, metadata: Metadata::default() }
    }
}

/// Peers of a room, and tracks of a peer, beyond which a platform is broken, and no more are taken in.
const MOST_PEERS: usize = 10_000;
const MOST_TRACKS: usize = 256;
/// Withdrawals without a publication that are remembered between two snapshots; a platform that sends more is broken.
const MOST_WITHDRAWN_EARLY: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn present(peer: &str) -> RosterChange {
        RosterChange::Present { peer: peer.into(), kind: PeerKind::Person }
    }

    fn absent(peer: &str) -> RosterChange {
        RosterChange::Absent { peer: peer.into(), crash: None }
    }

    fn publishes(peer: &str, track: &str) -> RosterChange {
        RosterChange::Publishes { peer: peer.into(), track: Track::new(track.into(), TrackKind::Audio) }
    }

    fn withdraws(peer: &str, track: &str) -> RosterChange {
        RosterChange::Withdraws { peer: peer.into(), track: track.into() }
    }

    /// Panics unless the events could have been lived through: join, tracks, leave, each once.
    #[derive(Default)]
    struct Witness(BTreeMap<PeerId, BTreeSet<TrackId>>);

    impl Witness {
        fn see(&mut self, events: &[RoomEvent]) {
            for event in events {
                match event {
                    RoomEvent::PeerJoined { peer } => {
                        assert!(self.0.insert(peer.id.clone(), BTreeSet::new()).is_none(), "joined twice");
                    }
                    RoomEvent::TrackAdded { peer, track } => {
                        assert!(self.0.get_mut(peer).expect("joined").insert(track.id.clone()), "added twice");
                    }
                    RoomEvent::TrackRemoved { peer, track } => {
                        assert!(self.0.get_mut(peer).expect("joined").remove(track), "removed unseen");
                    }
                    RoomEvent::PeerLeft { peer, .. } => {
                        assert!(self.0.remove(peer).expect("joined").is_empty(), "left before its tracks");
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_track_told_before_its_peer_waits_for_it() {
        let mut roster = Roster::new("me".into());
        roster.begin_snapshot();
        assert!(roster.apply(publishes("ada", "t1")).is_empty());
        assert!(roster.wants_snapshot());
        let events = roster.apply(present("ada"));
        assert!(matches!(&events[..], [RoomEvent::PeerJoined { .. }, RoomEvent::TrackAdded { .. }]), "{events:?}");
    }

    #[test]
    fn a_snapshot_older_than_the_news_does_not_undo_it() {
        let mut roster = Roster::new("me".into());
        let asked = roster.begin_snapshot();
        roster.apply(present("ada"));
        assert!(roster.reconcile(asked, Snapshot::default()).is_empty());
        assert!(roster.peer("ada").is_some());
        let asked = roster.begin_snapshot();
        roster.apply(absent("ada"));
        let ada = Peer::new("ada".into(), PeerKind::Person);
        assert!(roster.reconcile(asked, Snapshot { peers: vec![ada] }).is_empty(), "ada left while it was on its way");
        roster.apply(present("ada"));
        let asked = roster.begin_snapshot();
        assert_eq!(roster.reconcile(asked, Snapshot::default()).len(), 1);
        assert!(roster.peer("ada").is_none());
    }

    #[test]
    fn a_track_that_went_while_a_snapshot_was_on_its_way_stays_gone_and_may_come_again() {
        let mut roster = Roster::new("me".into());
        let asked = roster.begin_snapshot();
        roster.apply(withdraws("ada", "t1"));
        let mut ada = Peer::new("ada".into(), PeerKind::Person);
        ada.tracks.push(Track::new("t1".into(), TrackKind::Audio));
        assert_eq!(roster.reconcile(asked, Snapshot { peers: vec![ada] }).len(), 1, "ada, without the track");
        assert_eq!(roster.apply(publishes("ada", "t1")).len(), 1);
    }

    #[test]
    fn a_peer_that_leaves_in_the_order_of_the_old_server_can_come_back_with_its_track() {
        let mut roster = Roster::new("me".into());
        let asked = roster.begin_snapshot();
        roster.reconcile(asked, Snapshot::default());
        for _ in 0..2 {
            assert_eq!(roster.apply(present("ada")).len(), 1);
            assert_eq!(roster.apply(publishes("ada", "t1")).len(), 1);
            assert_eq!(roster.apply(absent("ada")).len(), 2);
            assert!(roster.apply(withdraws("ada", "t1")).is_empty());
        }
    }

    #[test]
    fn who_is_heard_is_there_and_news_correct_what_was_taken_for_granted() {
        let mut roster = Roster::new("me".into());
        let heard = || RosterChange::Heard { peer: "bot".into(), track: "t1".into() };
        let events = roster.apply(heard());
        assert!(
            matches!(&events[..], [RoomEvent::PeerJoined { peer }, RoomEvent::TrackAdded { .. }] if peer.kind.is_person())
        );
        assert!(roster.apply(heard()).is_empty());
        // A list that does not know it is wrong for as long as it is heard.
        let asked = roster.begin_snapshot();
        roster.still_heard(&"bot".into());
        assert!(roster.reconcile(asked, Snapshot::default()).is_empty());
        let events = roster.apply(RosterChange::Present { peer: "bot".into(), kind: PeerKind::Agent });
        assert!(matches!(&events[..], [RoomEvent::PeerUpdated { kind: PeerKind::Agent, .. }]), "{events:?}");
        assert!(roster.apply(publishes("bot", "t1")).is_empty());
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
        roster.apply(RosterChange::Heard { peer: "bot".into(), track: "t1".into() });
        let asked = roster.begin_snapshot();
        roster.still_heard(&"bot".into());
        let listed = Snapshot { peers: vec![Peer::new("bot".into(), PeerKind::Agent)] };
        let events = roster.reconcile(asked, listed);
        assert!(matches!(&events[..], [RoomEvent::PeerUpdated { kind: PeerKind::Agent, .. }]), "{events:?}");
    }

    #[test]
    fn a_room_without_end_has_an_end() {
        let mut roster = Roster::new("me".into());
        (0..MOST_PEERS + 5).for_each(|n| drop(roster.apply(present(&n.to_string()))));
        (0..MOST_TRACKS + 5).for_each(|n| drop(roster.apply(publishes("7", &n.to_string()))));
        assert_eq!((roster.peers().count(), roster.peer("7").unwrap().tracks.len()), (MOST_PEERS, MOST_TRACKS));
    }

    #[test]
    fn the_agent_is_no_news_to_itself() {
        let mut roster = Roster::new("me".into());
        assert!(roster.apply(present("me")).is_empty());
        assert!(roster.apply(publishes("me", "voice")).is_empty());
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
                witness.see(&roster.apply(change));
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
