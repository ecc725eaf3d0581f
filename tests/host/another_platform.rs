//! A platform of its own, without sound, written here: a host keeps agents in its rooms by the same rules, limits and
//! metrics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, stream};
use roomtone::{
    agent::{Agent, AudioRequirements},
    event::{End, Event, Metadata, Peer, PeerEvent, PeerId, PeerKind, RoomEvent, RoomId},
    host::{Config, Host, SessionStatus, State},
    platform::{
        Follow, JoinError, JoinOptions, ListedPeer, ListedRoom, PeerStatus, Platform, PlatformError, PlatformErrorKind,
        Seat, Watch, WatchEvent, follow, testing::TestPlatform,
    },
    session::SessionHandle,
};
use tokio::sync::broadcast;

use crate::common::{Folder, agents, eventually, in_state, until};

/// A town square: everybody sees who is at which corner.
#[derive(Debug, Clone)]
struct Square {
    corners: Arc<Mutex<BTreeMap<RoomId, Vec<Peer>>>>,
    told: broadcast::Sender<Arc<Event>>,
    numbers: Arc<AtomicU64>,
}

impl Square {
    fn new() -> Square {
        Square { corners: Arc::default(), told: broadcast::channel(1_024).0, numbers: Arc::default() }
    }

    fn tell(&self, room: &str, event: impl Into<Event>) {
        self.told.send(Arc::new(event.into().in_room(room.into()))).ok();
    }

    fn open(&self, room: &str) {
        self.corners.lock().unwrap().insert(room.into(), Vec::new());
        self.tell(room, RoomEvent::Opened { info: Metadata::default() });
    }

    fn close(&self, room: &str) {
        self.corners.lock().unwrap().remove(&RoomId::from(room));
        self.tell(room, RoomEvent::Closed { end: End::Normal });
    }

    fn come(&self, room: &str, peer: Peer) {
        self.corners.lock().unwrap().get_mut(&RoomId::from(room)).unwrap().push(peer.clone());
        self.tell(room, PeerEvent::joined(peer));
    }

    fn go(&self, room: &str, id: &str) -> bool {
        let mut corners = self.corners.lock().unwrap();
        let Some(peers) = corners.get_mut(&RoomId::from(room)) else { return false };
        let before = peers.len();
        peers.retain(|peer| peer.id.as_str() != id);
        self.tell(room, PeerEvent::left(Peer::new(id.into(), PeerKind::Unknown)));
        peers.len() < before
    }

    fn agents(&self, room: &str) -> usize {
        let corners = self.corners.lock().unwrap();
        let peers = corners.get(&RoomId::from(room)).into_iter().flatten();
        peers.filter(|peer| peer.kind == PeerKind::Agent).count()
    }
}

fn listed(id: &RoomId, peers: &[Peer]) -> ListedRoom {
    let peers = peers.iter().map(|peer| ListedPeer { peer: peer.clone(), status: PeerStatus::Connected });
    ListedRoom { id: id.clone(), kind: None, peers: peers.collect() }
}

#[async_trait]
impl Platform for Square {
    fn name(&self) -> &'static str {
        "square"
    }

    fn address(&self) -> String {
        "square://here".into()
    }

    async fn check(&self) -> Result<(), PlatformError> {
        Ok(())
    }

    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError> {
        Ok(self.corners.lock().unwrap().iter().map(|(id, peers)| listed(id, peers)).collect())
    }

    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError> {
        let corners = self.corners.lock().unwrap();
        corners.get(room).map(|peers| listed(room, peers)).ok_or_else(|| PlatformError::no_such_room(room))
    }

    fn watch(&self) -> Watch {
        let told = stream::unfold(self.told.subscribe(), async |mut told| Some((told.recv().await.ok()?, told)));
        Box::pin(stream::iter([WatchEvent::Up]).chain(told.map(WatchEvent::Event)))
    }

    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError> {
        let peer = PeerId::from(format!("agent-{}", self.numbers.fetch_add(1, Ordering::Relaxed)));
        Ok(Box::new(Place { square: self.clone(), room: options.room, peer, wants }))
    }

    async fn remove_peer(&self, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError> {
        self.go(room.as_str(), peer.as_str()).then_some(()).ok_or_else(|| PlatformError::no_such_room(room))
    }
}

struct Place {
    square: Square,
    room: RoomId,
    peer: PeerId,
    wants: AudioRequirements,
}

#[async_trait]
impl Seat for Place {
    fn peer(&self) -> &PeerId {
        &self.peer
    }

    async fn enter(self: Box<Self>, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError> {
        let Place { square, room, peer, wants } = *self;
        let watch = square.watch();
        square.come(room.as_str(), Peer::new(peer.clone(), PeerKind::Agent));
        let (of_look, of_end) = ((square.clone(), room.clone()), (square, room.clone(), peer.clone()));
        let look = move || {
            let (square, room) = of_look.clone();
            async move { square.room(&room).await.ok().map(|room| room.snapshot()) }.boxed()
        };
        let depart = async move {
            let (square, room, peer) = of_end;
            square.go(room.as_str(), peer.as_str()) || square.agents(room.as_str()) == 0
        };
        Ok(follow(agent, &wants, Follow { room, peer, watch, look: Box::new(look), act: None, depart: depart.boxed() }))
    }
}

async fn host(platform: impl Platform, rules: &str) -> (Host, Folder) {
    let folder = Folder::new();
    let state = folder.0.display();
    let text = format!(
        "[host]\nstate = \"{state}/state\"\nmax_sessions = 2\ndrain = \"100ms\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n{rules}"
    );
    let config = Config::parse(&text, &agents()).await.unwrap();
    (Host::start_on(config, Arc::new(platform)).await.unwrap(), folder)
}

async fn until_agents(square: &Square, room: &str, count: usize) {
    eventually(&format!("{count} in {room}"), || square.agents(room) == count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rules_limits_and_metrics_hold_there_too() {
    let square = Square::new();
    square.open("early");
    square.come("early", Peer::new("ada".into(), PeerKind::Person));
    let rules = "[[deploy]]\nagent = \"scribe\"\njoin.when = \"first-person\"\nleave.last_person_gone = \"1ms\"\n";
    let (host, _folder) = host(square.clone(), rules).await;
    until_agents(&square, "early", 1).await;
    // Nobody is there yet, then somebody comes, and goes.
    square.open("late");
    square.come("late", Peer::new("bob".into(), PeerKind::Person));
    until_agents(&square, "late", 1).await;
    // A third room waits for a slot.
    square.open("third");
    square.come("third", Peer::new("eve".into(), PeerKind::Person));
    until(&host, "two run and one waits", |sessions| {
        in_state(sessions, State::Running) == 2 && in_state(sessions, State::Queued) == 1
    })
    .await;
    square.go("late", "bob");
    until_agents(&square, "late", 0).await;
    until_agents(&square, "third", 1).await;
    square.close("early");
    let of_early = |sessions: &[SessionStatus]| sessions.iter().any(|session| session.room.as_str() == "early");
    until(&host, "the room is gone", |sessions| !of_early(sessions)).await;
    let url = format!("http://{}/metrics", host.served().metrics.unwrap());
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    for line in ["roomtone_sessions_started_total 3", "roomtone_rooms 2", "roomtone_notifications_up 1.0"] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    host.control().drain().await.unwrap();
    let report = host.ended().await;
    assert_eq!(report.sessions.len(), 1, "{report}");
    assert!(report.sessions[0].ending.contains("told"), "{report}");
    assert_eq!(square.agents("third"), 0);
}

/// The script of the test kit does as well, and trouble on the way in is waited out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_script_of_the_test_kit_is_a_platform() {
    let script = TestPlatform::default();
    script.open_room("r1");
    let (host, _folder) = host(script.clone(), "[[deploy]]\nagent = \"scribe\"\njoin.when = \"always\"\n").await;
    until(&host, "it is in", |sessions| in_state(sessions, State::Running) == 1).await;
    assert_eq!(script.peers("r1"), ["agent-1"]);
    script.tell("r1", PeerEvent::Removed { peer: Peer::new("agent-1".into(), PeerKind::Agent) });
    script.leave("r1", "agent-1");
    eventually("another one comes", || script.peers("r1") == ["agent-2"]).await;
    script.fail(Some(PlatformError::new(PlatformErrorKind::Later, "the script is away")));
    script.open_room("r2");
    until(&host, "the way in is tried again", |sessions| {
        sessions.iter().any(|session| session.why.as_deref().is_some_and(|why| why.contains("the script is away")))
    })
    .await;
    script.fail(None);
    until(&host, "both are in", |sessions| in_state(sessions, State::Running) == 2).await;
    host.control().stop().await.unwrap();
    host.ended().await;
    assert!(script.peers("r1").is_empty());
}
