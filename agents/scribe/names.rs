//! What people are called, for as long as the agent is in the room: also when they have left, or come again as another peer.

use std::{collections::BTreeMap, sync::Arc};

use roomtone::event::{Peer, PeerId};
use serde_json::Value;

/// See the module's head.
#[derive(Default)]
pub(super) struct Names(BTreeMap<PeerId, Arc<str>>);

impl Names {
    /// Looks at who is here.
    pub(super) fn learn<'a>(&mut self, peers: impl Iterator<Item = &'a Peer>) {
        for peer in peers {
            if let Some(name) = name_of(peer) {
                self.0.insert(peer.id.clone(), name.into());
            }
        }
    }

    /// What somebody is called.
    pub(super) fn of(&self, peer: &PeerId) -> Option<Arc<str>> {
        self.0.get(peer).cloned()
    }
}

/// The name that the platform tells, or the one in the metadata, where clients of a Fishjam put it.
fn name_of(peer: &Peer) -> Option<String> {
    if !peer.name.is_empty() {
        return Some(peer.name.as_str().to_owned());
    }
    let metadata = peer.metadata.json();
    let places = [metadata, &metadata["peer"], &metadata["server"]];
    let names = places.into_iter().flat_map(|place| KEYS.map(|key| &place[key]));
    names.filter_map(Value::as_str).map(str::trim).find(|name| !name.is_empty()).map(str::to_owned)
}

const KEYS: [&str; 5] = ["displayName", "display_name", "name", "userName", "username"];
