//! Peers that the server may have made for us without our hearing of it: the answer was lost, or the process was.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{journal::Journal, session::SessionContext};
use crate::{
    event::{Event, EventKind, Peer, PeerEvent, PeerId, PeerKind, RoomId},
    platform::{ListedPeer, PeerStatus},
    session::Backoff,
    text::count,
};

/// The agents' peers that were made lately, by anyone.
#[derive(Debug, Default)]
pub(super) struct OrphanPeers(Mutex<VecDeque<(Instant, RoomId, PeerId)>>);

impl OrphanPeers {
    /// Something happened; a new peer is noted.
    pub(super) fn note(&self, now: Instant, event: &Event) {
        if let (EventKind::Peer(PeerEvent::Registered { peer }), Some(room)) = (&event.kind, event.room())
            && peer.kind == PeerKind::Agent
        {
            let mut made = self.0.lock().expect("no holder panics");
            while made.len() >= MOST || made.front().is_some_and(|(at, ..)| *at + REMEMBERED < now) {
                made.pop_front();
            }
            made.push_back((now, room.clone(), peer.id.clone()));
        }
    }

    fn made_since(&self, since: Instant, room: &RoomId) -> Vec<PeerId> {
        let made = self.0.lock().expect("no holder panics");
        made.iter().filter(|(at, of, _)| *at >= since && of == room).map(|(_, _, peer)| peer.clone()).collect()
    }
}

impl SessionContext {
    /// A join that began at `since` failed, and the server may have made a peer for it. One that was made since then, is
    /// not ours and that nobody has connected after a while is that one, and is removed.
    pub(super) async fn remove_stray(self: Arc<SessionContext>, room: RoomId, since: Instant) {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        tokio::time::sleep(PATIENCE).await;
        loop {
            let ours = |peer: &PeerId| self.journal.as_ref().is_some_and(|journal| journal.has(peer));
            let made = self.orphans.made_since(since, &room).into_iter().filter(|peer| !ours(peer));
            let made: Vec<PeerId> = made.collect();
            if made.is_empty() || self.remove_unconnected(&room, &made, made.len()).await {
                break;
            }
            if backoff.attempts() == LOOKS {
                return;
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
        self.unmade(&room);
    }

    /// A process was killed while it made `most` peers in `room`. One that nobody has connected now, nor after a while,
    /// and that no process is known to have made, is taken for one of them. Says whether there is none any more.
    pub(super) async fn remove_stray_of_the_dead(self: Arc<SessionContext>, room: RoomId, most: usize) -> bool {
        let unconnected: Vec<PeerId> = match self.platform.room(&room).await {
            Ok(now) => {
                now.peers.iter().filter(|listed| is_unconnected(listed)).map(|listed| listed.peer.id.clone()).collect()
            }
            Err(error) => return error.is_not_found(),
        };
        if unconnected.is_empty() {
            return true;
        }
        tokio::time::sleep(PATIENCE).await;
        let known = self.journal.as_ref().map(Journal::all_known).unwrap_or_default();
        let unknown: Vec<PeerId> = unconnected.into_iter().filter(|peer| !known.contains(peer)).collect();
        self.remove_unconnected(&room, &unknown, most).await
    }

    /// Removes those of `peers` that are agents': a file may name anybody. Says whether none of them is left.
    pub(super) async fn remove_agents(self: Arc<SessionContext>, room: RoomId, peers: Vec<PeerId>) -> bool {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        let now = loop {
            match self.platform.room(&room).await {
                Ok(now) => break now,
                Err(error) if error.is_not_found() => return true,
                Err(error) if error.may_pass() && backoff.attempts() < LOOKS => {
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                Err(error) => {
                    tracing::warn!(%room, "peers may stay behind: the room could not be looked at: {error}");
                    return false;
                }
            }
        };
        let mut all_gone = true;
        for peer in now.peers.iter().map(|listed| &listed.peer).filter(|peer| peers.contains(&peer.id)) {
            match peer.kind {
                PeerKind::Agent => all_gone &= self.remove(&room, &peer.id).await,
                _ => {
                    tracing::warn!(%room, peer = %peer.id, "not an agent's peer, though written down as one; it stays")
                }
            }
        }
        all_gone
    }

    /// Removes those of `peers` that nobody has connected; none if there are more than `most`. Says whether it is done.
    async fn remove_unconnected(&self, room: &RoomId, peers: &[PeerId], most: usize) -> bool {
        let now = match self.platform.room(room).await {
            Ok(now) => now,
            Err(error) => return error.is_not_found(),
        };
        let orphans = now.peers.iter().filter(|listed| is_unconnected(listed)).map(|listed| &listed.peer);
        let orphans: Vec<&Peer> = orphans.filter(|peer| peers.contains(&peer.id)).collect();
        if orphans.len() > most {
            tracing::warn!(%room, "{} not connected here, and which of them is ours cannot be told", count(orphans.len(), "agent"));
            return true;
        }
        let mut all_gone = true;
        for peer in orphans {
            tracing::warn!(%room, peer = %peer.id, "a peer whose making was not heard of is removed");
            all_gone &= self.remove(room, &peer.id).await;
        }
        all_gone
    }
}

fn is_unconnected(listed: &ListedPeer) -> bool {
    // One that has tracks was connected once.
    listed.status == PeerStatus::Registered && listed.peer.kind == PeerKind::Agent && listed.peer.tracks.is_empty()
}

/// Longer than an agent of any host takes to connect.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a room is looked at whose Fishjam does not answer.
const LOOKS: u32 = 20;
/// How long a new peer is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many are.
const MOST: usize = 4_096;
