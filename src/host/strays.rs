//! Peers that the server may have made for us without our hearing of it: the answer was lost.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::session::Crew;
use crate::{
    dialect::fishjam::Notification,
    event::{PeerId, PeerKind, RoomId},
    fishjam::rest::model::{PeerType, Status},
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
        if made.is_empty() {
            return;
        }
        let Ok(now) = self.fishjam.rest().room(&room).await else { return };
        for peer in now.peers.iter().filter(|peer| made.contains(&peer.id)) {
            if peer.kind == PeerType::Agent && peer.status == Status::Disconnected {
                tracing::warn!(%room, peer = %peer.id, "a peer whose making was not heard of is removed");
                self.remove(&room, &peer.id).await;
            }
        }
    }
}

/// Longer than an agent of any host takes to connect.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a new peer is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many are.
const MOST: usize = 4_096;
