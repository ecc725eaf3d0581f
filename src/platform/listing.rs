//! Rooms as a platform lists them.

use crate::event::{Peer, RoomId, RoomKind, Snapshot};

/// A room at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRoom {
    /// Its id.
    pub id: RoomId,
    /// Of which kind it is, where the platform has kinds.
    pub kind: Option<RoomKind>,
    /// Who may be in it, and who is.
    pub peers: Vec<ListedPeer>,
}

/// A peer at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedPeer {
    /// Who, with what it publishes.
    pub peer: Peer,
    /// Whether it is in the room; others may come in.
    pub is_connected: bool,
}

impl ListedRoom {
    /// Those who are in it.
    pub fn snapshot(&self) -> Snapshot {
        let connected = self.peers.iter().filter(|listed| listed.is_connected);
        Snapshot { peers: connected.map(|listed| listed.peer.clone()).collect() }
    }
}
