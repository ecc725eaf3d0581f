//! One peer of a roster.

use crate::event::{Changes, Event, Owner, Peer, PeerEvent, PeerKind, PeerState, Role, TrackEvent};

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) peer: Peer,
    /// Told to the agent. An entry that is not holds early tracks or late notifications of a peer that left.
    pub(super) joined: bool,
    /// Known by its sound alone; no list and no notification has spoken of it.
    pub(super) is_derived: bool,
    /// The epoch of the last fact; a snapshot asked for in an earlier epoch may be older than that fact.
    pub(super) changed: u64,
}

impl Entry {
    /// Takes in what is said of who it is. Says whether that changes anything.
    pub(super) fn learn(&mut self, said: &Peer) -> bool {
        let before = (self.peer.kind, self.peer.name.clone(), self.peer.user.clone());
        if said.kind != PeerKind::Unknown {
            self.peer.kind = said.kind;
        }
        if !said.name.is_empty() {
            self.peer.name = said.name.clone();
        }
        if said.user.is_some() {
            self.peer.user = said.user.clone();
        }
        if said.role != Role::Member {
            self.peer.role = said.role.clone();
        }
        before != (self.peer.kind, self.peer.name.clone(), self.peer.user.clone())
    }

    pub(super) fn join(&mut self, state: Option<PeerState>, events: &mut Vec<Event>) {
        self.joined = true;
        events.push(PeerEvent::Joined { peer: self.peer.without_tracks(), state }.into());
        let owner = Owner::Peer(self.peer.id.clone());
        let added = |track| TrackEvent::Added { owner: owner.clone(), track }.into();
        events.extend(self.peer.tracks.iter().cloned().map(added));
    }

    pub(super) fn updated(&self) -> Event {
        let changes = Changes::Whole(self.peer.metadata.clone());
        PeerEvent::Updated { peer: self.peer.without_tracks(), changes }.into()
    }
}
