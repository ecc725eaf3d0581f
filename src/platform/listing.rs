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
    /// Whether it is in the room.
    pub status: PeerStatus,
}

/// Whether a listed peer is in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerStatus {
    /// It is.
    Connected,
    /// It is not, and may come in.
    Registered,
    /// The platform says something that this version does not know.
    Unknown,
}

impl ListedRoom {
    /// Those who are in it.
    pub fn snapshot(&self) -> Snapshot {
        let connected = self.peers.iter().filter(|listed| listed.status == PeerStatus::Connected);
        Snapshot { peers: connected.map(|listed| listed.peer.clone()).collect() }
    }
}
