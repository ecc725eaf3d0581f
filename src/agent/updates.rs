//! Updates on their way to an agent: of each peer and each track the newest one alone, so that somebody who changes
//! something hundreds of times a second costs an agent that is slow no more than one event.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::event::{Event, EventKind, PeerEvent, PeerId, TrackEvent, TrackId};

/// Where an update waits until the agent comes to it; a newer one takes its place.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Event>>>);

impl Slot {
    pub(super) fn take(&self) -> Option<Event> {
        self.0.lock().expect("no holder panics").take()
    }

    /// Puts an update in. Says whether one was waiting there.
    fn put(&self, event: Event) -> bool {
        self.0.lock().expect("no holder panics").replace(event).is_some()
    }
}

/// What an update is about.
#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Peer(PeerId),
    Track(TrackId),
    Voice(PeerId, Option<TrackId>),
}

/// How an event is to be told.
pub(super) enum Telling {
    /// By itself.
    Event(Box<Event>),
    /// What is in the slot when the agent comes to it.
    Update(Slot),
    /// It is in a slot that was told of already.
    Merged,
}

/// The slots of one agent.
#[derive(Default)]
pub(super) struct Updates(HashMap<Subject, Slot>);

impl Updates {
    pub(super) fn on_event(&mut self, event: Event) -> Telling {
        let subject = match &event.kind {
            EventKind::Peer(PeerEvent::Updated { peer, .. }) => Subject::Peer(peer.id.clone()),
            EventKind::Track(TrackEvent::Updated { track, .. }) => Subject::Track(track.id.clone()),
            EventKind::Voice(voice) => Subject::Voice(voice.peer.clone(), voice.track.clone()),
            _ => {
                self.end_what_ends_by(&event);
                return Telling::Event(Box::new(event));
            }
        };
        let slot = self.0.entry(subject).or_default();
        match slot.put(event) {
            true => Telling::Merged,
            false => Telling::Update(slot.clone()),
        }
    }

    /// What comes after a peer or track has come or gone is not to be told before that.
    fn end_what_ends_by(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Peer(PeerEvent::Joined { peer, .. } | PeerEvent::Left { peer, .. }) => {
                self.0.remove(&Subject::Peer(peer.id.clone()));
                self.0.remove(&Subject::Voice(peer.id.clone(), None));
            }
            EventKind::Track(TrackEvent::Added { owner, track } | TrackEvent::Removed { owner, track }) => {
                self.0.remove(&Subject::Track(track.id.clone()));
                if let Some(peer) = owner.peer() {
                    self.0.remove(&Subject::Voice(peer.clone(), Some(track.id.clone())));
                }
            }
            _ => {}
        }
    }
}
