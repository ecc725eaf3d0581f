//! Which rooms there are and who is in them, out of what is told.

use std::collections::{BTreeMap, HashSet};

use crate::{
    event::{Event, EventKind, Member, Peer, PeerEvent, PeerId, RoomEvent, RoomId, Snapshot},
    platform::{ListedPeer, ListedRoom, PeerStatus},
};

/// See the module's head.
#[derive(Debug, Default)]
pub(super) struct Rooms(BTreeMap<RoomId, Room>);

#[derive(Debug)]
struct Room {
    peers: BTreeMap<PeerId, Peer>,
    /// Nothing has been told of it since the link was up last: it may have ended meanwhile.
    is_stale: bool,
    /// It was followed from its beginning, or who is in it has been told since the last break.
    is_known: bool,
}

impl Default for Room {
    fn default() -> Room {
        Room { peers: BTreeMap::new(), is_stale: false, is_known: true }
    }
}

impl Rooms {
    pub(super) fn apply(&mut self, event: &Event) {
        let Some(id) = event.room() else { return };
        if let EventKind::Room(RoomEvent::Closed { .. }) = &event.kind {
            self.0.remove(id);
            return;
        }
        // The last words of a room that is over do not bring it back, nor does a page that speaks of it late.
        let may_begin = matches!(
            &event.kind,
            EventKind::Room(RoomEvent::Opened { .. } | RoomEvent::Entered { .. })
                | EventKind::Peer(PeerEvent::Joined { .. })
        );
        if !self.0.contains_key(id) && (!may_begin || self.0.len() >= MOST_ROOMS) {
            return;
        }
        let room = self.0.entry(id.clone()).or_default();
        room.is_stale = false;
        match &event.kind {
            EventKind::Room(
                RoomEvent::Entered { roster: Some(members), .. } | RoomEvent::Roster { peers: members },
            ) => {
                room.is_known = true;
                room.peers = members.iter().map(peer_of).take(MOST_PEERS).collect();
            }
            EventKind::Peer(event) => room.on_peer(event),
            _ => {}
        }
    }

    /// What is told may have been missed from now on.
    pub(super) fn on_link_down(&mut self) {
        self.0.values_mut().for_each(|room| (room.is_stale, room.is_known) = (true, false));
    }

    /// These are all there are: takes out those of which nothing has been told since the break, and which are not among them.
    pub(super) fn take_unlisted(&mut self, listed: &[RoomId]) -> Vec<RoomId> {
        let listed: HashSet<&RoomId> = listed.iter().collect();
        let is_over = |(id, room): &(&RoomId, &Room)| room.is_stale && !listed.contains(*id);
        let over: Vec<RoomId> = self.0.iter().filter(is_over).map(|(id, _)| id.clone()).collect();
        over.iter().for_each(|id| drop(self.0.remove(id)));
        over
    }

    /// Nobody has told more of who is in rooms, and nobody will.
    pub(super) fn settle(&mut self) {
        self.0.values_mut().for_each(|room| room.is_known = true);
    }

    pub(super) fn list(&self) -> Vec<ListedRoom> {
        self.0.iter().map(|(id, room)| room.listed(id)).collect()
    }

    pub(super) fn get(&self, id: &RoomId) -> Option<ListedRoom> {
        self.0.get(id).map(|room| room.listed(id))
    }

    /// Who is in a room, as soon as that is known again after a break.
    pub(super) fn snapshot(&self, id: &RoomId) -> Option<Snapshot> {
        let room = self.0.get(id).filter(|room| room.is_known)?;
        Some(Snapshot { peers: room.peers.values().cloned().collect() })
    }
}

impl Room {
    fn on_peer(&mut self, event: &PeerEvent) {
        let peer = event.peer();
        match event {
            PeerEvent::Joined { .. } if self.peers.len() < MOST_PEERS => {
                self.peers.insert(peer.id.clone(), peer.clone());
            }
            PeerEvent::Left { .. } | PeerEvent::Removed { .. } => drop(self.peers.remove(&peer.id)),
            PeerEvent::Role { .. } => {
                if let Some(known) = self.peers.get_mut(&peer.id) {
                    known.role = peer.role.clone();
                }
            }
            _ => {}
        }
    }

    fn listed(&self, id: &RoomId) -> ListedRoom {
        let peers = self.peers.values();
        let peers = peers.map(|peer| ListedPeer { peer: peer.clone(), status: PeerStatus::Connected }).collect();
        ListedRoom { id: id.clone(), kind: None, peers }
    }
}

fn peer_of(member: &Member) -> (PeerId, Peer) {
    (member.peer.id.clone(), member.peer.clone())
}

/// Bounds on what a platform can make us remember.
const MOST_ROOMS: usize = 10_000;
const MOST_PEERS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{End, Metadata, PeerKind};

    fn ada() -> Peer {
        Peer::new("ada".into(), PeerKind::Person)
    }

    #[test]
    fn rooms_follow_what_is_told_and_doubt_what_nobody_speaks_of_after_a_break() {
        let mut rooms = Rooms::default();
        let tell =
            |rooms: &mut Rooms, room: &str, kind: EventKind| rooms.apply(&Event::derived(kind).in_room(room.into()));
        for room in ["a", "b", "c"] {
            tell(&mut rooms, room, RoomEvent::Opened { info: Metadata::default() }.into());
            tell(&mut rooms, room, PeerEvent::joined(ada()).into());
        }
        tell(&mut rooms, "c", RoomEvent::Closed { end: End::Normal }.into());
        assert_eq!((rooms.list().len(), rooms.get(&"a".into()).unwrap().peers.len()), (2, 1));
        assert_eq!(rooms.snapshot(&"a".into()).unwrap().peers.len(), 1);
        rooms.on_link_down();
        assert_eq!(rooms.snapshot(&"a".into()), None, "nobody can say who is there now");
        let entered =
            RoomEvent::Entered { me: None, info: Metadata::default(), roster: Some(Vec::new()), running: Vec::new() };
        tell(&mut rooms, "a", entered.into());
        assert_eq!(rooms.snapshot(&"a".into()), Some(Snapshot::default()), "ada has left meanwhile");
        assert!(rooms.take_unlisted(&["b".into()]).is_empty());
        assert_eq!(rooms.take_unlisted(&["a".into()]), ["b".into()]);
        assert_eq!(rooms.list().len(), 1);
    }
}
