//! Of those whom an agent hears, which.

use serde_json::{Map, Value};

use crate::{
    agent::Hear,
    event::{Peer, PeerId},
};

/// Of those whom an agent hears, only these: by id, or by what is said of them. Empty for all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubscriptionFilter {
    /// These.
    pub peers: Vec<PeerId>,
    /// Those whose metadata contains this.
    pub metadata: Map<String, Value>,
}

impl SubscriptionFilter {
    /// Whether an agent that hears `whom` hears `peer`.
    pub fn admits(&self, whom: Hear, peer: &Peer) -> bool {
        let is_kind = whom == Hear::Everyone || peer.kind.is_person();
        let is_named = self.peers.contains(&peer.id);
        let is_described = !self.metadata.is_empty() && peer.metadata.contains(&self.metadata);
        is_kind && (self.is_everyone() || is_named || is_described)
    }

    fn is_everyone(&self) -> bool {
        self.peers.is_empty() && self.metadata.is_empty()
    }
}
