//! Who is heard: subscriptions that follow the audience, and peers whose description changes.

use std::collections::HashSet;

use tracing::Instrument;

use super::{Done, Driver};
use crate::{
    event::{Event, EventKind, PeerEvent, PeerId},
    fishjam::rest::{RestError, RestErrorKind},
    platform::JoinOptions,
    signal::SubscribeMode,
};

/// Which peers the server was asked for.
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    is_on: bool,
    asked: HashSet<PeerId>,
}

impl Subscribing {
    pub(super) fn new(options: &JoinOptions) -> Subscribing {
        let is_on = options.subscribe == SubscribeMode::Manual && options.subscribe_to_heard;
        Subscribing { is_on, asked: HashSet::new() }
    }
}

impl Driver {
    /// Something happened to a peer that may make it heard, or no longer heard.
    pub(super) fn look_at_audience(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Peer(PeerEvent::Joined { .. }) => self.subscribe_to_heard(),
            EventKind::Peer(PeerEvent::Updated { peer, .. }) => {
                if let Some(peer) = self.watch.roster.peer(peer.id.as_str())
                    && let Err(error) = self.inbound.on_peer_updated(peer, &mut self.port)
                {
                    self.give_up(std::time::Instant::now(), error.to_string());
                }
                self.subscribe_to_heard();
            }
            EventKind::Peer(PeerEvent::Left { peer, .. }) => drop(self.subscribing.asked.remove(&peer.id)),
            _ => {}
        }
    }

    /// Asks the server for the sound of all whom the agent hears and who were not asked for yet.
    pub(super) fn subscribe_to_heard(&mut self) {
        if !self.subscribing.is_on || !self.link.session.is_live() {
            return;
        }
        let asked = &self.subscribing.asked;
        let heard = self.watch.roster.peers().filter(|peer| self.inbound.admits(peer) && !asked.contains(&peer.id));
        for publisher in heard.map(|peer| peer.id.clone()).collect::<Vec<_>>() {
            self.subscribing.asked.insert(publisher.clone());
            let (rest, room, me) = (self.rest.clone(), self.room.clone(), self.peer.clone());
            let ask = async move {
                let result = rest.subscribe_peer(&room, &me, &publisher).await;
                Done::Subscribed(publisher, result)
            };
            self.sources.spawn(ask.in_current_span());
        }
    }

    /// What did not work is tried again when links are looked after next.
    pub(super) fn on_subscribed(&mut self, publisher: &PeerId, result: Result<(), RestError>) {
        let Err(error) = result else { return };
        self.subscribing.asked.remove(publisher);
        if error.kind != RestErrorKind::NotFound {
            tracing::warn!("peer {publisher} is not heard yet: {error}");
        }
    }
}
