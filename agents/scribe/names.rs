//! What people are called, for as long as the agent is in the room: also when they have left, or come again as another peer.

use std::{collections::BTreeMap, sync::Arc};

use roomtone::event::{Peer, PeerId};

/// See the module's head.
#[derive(Default)]
pub(super) struct Names(BTreeMap<PeerId, Arc<str>>);

impl Names {
    /// Looks at who is here.
    pub(super) fn learn<'a>(&mut self, peers: impl Iterator<Item = &'a Peer>) {
        for peer in peers {
            if let Some(name) = peer.display_name() {
                self.0.insert(peer.id.clone(), name.into());
            }
        }
    }

    /// What somebody is called.
    pub(super) fn of(&self, peer: &PeerId) -> Option<Arc<str>> {
        self.0.get(peer).cloned()
    }
}
