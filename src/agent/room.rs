//! The room as an agent has it.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use super::{
    action::Actions,
    camera::Camera,
    inbox::{Inbox, Input},
    notes::{Notes, Request},
    voice::Voice,
};
use crate::event::{Event, EventKind, Peer, PeerEvent, PeerId, RoomId, TrackEvent};

/// What an agent can do in its room. The fields can be borrowed one by one.
pub struct Room {
    id: RoomId,
    me: PeerId,
    begun: Instant,
    /// What the agent is told.
    pub inbox: Inbox,
    /// What the agent says.
    pub voice: Voice,
    /// What sounds beside that, for an agent that [wants](super::AudioRequirements::background_rate) it where the platform has
    /// several tracks.
    pub background: Option<Voice>,
    /// Who else is here, as of the last input that [`next`](Room::next) gave.
    pub peers: Peers,
    /// Still pictures of video.
    pub camera: Camera,
    /// What the agent writes down.
    pub notes: Notes,
    /// What the agent does beside speaking, as far as the platform has it.
    pub actions: Actions,
}

impl Room {
    pub(super) fn new(
        id: RoomId,
        me: PeerId,
        begun: Instant,
        inbox: Inbox,
        voice: Voice,
        background: Option<Voice>,
        requests: mpsc::Sender<Request>,
    ) -> Room {
        let (camera, notes) = (Camera::new(requests.clone()), Notes::new(requests.clone()));
        let (peers, actions) = (Peers::default(), Actions::new(requests));
        Room { id, me, begun, inbox, voice, background, peers, camera, notes, actions }
    }

    /// Waits for the next input: sound, a gap or an event. `None` means that the agent's time in the room is over; it
    /// should finish what it is doing within a second or two and return.
    ///
    /// Dropping the future loses nothing, so it may stand in a `select!`.
    pub async fn next(&mut self) -> Option<Input> {
        let input = self.inbox.next().await?;
        if let Input::Event(event) = &input {
            self.peers.on_event(event);
        }
        Some(input)
    }

    /// How long the agent has been here, on the clock of [`AudioFrame::heard`](super::AudioFrame::heard): what is told at one
    /// moment, and what was heard before, can be compared. In a [`TestRoom`](super::testing::TestRoom) it is made up.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The room's id.
    pub fn id(&self) -> &RoomId {
        &self.id
    }

    /// The agent's own peer id.
    pub fn me(&self) -> &PeerId {
        &self.me
    }
}

/// The other peers of a room.
#[derive(Debug, Default)]
pub struct Peers(BTreeMap<PeerId, Peer>);

impl Peers {
    /// The peer `id`, if it is here.
    pub fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.0.get(id)
    }

    /// Everyone but the agent itself, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.0.values()
    }

    /// The people, and those of whom it is not known that they are none.
    pub fn people(&self) -> impl Iterator<Item = &Peer> {
        self.iter().filter(|peer| peer.kind.is_person())
    }

    fn on_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Peer(PeerEvent::Joined { peer, .. }) => drop(self.0.insert(peer.id.clone(), peer.clone())),
            EventKind::Peer(PeerEvent::Left { peer, .. }) => drop(self.0.remove(&peer.id)),
            EventKind::Peer(PeerEvent::Updated { peer, .. } | PeerEvent::Role { peer, .. }) => {
                if let Some(known) = self.0.get_mut(&peer.id) {
                    let tracks = std::mem::take(&mut known.tracks);
                    *known = Peer { tracks, ..peer.clone() };
                }
            }
            EventKind::Track(event) => self.on_track(event),
            _ => {}
        }
    }

    fn on_track(&mut self, event: &TrackEvent) {
        let Some(peer) = event.owner().peer().and_then(|peer| self.0.get_mut(peer)) else { return };
        match event {
            TrackEvent::Added { track, .. } => peer.tracks.push(track.clone()),
            TrackEvent::Updated { track, .. } => {
                if let Some(known) = peer.tracks.iter_mut().find(|known| known.id == track.id) {
                    *known = track.clone();
                }
            }
            TrackEvent::Removed { track, .. } => peer.tracks.retain(|known| known.id != track.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn a_room_can_be_borrowed_across_waits() {
        fn check<T: Send + Sync>() {}
        check::<Room>();
    }
}
