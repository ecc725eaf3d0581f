//! The edge to Dubtrack, called QueUp since 2020: its calls for logging in, rooms and members, and its socket.

mod rest;

use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::future::join_all;

use crate::{
    agent::{Action, ActionError},
    event::{Event, Member, PeerId, RoomEvent, RoomId},
    feed::{Dial, Feed, Source},
    net::{Credential, Trust},
    platform::{PlatformError, PlatformErrorKind},
    protocol::{Machine, Protocol, dubtrack::Client},
};
use rest::Rest;

/// Where a Dubtrack is, which of its rooms are followed, and as whom.
///
/// ```no_run
/// use roomtone::{dubtrack::Dubtrack, platform::Platform};
/// # async fn example(password: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
/// let feed = Dubtrack::new("my-bot", password.into(), ["a-room".to_owned()]).feed();
/// feed.check().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dubtrack {
    rest: Rest,
    socket: String,
    /// By name, as in a room's address.
    rooms: Vec<String>,
    entered: Mutex<Entered>,
}

/// What is known since the last login.
#[derive(Debug, Default, Clone)]
struct Entered {
    me: Option<PeerId>,
    rooms: Vec<RoomId>,
}

impl Dubtrack {
    /// Where QueUp's calls are.
    pub const API: &str = "https://api.queup.net";
    /// Where its socket is.
    pub const SOCKET: &str = "wss://ws.queup.net/ws/";

    /// Rooms of QueUp, by the names in their addresses, as this user.
    pub fn new(user: impl Into<String>, password: Credential, rooms: impl IntoIterator<Item = String>) -> Dubtrack {
        let rest = Rest::new(Self::API, user.into(), password, Trust::of_machine());
        let rooms = rooms.into_iter().collect();
        Dubtrack { rest, socket: Self::SOCKET.into(), rooms, entered: Mutex::default() }
    }

    /// The same at other addresses: that of its calls, and that of its socket.
    pub fn at(self, api: impl Into<String>, socket: impl Into<String>) -> Dubtrack {
        Dubtrack { rest: self.rest.at(api.into()), socket: socket.into(), ..self }
    }

    /// The same, trusting others beside.
    pub fn trusting(self, trust: Trust) -> Dubtrack {
        Dubtrack { rest: self.rest.trusting(trust), ..self }
    }

    /// A platform of it.
    pub fn feed(self) -> Feed {
        Feed::new(self)
    }

    async fn enter(&self, name: &str) -> Result<RoomId, PlatformError> {
        let room = self.rest.room(name).await?;
        self.rest.enter(&room).await?;
        Ok(room)
    }

    fn entered(&self) -> Entered {
        self.entered.lock().expect("no holder panics").clone()
    }
}

#[async_trait]
impl Source for Dubtrack {
    fn protocol(&self) -> Protocol {
        Protocol::Dubtrack
    }

    fn address(&self) -> String {
        self.rest.address().to_owned()
    }

    fn trust(&self) -> &Trust {
        self.rest.trust()
    }

    /// A token serves one connection only, and rooms that we were in forget us with it: all is done anew.
    async fn dial(&self, _last: Option<Box<dyn Machine>>) -> Result<Dial, PlatformError> {
        let me = self.rest.log_in().await?;
        let mut rooms = Vec::new();
        for name in &self.rooms {
            match self.enter(name).await {
                Ok(room) => rooms.push(room),
                Err(error) if error.kind == PlatformErrorKind::Later => return Err(error),
                // One room that is not there costs itself.
                Err(error) => tracing::warn!("room {name:?} is not followed: {error}"),
            }
        }
        if rooms.is_empty() {
            let message = "none of the rooms can be entered; check their names".to_owned();
            return Err(PlatformError::new(PlatformErrorKind::Other, message));
        }
        let token = self.rest.socket_token().await?;
        let separator = if self.socket.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}connect=1&access_token={token}&EIO=3&transport=websocket", self.socket);
        let machine = Box::new(Client::new(rooms.clone(), Some(me.clone())));
        *self.entered.lock().expect("no holder panics") = Entered { me: Some(me), rooms };
        Ok(Dial { url, machine })
    }

    async fn rosters(&self) -> Vec<Event> {
        let rooms = self.entered().rooms;
        let lists = join_all(rooms.iter().map(|room| self.rest.members(room))).await;
        let mut events = Vec::new();
        for (room, list) in rooms.into_iter().zip(lists) {
            match list {
                Ok(peers) => {
                    let peers = peers.into_iter().map(|peer| Member { peer, state: None }).collect();
                    events.push(Event::derived(RoomEvent::Roster { peers }).in_room(room));
                }
                Err(error) => tracing::warn!("who is in room {room} is not known: {error}"),
            }
        }
        events
    }

    async fn act(&self, room: &RoomId, action: &Action) -> Option<Result<(), ActionError>> {
        let called = match action {
            Action::Say { text } => self.rest.say(room, text).await,
            Action::DeleteMessage { id } => self.rest.delete_message(room, id).await,
            Action::Remove { peer } => self.rest.kick(room, peer).await,
            Action::MuteAudio { peer, muted } => self.rest.mute(room, peer, *muted).await,
            other => return Some(Err(ActionError::unsupported(other, "Dubtrack"))),
        };
        Some(called.map_err(|error| ActionError::refused(action, error.message)))
    }

    fn me(&self) -> Option<PeerId> {
        self.entered().me
    }
}
