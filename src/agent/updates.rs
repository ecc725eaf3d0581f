//! Updates on their way to an agent: of each peer and each track the newest one alone, so that somebody who changes
//! something hundreds of times a second costs an agent that is slow no more than one event.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::event::{PeerId, RoomEvent, TrackId};

/// Where an update waits until the agent comes to it; a newer one takes its place.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<RoomEvent>>>);

impl Slot {
    pub(super) fn take(&self) -> Option<RoomEvent> {
        self.0.lock().expect("no holder panics").take()
    }

    /// Puts an update in. Says whether one was waiting there.
    fn put(&self, event: RoomEvent) -> bool {
        self.0.lock().expect("no holder panics").replace(event).is_some()
    }
}

/// What an update is about.
#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Peer(PeerId),
    Track(TrackId),
    Voice(TrackId),
}

/// How an event is to be told.
pub(super) enum Telling {
    /// By itself.
    Event(RoomEvent),
    /// What is in the slot when the agent comes to it.
    Update(Slot),
    /// It is in a slot that was told of already.
    Merged,
}

/// The slots of one agent.
#[derive(Default)]
pub(super) struct Updates(HashMap<Subject, Slot>);

impl Updates {
    pub(super) fn on_event(&mut self, event: RoomEvent) -> Telling {
        let subject = match &event {
            RoomEvent::PeerUpdated { peer, .. } => Subject::Peer(peer.clone()),
            RoomEvent::TrackUpdated { track, .. } => Subject::Track(track.id.clone()),
            RoomEvent::VoiceActivity { track, .. } => Subject::Voice(track.clone()),
            other => {
                self.end_what_ends_by(other);
                return Telling::Event(event);
            }
        };
        let slot = self.0.entry(subject).or_default();
        match slot.put(event) {
            true => Telling::Merged,
            false => Telling::Update(slot.clone()),
        }
    }

    /// What comes after a peer or track has come or gone is not to be told before that.
    fn end_what_ends_by(&mut self, event: &RoomEvent) {
        match event {
            RoomEvent::PeerJoined { peer } => drop(self.0.remove(&Subject::Peer(peer.id.clone()))),
            RoomEvent::PeerLeft { peer, .. } => drop(self.0.remove(&Subject::Peer(peer.clone()))),
            RoomEvent::TrackAdded { track, .. } => self.end_track(&track.id),
            RoomEvent::TrackRemoved { track, .. } => self.end_track(track),
            _ => {}
        }
    }

    fn end_track(&mut self, track: &TrackId) {
        self.0.remove(&Subject::Track(track.clone()));
        self.0.remove(&Subject::Voice(track.clone()));
    }
}
