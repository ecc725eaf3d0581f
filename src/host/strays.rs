//! Peers that the server may have made for us without our hearing of it: the answer was lost, or the process was.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::session::Crew;
use crate::{
    dialect::fishjam::Notification,
    event::{PeerId, PeerKind, RoomId},
    fishjam::rest::{
        RestErrorKind,
        model::{Peer, PeerType, Status},
    },
};

/// The agents' peers that were made lately, by anyone.
#[derive(Debug, Default)]
pub(super) struct Strays(Mutex<VecDeque<(Instant, RoomId, PeerId)>>);

impl Strays {
    /// Something happened; a new peer is noted.
    pub(super) fn note(&self, now: Instant, notification: &Notification) {
        if let Notification::PeerAdded { room, peer, kind: PeerKind::Agent } = notification {
            let mut made = self.0.lock().expect("no holder panics");
            while made.len() >= MOST || made.front().is_some_and(|(at, ..)| *at + REMEMBERED < now) {
                made.pop_front();
            }
            made.push_back((now, room.clone(), peer.clone()));
        }
    }

    fn made_since(&self, since: Instant, room: &RoomId) -> Vec<PeerId> {
        let made = self.0.lock().expect("no holder panics");
        made.iter().filter(|(at, of, _)| *at >= since && of == room).map(|(_, _, peer)| peer.clone()).collect()
    }
}

impl Crew {
    /// A join that began at `since` failed, and the server may have made a peer for it. One that was made since then, is
    /// not ours and that nobody has connected after a while is that one, and is removed.
    pub(super) async fn remove_stray(self: Arc<Crew>, room: RoomId, since: Instant) {
        tokio::time::sleep(PATIENCE).await;
        let ours = |peer: &PeerId| self.journal.as_ref().is_some_and(|journal| journal.has(peer));
        let made: Vec<PeerId> = self.strays.made_since(since, &room).into_iter().filter(|peer| !ours(peer)).collect();
        if !made.is_empty() {
            self.remove_unconnected(&room, &made).await;
        }
        if let Some(journal) = &self.journal {
            journal.unmade(&room);
        }
    }

    /// A process was killed while it made a peer in `room`. One that nobody has connected now, nor after a while, and
    /// that is not ours is taken for that one. Says whether there is none any more.
    pub(super) async fn remove_stray_of_the_dead(self: Arc<Crew>, room: RoomId) -> bool {
        let unconnected = match self.fishjam.rest().room(&room).await {
            Ok(now) => now.peers.iter().filter(|peer| is_unconnected(peer)).map(|peer| peer.id.clone()).collect(),
            Err(error) if error.kind == RestErrorKind::NotFound => Vec::new(),
            Err(_) => return false,
        };
        if unconnected.is_empty() {
            return true;
        }
        tokio::time::sleep(PATIENCE).await;
        let ours = |peer: &PeerId| self.journal.as_ref().is_some_and(|journal| journal.has(peer));
        let left: Vec<PeerId> = unconnected.into_iter().filter(|peer| !ours(peer)).collect();
        self.remove_unconnected(&room, &left).await
    }

    /// Removes those of `peers` that nobody has connected.
    async fn remove_unconnected(&self, room: &RoomId, peers: &[PeerId]) -> bool {
        let Ok(now) = self.fishjam.rest().room(room).await else { return false };
        let mut all_gone = true;
        for peer in now.peers.iter().filter(|peer| peers.contains(&peer.id) && is_unconnected(peer)) {
            tracing::warn!(%room, peer = %peer.id, "a peer whose making was not heard of is removed");
            all_gone &= self.remove(room, &peer.id).await;
        }
        all_gone
    }
}

fn is_unconnected(peer: &Peer) -> bool {
    peer.kind == PeerType::Agent && peer.status == Status::Disconnected
}

/// Longer than an agent of any host takes to connect.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a new peer is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many are.
const MOST: usize = 4_096;
