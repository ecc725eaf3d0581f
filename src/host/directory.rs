//! The rooms of a Fishjam and who is in them: one picture out of notifications that may be missed, doubled or out of
//! order, and of lists that may be older than them.

use std::collections::{BTreeMap, HashSet};

use crate::{
    event::{Event, EventKind, Peer, PeerEvent, RoomEvent, RoomId, RoomKind, Roster},
    platform::ListedRoom,
};

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct RoomDirectory {
    rooms: BTreeMap<RoomId, RoomView>,
    /// Rooms that have ended since the last list that told so, and must not come back by older notifications.
    gone: HashSet<RoomId>,
    /// Those of them that a list under way may still hold.
    gone_meanwhile: Option<HashSet<RoomId>>,
    epoch: u64,
}

/// One room.
#[derive(Debug)]
pub(super) struct RoomView {
    /// Not known of a room that only a notification spoke of.
    kind: Option<RoomKind>,
    roster: Roster,
    /// The epoch of the last fact; a list asked for in an earlier one may be older than that.
    changed: u64,
    /// What the roster gave for the list that is under way.
    asked: Option<u64>,
    /// Grows with each person who comes.
    arrivals: u64,
    /// Whether nobody is there by REST's word, and nothing else was heard since.
    is_empty_for_sure: bool,
    /// What the roster gave for the look at this room that is under way.
    looking: Option<u64>,
    /// REST has been asked for its type.
    is_looked_at: bool,
}

impl RoomView {
    fn new(epoch: u64) -> RoomView {
        RoomView {
            kind: None,
            roster: Roster::new("".into()),
            changed: epoch,
            asked: None,
            arrivals: 0,
            is_empty_for_sure: false,
            looking: None,
            is_looked_at: false,
        }
    }

    pub(super) fn kind(&self) -> Option<RoomKind> {
        self.kind
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.roster.peers()
    }

    /// How many people are in the room.
    pub(super) fn people(&self) -> usize {
        self.peers().filter(|peer| peer.kind.is_person()).count()
    }

    /// How many people have come so far.
    pub(super) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Whether REST, too, knows of nobody in the room.
    pub(super) fn is_empty_for_sure(&self) -> bool {
        self.is_empty_for_sure && self.people() == 0
    }

    /// Takes in what REST says of the room; `asked` is what the roster gave when it was asked.
    fn reconcile(&mut self, asked: u64, room: &ListedRoom) {
        let before = self.people();
        let listed = room.snapshot();
        self.is_empty_for_sure = !listed.peers.iter().any(|peer| peer.kind.is_person());
        self.roster.reconcile(asked, listed);
        self.arrivals += self.people().saturating_sub(before) as u64;
    }

    /// Whether somebody's metadata contains `wanted`.
    pub(super) fn has_peer_with(&self, wanted: &serde_json::Map<String, serde_json::Value>) -> bool {
        wanted.is_empty() || self.peers().any(|peer| peer.metadata.contains(wanted))
    }

    /// What somebody's metadata has at `path`, whose keys are separated by dots.
    pub(super) fn named_at(&self, path: &str) -> Option<String> {
        self.peers().find_map(|peer| {
            let value = path.split('.').try_fold(peer.metadata.json(), |value, key| value.get(key))?;
            value.as_str().map(ToOwned::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
        })
    }

    fn change(&mut self, epoch: u64, said: &Event) {
        self.changed = epoch;
        self.is_empty_for_sure = false;
        let before = self.people();
        self.roster.apply(said);
        self.arrivals += self.people().saturating_sub(before) as u64;
    }
}

/// What became of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there, and may have changed.
    Seen,
    /// It has ended.
    Gone,
}

impl RoomDirectory {
    pub(super) fn room(&self, id: &RoomId) -> Option<&RoomView> {
        self.rooms.get(id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &RoomId> {
        self.rooms.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Takes a notification in. Says which room changed, if one did.
    pub(super) fn apply(&mut self, said: &Event) -> Option<(RoomId, Change)> {
        let room = said.room()?.clone();
        if matches!(said.kind, EventKind::Room(RoomEvent::Closed { .. })) {
            self.remove(&room);
            return Some((room, Change::Gone));
        }
        // That we are in it is newer than that it had ended.
        if matches!(said.kind, EventKind::Room(RoomEvent::Entered { .. })) {
            self.gone.remove(&room);
        }
        if self.gone.contains(&room) {
            return None;
        }
        let epoch = self.epoch;
        // Notifications from a room whose creation was missed speak of it, too.
        let view = self.rooms.entry(room.clone()).or_insert_with(|| RoomView::new(epoch));
        view.changed = epoch;
        // Tracks are for the agents of the room; a session has a roster of its own.
        let is_of_peers = match &said.kind {
            EventKind::Peer(event) => !matches!(event, PeerEvent::Registered { .. }),
            EventKind::Room(RoomEvent::Entered { roster, .. }) => roster.is_some(),
            EventKind::Room(RoomEvent::Roster { .. }) => true,
            _ => false,
        };
        if is_of_peers {
            view.change(epoch, said);
        }
        Some((room, Change::Seen))
    }

    /// The room is not there: REST said so.
    pub(super) fn remove(&mut self, room: &RoomId) {
        self.rooms.remove(room);
        self.gone.insert(room.clone());
        if let Some(gone) = &mut self.gone_meanwhile {
            gone.insert(room.clone());
        }
    }

    /// A list is about to be asked for. Give the number back with it.
    pub(super) fn begin_list(&mut self) -> u64 {
        self.epoch += 1;
        self.gone_meanwhile = Some(HashSet::new());
        for view in self.rooms.values_mut() {
            view.asked = Some(view.roster.begin_snapshot());
            // The list will tell what a look would.
            view.looking = None;
        }
        self.epoch
    }

    /// Takes a list of all rooms in. What was heard after `begin_list` gave `asked` stands, since the list may be
    /// older.
    pub(super) fn reconcile(&mut self, asked: u64, listed: Vec<ListedRoom>) -> Vec<(RoomId, Change)> {
        let meanwhile = self.gone_meanwhile.take().unwrap_or_default();
        let ids: HashSet<RoomId> = listed.iter().map(|room| room.id.clone()).collect();
        let unlisted = |(id, view): &(&RoomId, &RoomView)| view.changed < asked && !ids.contains(*id);
        let ended: Vec<RoomId> = self.rooms.iter().filter(unlisted).map(|(id, _)| id.clone()).collect();
        for id in &ended {
            self.rooms.remove(id);
        }
        self.gone = meanwhile;
        let mut changes: Vec<_> = ended.into_iter().map(|id| (id, Change::Gone)).collect();
        for room in listed {
            if !self.gone.contains(&room.id) {
                changes.push((room.id.clone(), Change::Seen));
                self.on_listed(room);
            }
        }
        changes
    }

    /// The list did not come.
    pub(super) fn on_list_failed(&mut self) {
        self.gone_meanwhile = None;
        self.rooms.values_mut().for_each(|view| view.asked = None);
    }

    /// Whether REST should be asked for the room's type now: once is enough.
    pub(super) fn begin_look_for_type(&mut self, room: &RoomId) -> bool {
        let is_new = self.rooms.get_mut(room).is_some_and(|view| !std::mem::replace(&mut view.is_looked_at, true));
        is_new && self.begin_look(room)
    }

    /// Whether REST should be asked for this room now: not while it or a list is being asked for.
    pub(super) fn begin_look(&mut self, room: &RoomId) -> bool {
        let idle = |view: &&mut RoomView| view.looking.is_none() && view.asked.is_none();
        let Some(view) = self.rooms.get_mut(room).filter(idle) else { return false };
        view.looking = Some(view.roster.begin_snapshot());
        true
    }

    /// A single room was looked at.
    pub(super) fn on_looked_at(&mut self, room: ListedRoom) {
        if let Some(view) = self.rooms.get_mut(&room.id) {
            view.kind = room.kind;
            if let Some(asked) = view.looking.take() {
                view.reconcile(asked, &room);
            }
        }
    }

    /// It could not be looked at.
    pub(super) fn on_look_failed(&mut self, room: &RoomId) {
        if let Some(view) = self.rooms.get_mut(room) {
            view.looking = None;
        }
    }

    fn on_listed(&mut self, room: ListedRoom) {
        let epoch = self.epoch;
        let view = self.rooms.entry(room.id.clone()).or_insert_with(|| {
            let mut view = RoomView::new(epoch);
            view.asked = Some(view.roster.begin_snapshot());
            view
        });
        view.kind = room.kind;
        // A room that was heard of after the list was asked for is left as it was heard.
        if let Some(asked) = view.asked.take() {
            view.reconcile(asked, &room);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        event::{End, Metadata, PeerKind},
        platform::{ListedPeer, PeerStatus},
    };

    fn listed(id: &str, people: &[&str]) -> ListedRoom {
        let peer =
            |id: &&str| ListedPeer { peer: Peer::new((*id).into(), PeerKind::Person), status: PeerStatus::Connected };
        ListedRoom { id: id.into(), kind: Some(RoomKind::Conference), peers: people.iter().map(peer).collect() }
    }

    fn created(room: &str) -> Event {
        Event::from(RoomEvent::Opened { info: Metadata::default() }).in_room(room.into())
    }

    fn deleted(room: &str) -> Event {
        Event::from(RoomEvent::Closed { end: End::Normal }).in_room(room.into())
    }

    fn came(room: &str, peer: &str) -> Event {
        Event::from(PeerEvent::joined(Peer::new(peer.into(), PeerKind::Person))).in_room(room.into())
    }

    fn went(room: &str, peer: &str) -> Event {
        Event::from(PeerEvent::left(Peer::new(peer.into(), PeerKind::Person))).in_room(room.into())
    }

    #[test]
    fn a_room_that_ended_does_not_come_back_by_older_news() {
        let mut directory = RoomDirectory::default();
        directory.apply(&deleted("a"));
        assert_eq!(directory.apply(&created("a")), None, "the two came in the wrong order");
        assert_eq!(directory.apply(&came("a", "ada")), None);
        directory.apply(&created("b"));
        let asked = directory.begin_list();
        directory.apply(&deleted("b"));
        directory.apply(&created("c"));
        directory.reconcile(asked, vec![listed("b", &[]), listed("d", &["dora"])]);
        let ids: Vec<&str> = directory.ids().map(RoomId::as_str).collect();
        assert_eq!(ids, ["c", "d"], "b ended and c began while the list was on its way");
        assert_eq!(
            (directory.room(&"d".into()).unwrap().people(), directory.room(&"d".into()).unwrap().arrivals()),
            (1, 1)
        );
    }

    proptest! {
        /// Whatever is lost, doubled or swapped: a list that is asked for once all is quiet sets it right.
        #[test]
        fn any_news_and_a_list_end_in_the_right_picture(
            updates in proptest::collection::vec((0..4usize, 0..3usize, 0..4u8), 0..60),
            truth in proptest::collection::btree_map(0..4usize, proptest::collection::btree_set(0..3usize, 0..3), 0..4),
        ) {
            let (rooms, people) = (["a", "b", "c", "d"], ["x", "y", "z"]);
            let mut directory = RoomDirectory::default();
            for (room, person, what) in updates {
                let (room, peer) = (rooms[room], people[person]);
                directory.apply(&[created(room), deleted(room), came(room, peer), went(room, peer)][usize::from(what)]);
            }
            let asked = directory.begin_list();
            let name = |ids: &std::collections::BTreeSet<usize>| ids.iter().map(|id| people[*id]).collect::<Vec<_>>();
            let list = truth.iter().map(|(room, ids)| listed(rooms[*room], &name(ids))).collect();
            directory.reconcile(asked, list);
            let seen: Vec<(String, Vec<String>)> = directory
                .ids()
                .map(|id| (id.to_string(), directory.room(id).unwrap().peers().map(|peer| peer.id.to_string()).collect()))
                .collect();
            let expected: Vec<(String, Vec<String>)> = truth
                .iter()
                .map(|(room, ids)| (rooms[*room].to_owned(), name(ids).into_iter().map(str::to_owned).collect()))
                .collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
