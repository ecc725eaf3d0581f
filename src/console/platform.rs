//! A console as a host sees it: one room, with one person in it.

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use super::{Console, ConsoleError, Ends, PERSON, ROOM, driver::AGENT};
use crate::{
    agent::{Agent, AudioRequirements},
    event::{Peer, PeerId, PeerKind, RoomId},
    platform::{
        JoinError, JoinOptions, ListedPeer, ListedRoom, PeerStatus, Platform, PlatformError, PlatformErrorKind, Seat,
        Watch, WatchEvent,
    },
    session::SessionHandle,
};

#[async_trait]
impl Platform for Console {
    fn name(&self) -> &'static str {
        "console"
    }

    fn address(&self) -> String {
        match &self.0.options.ends {
            Ends::Devices(_) => "this machine's microphone and speaker".into(),
            Ends::Files { .. } => "files".into(),
        }
    }

    async fn check(&self) -> Result<(), PlatformError> {
        match &self.0.options.ends {
            Ends::Devices(_) => super::devices().map(drop).map_err(of_console),
            Ends::Files { .. } => Ok(()),
        }
    }

    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError> {
        Ok(vec![the_room()])
    }

    fn known_rooms(&self) -> Option<Vec<ListedRoom>> {
        Some(vec![the_room()])
    }

    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError> {
        match room.as_str() == ROOM {
            true => Ok(the_room()),
            false => Err(PlatformError::no_such_room(room)),
        }
    }

    fn watch(&self) -> Watch {
        // Nobody comes, nobody goes.
        Box::pin(stream::iter([WatchEvent::Up]).chain(stream::pending()))
    }

    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError> {
        if options.room.as_str() != ROOM {
            return Err(JoinError::NoSuchRoom(options.room));
        }
        let wants = AudioRequirements { hear: options.hear.unwrap_or(wants.hear), ..wants };
        Ok(Box::new(ConsoleSeat { console: self.clone(), peer: AGENT.into(), wants }))
    }

    async fn remove_peer(&self, room: &RoomId, _peer: &PeerId) -> Result<(), PlatformError> {
        // An agent at a console is gone with its session.
        Err(PlatformError::no_such_room(room))
    }
}

struct ConsoleSeat {
    console: Console,
    peer: PeerId,
    wants: AudioRequirements,
}

#[async_trait]
impl Seat for ConsoleSeat {
    fn peer(&self) -> &PeerId {
        &self.peer
    }

    async fn enter(self: Box<Self>, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError> {
        self.console.begin_with(agent, self.wants).map_err(|error| match error {
            ConsoleError::Rate(rate) => JoinError::Rate(rate),
            ConsoleError::Codec(error) => JoinError::Codec(error),
            ConsoleError::Taken => JoinError::RoomFull(ROOM.into()),
            error => JoinError::Platform(of_console(error)),
        })
    }
}

fn of_console(error: ConsoleError) -> PlatformError {
    PlatformError::new(PlatformErrorKind::Other, error.to_string())
}

fn the_room() -> ListedRoom {
    let person = ListedPeer { peer: Peer::new(PERSON.into(), PeerKind::Person), status: PeerStatus::Connected };
    ListedRoom { id: ROOM.into(), kind: None, peers: vec![person] }
}
