//! A platform that is a script: rooms and peers that appear and go as a test says, without sound, sockets or a server.
//!
//! ```
//! use roomtone::{event::PeerKind, platform::{Platform, testing::TestPlatform}};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let platform = TestPlatform::default();
//! platform.open_room("r1");
//! platform.join("r1", "ada", PeerKind::Person);
//! let rooms = platform.rooms().await.unwrap();
//! assert_eq!(rooms[0].snapshot().peers[0].id.as_str(), "ada");
//! # });
//! ```

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::broadcast;

use super::{
    Follow, JoinError, JoinOptions, ListedPeer, ListedRoom, PeerStatus, Platform, PlatformError, Seat, Watch,
    WatchEvent, follow,
};
use crate::{
    agent::{Agent, AudioRequirements},
    event::{End, Event, EventKind, Metadata, Peer, PeerEvent, PeerId, PeerKind, RoomEvent, RoomId},
    session::SessionHandle,
};

/// See the module's head. Clones are the same platform.
#[derive(Debug, Clone, Default)]
pub struct TestPlatform(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    told: broadcast::Sender<Arc<Event>>,
}

#[derive(Debug, Default)]
struct State {
    rooms: BTreeMap<RoomId, Vec<ListedPeer>>,
    agents: u64,
    /// What every call says, while something does.
    failure: Option<PlatformError>,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared { state: Mutex::default(), told: broadcast::channel(TOLD).0 }
    }
}

impl TestPlatform {
    /// A room begins.
    pub fn open_room(&self, room: &str) {
        self.state().rooms.insert(room.into(), Vec::new());
        self.tell(room, RoomEvent::Opened { info: Metadata::default() });
    }

    /// A room is over, with all who are in it.
    pub fn close_room(&self, room: &str) {
        self.state().rooms.remove(&RoomId::from(room));
        self.tell(room, RoomEvent::Closed { end: End::Normal });
    }

    /// Somebody comes in.
    pub fn join(&self, room: &str, peer: &str, kind: PeerKind) {
        let peer = Peer::new(peer.into(), kind);
        self.change(room, |peers| peers.push(ListedPeer { peer: peer.clone(), status: PeerStatus::Connected }));
        self.tell(room, PeerEvent::joined(peer));
    }

    /// Somebody leaves.
    pub fn leave(&self, room: &str, peer: &str) {
        self.change(room, |peers| peers.retain(|listed| listed.peer.id.as_str() != peer));
        self.tell(room, PeerEvent::left(Peer::new(peer.into(), PeerKind::Unknown)));
    }

    /// Anything else happens in a room.
    pub fn tell(&self, room: &str, kind: impl Into<EventKind>) {
        // Nobody may be listening.
        self.0.told.send(Arc::new(Event::from(kind.into()).in_room(room.into()))).ok();
    }

    /// Every call fails from now on, or none does.
    pub fn fail(&self, failure: Option<PlatformError>) {
        self.state().failure = failure;
    }

    /// Who is in a room, by id.
    pub fn peers(&self, room: &str) -> Vec<String> {
        let state = self.state();
        let peers = state.rooms.get(&RoomId::from(room)).into_iter().flatten();
        peers.map(|listed| listed.peer.id.to_string()).collect()
    }

    fn change(&self, room: &str, change: impl FnOnce(&mut Vec<ListedPeer>)) {
        if let Some(peers) = self.state().rooms.get_mut(&RoomId::from(room)) {
            change(peers);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no holder panics")
    }

    fn works(&self) -> Result<MutexGuard<'_, State>, PlatformError> {
        let state = self.state();
        state.failure.clone().map_or(Ok(state), Err)
    }
}

#[async_trait]
impl Platform for TestPlatform {
    fn name(&self) -> &'static str {
        "test"
    }

    fn address(&self) -> String {
        "test://script".into()
    }

    async fn check(&self) -> Result<(), PlatformError> {
        self.works().map(drop)
    }

    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError> {
        let state = self.works()?;
        let listed =
            |(id, peers): (&RoomId, &Vec<ListedPeer>)| ListedRoom { id: id.clone(), kind: None, peers: peers.clone() };
        Ok(state.rooms.iter().map(listed).collect())
    }

    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError> {
        let state = self.works()?;
        let peers = state.rooms.get(room).ok_or_else(|| PlatformError::no_such_room(room))?;
        Ok(ListedRoom { id: room.clone(), kind: None, peers: peers.clone() })
    }

    fn watch(&self) -> Watch {
        let told = stream::unfold(self.0.told.subscribe(), async |mut told| {
            let event = match told.recv().await {
                Ok(event) => vec![WatchEvent::Event(event)],
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    vec![WatchEvent::Down { reason: "it was not read".into() }, WatchEvent::Up]
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            Some((stream::iter(event), told))
        });
        Box::pin(stream::iter([WatchEvent::Up]).chain(told.flatten()))
    }

    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError> {
        let room = options.room;
        let id = {
            let mut state = self.works().map_err(|error| JoinError::from_platform(room.clone(), error))?;
            if !state.rooms.contains_key(&room) {
                return Err(JoinError::NoSuchRoom(room));
            }
            state.agents += 1;
            PeerId::from(format!("agent-{}", state.agents))
        };
        let peer = Peer::new(id.clone(), PeerKind::Agent);
        self.change(room.as_str(), |peers| {
            peers.push(ListedPeer { peer: peer.clone(), status: PeerStatus::Registered })
        });
        self.tell(room.as_str(), PeerEvent::Registered { peer });
        Ok(Box::new(TestSeat { platform: self.clone(), room, peer: id, wants }))
    }

    async fn remove_peer(&self, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError> {
        drop(self.works()?);
        if !self.peers(room.as_str()).iter().any(|there| there == peer.as_str()) {
            return Err(PlatformError::no_such_room(room));
        }
        self.leave(room.as_str(), peer.as_str());
        Ok(())
    }
}

struct TestSeat {
    platform: TestPlatform,
    room: RoomId,
    peer: PeerId,
    wants: AudioRequirements,
}

#[async_trait]
impl Seat for TestSeat {
    fn peer(&self) -> &PeerId {
        &self.peer
    }

    async fn enter(self: Box<Self>, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError> {
        let TestSeat { platform, room, peer, wants } = *self;
        let watch = platform.watch();
        platform.change(room.as_str(), |peers| {
            peers
                .iter_mut()
                .filter(|listed| listed.peer.id == peer)
                .for_each(|listed| listed.status = PeerStatus::Connected);
        });
        platform.tell(room.as_str(), PeerEvent::joined(Peer::new(peer.clone(), PeerKind::Agent)));
        let look = {
            let (platform, room) = (platform.clone(), room.clone());
            move || {
                let (platform, room) = (platform.clone(), room.clone());
                async move { platform.room(&room).await.ok().map(|room| room.snapshot()) }.boxed()
            }
        };
        let depart = {
            let (platform, room, peer) = (platform.clone(), room.clone(), peer.clone());
            async move {
                // Where the room is gone, so is its peer.
                platform.remove_peer(&room, &peer).await.is_ok()
                    || !platform.peers(room.as_str()).iter().any(|there| there == peer.as_str())
            }
            .boxed()
        };
        Ok(follow(agent, &wants, Follow { room, peer, watch, look: Box::new(look), act: None, depart }))
    }
}

/// Events that may wait for a listener.
const TOLD: usize = 4_096;
