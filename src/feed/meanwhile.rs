//! What is told of people while a call is asked who is there: the answer may be older than that.

use std::collections::HashMap;

use crate::event::{Event, EventKind, Member, PeerEvent, PeerId, RoomEvent, RoomId};

/// The last that was told of each: who is there, or `None` for who has gone.
#[derive(Debug, Default)]
pub(super) struct Meanwhile(HashMap<(RoomId, PeerId), Option<Member>>);

impl Meanwhile {
    /// This was told, and whoever is asked may not have known it.
    pub(super) fn note(&mut self, event: &Event) {
        let (Some(room), EventKind::Peer(said)) = (event.room(), &event.kind) else { return };
        let now = match said {
            PeerEvent::Joined { peer, state } => Some(Member { peer: peer.clone(), state: *state }),
            PeerEvent::Left { .. } | PeerEvent::Removed { .. } => None,
            _ => return,
        };
        let whose = (room.clone(), said.peer().id.clone());
        if self.0.len() < MOST_NOTED || self.0.contains_key(&whose) {
            self.0.insert(whose, now);
        }
    }

    /// Makes an answer what it would be if it had been given now.
    pub(super) fn correct(&self, event: &mut Event) {
        let Some(room) = event.room().cloned() else { return };
        let EventKind::Room(RoomEvent::Roster { peers } | RoomEvent::Entered { roster: Some(peers), .. }) =
            &mut event.kind
        else {
            return;
        };
        peers.retain(|member| self.0.get(&(room.clone(), member.peer.id.clone())).is_none_or(Option::is_some));
        for ((_, id), came) in self.0.iter().filter(|((of, _), _)| *of == room) {
            if let Some(member) = came
                && peers.iter().all(|listed| listed.peer.id != *id)
            {
                peers.push(member.clone());
            }
        }
    }
}

const MOST_NOTED: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{End, Peer, PeerKind};

    fn person(id: &str) -> Peer {
        Peer::new(id.into(), PeerKind::Person)
    }

    fn told(kind: impl Into<EventKind>, room: &str) -> Event {
        Event::derived(kind.into()).in_room(room.into())
    }

    fn left(id: &str) -> PeerEvent {
        PeerEvent::Left { peer: person(id), end: End::Normal }
    }

    #[test]
    fn an_answer_older_than_what_was_told_since_is_made_new() {
        let mut meanwhile = Meanwhile::default();
        for said in [PeerEvent::joined(person("ada")), left("bob"), PeerEvent::joined(person("eve")), left("eve")] {
            meanwhile.note(&told(said, "a"));
        }
        for said in [left("kim"), PeerEvent::joined(person("kim"))] {
            meanwhile.note(&told(said, "a"));
        }
        let answer = |ids: &[&str], room: &str| {
            let peers = ids.iter().map(|id| Member { peer: person(id), state: None }).collect();
            let mut event = told(RoomEvent::Roster { peers }, room);
            meanwhile.correct(&mut event);
            let EventKind::Room(RoomEvent::Roster { peers }) = event.kind else { panic!("it stays what it is") };
            let mut ids: Vec<String> = peers.iter().map(|member| member.peer.id.to_string()).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(answer(&["bob", "dan", "eve"], "a"), ["ada", "dan", "kim"]);
        assert_eq!(answer(&["ada", "kim"], "a"), ["ada", "kim"], "nobody twice");
        assert_eq!(answer(&["bob"], "b"), ["bob"], "another room is another");
    }
}
