//! Everything that the sandbox knows: rooms, tokens, streams, recordings, faults.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    SandboxOptions,
    doors::Doors,
    echoes::Echoes,
    faults::Fault,
    notices::Notices,
    rest::room_manager::Managed,
    room::{Peer, Room},
    socket::End,
    stage,
    streams::Streams,
    webhooks::Webhooks,
};
use crate::{
    event::{PeerId, RoomId},
    fishjam::rest::model::RoomConfig,
    protocol::fishjam::wire::server_message::{Content, PeerAdded, PeerType, RoomCreated},
};

/// The state behind the sandbox's interfaces.
pub(super) struct World {
    pub(super) token: String,
    pub(super) strict: bool,
    /// Where the sandbox is reached, once it is; without a slash at its end.
    pub(super) origin: String,
    pub(super) webhook_secret: String,
    pub(super) doors: Doors,
    /// The folder whose files requests may name.
    pub(super) files: PathBuf,
    pub(super) notices: Arc<Notices>,
    pub(super) streams: Mutex<Streams>,
    pub(super) stop: CancellationToken,
    pub(super) echoes: Arc<Echoes>,
    /// Some socket has shown its token.
    pub(super) connections: AtomicU64,
    /// Once asked for, every answer carries the notice that the interface goes away.
    pub(super) deprecated: AtomicBool,
    rooms: Mutex<BTreeMap<RoomId, Arc<Room>>>,
    tokens: Mutex<BTreeMap<String, Admitted>>,
    rest_fault: Mutex<Option<RestFault>>,
    pub(super) managed: Mutex<Managed>,
}

/// Who a token is for.
#[derive(Clone)]
pub(super) struct Admitted {
    pub(super) room: RoomId,
    pub(super) peer: PeerId,
    expires: Instant,
}

/// How REST calls are answered for a while.
#[derive(Clone)]
pub(super) struct RestFault {
    pub(super) status: Option<u16>,
    pub(super) body: String,
    count: u32,
    pub(super) carried_out: bool,
    only: String,
}

impl RestFault {
    fn is_for(&self, method: &str, path: &str) -> bool {
        match self.only.split_once(' ') {
            Some((only, end)) => method == only && path.ends_with(end),
            None => path.ends_with(&self.only),
        }
    }
}

/// A fault that names what is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuch {
    /// There is no such room.
    #[error("Room {0} does not exist")]
    Room(String),
    /// There is no such peer.
    #[error("Peer {0} does not exist")]
    Peer(String),
    /// The peer has no socket that the fault could hang on.
    #[error("Peer {0} is not connected by a socket")]
    Socket(PeerId),
}

/// Why a room cannot have this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is one.
    #[error("there is a room of this name already")]
    Taken,
    /// Something in it would mean something in a URL.
    #[error("a room's name is made of letters, digits, '-', '_' and '.', is no longer than 128, and not dots alone")]
    NotPlain,
}

impl World {
    pub(super) fn new(options: SandboxOptions, origin: String) -> World {
        World {
            token: options.token,
            strict: options.strict,
            origin,
            webhook_secret: options.webhook_secret,
            doors: Doors { hosts: options.hosts, origins: options.origins },
            files: options.files,
            notices: Arc::default(),
            streams: Mutex::default(),
            echoes: Arc::default(),
            stop: CancellationToken::new(),
            connections: AtomicU64::new(0),
            deprecated: AtomicBool::new(false),
            rooms: Mutex::default(),
            tokens: Mutex::default(),
            rest_fault: Mutex::default(),
            managed: Mutex::default(),
        }
    }

    pub(super) fn create_room(&self, config: RoomConfig) -> Arc<Room> {
        let id = RoomId::from(Uuid::new_v4().to_string());
        self.create_room_named(id.as_str(), config).expect("nobody has this id, and it is plain")
    }

    /// A room whose id was chosen beforehand: it will stand in URLs, tables and logs.
    pub(super) fn create_room_named(&self, name: &str, config: RoomConfig) -> Result<Arc<Room>, NameError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = (1..=128).contains(&name.len()) && name.chars().all(is_plain) && name.contains(|c| c != '.');
        if !is_name {
            return Err(NameError::NotPlain);
        }
        let id = RoomId::from(name);
        if self.rooms().contains_key(&id) {
            return Err(NameError::Taken);
        }
        let ended = CancellationToken::new();
        let webhooks = config.webhook_url.clone().map(|url| {
            let (secret, ended, stop) = (self.webhook_secret.clone(), ended.clone(), self.stop.clone());
            Webhooks::start(url, config.batch_webhook_notifications, secret, ended, stop)
        });
        let (notices, echoes) = (self.notices.clone(), self.echoes.clone());
        let room = Arc::new(Room::new(id.clone(), config, notices, echoes, webhooks, ended));
        self.rooms().insert(id.clone(), room.clone());
        room.notify(Content::RoomCreated(RoomCreated { room_id: id.to_string() }));
        tokio::spawn(stage::run(room.clone()));
        Ok(room)
    }

    pub(super) fn room(&self, id: &str) -> Result<Arc<Room>, NoSuch> {
        self.rooms().get(id).cloned().ok_or_else(|| NoSuch::Room(id.to_owned()))
    }

    pub(super) fn list_rooms(&self) -> Vec<Arc<Room>> {
        self.rooms().values().cloned().collect()
    }

    pub(super) fn delete_room(&self, id: &str) -> Result<(), NoSuch> {
        self.take_room(id)?.delete();
        Ok(())
    }

    fn take_room(&self, id: &str) -> Result<Arc<Room>, NoSuch> {
        self.rooms().remove(id).ok_or_else(|| NoSuch::Room(id.to_owned()))
    }

    /// Adds a peer to a room and gives its token; `None` when the room is full.
    pub(super) fn add_peer(&self, room: &Room, peer: Peer) -> Result<Option<String>, NoSuch> {
        let (id, kind): (PeerId, PeerType) = (peer.id.clone(), peer.kind);
        let mut state = room.state();
        if state.is_over {
            return Err(NoSuch::Room(room.id.to_string()));
        }
        let most = room.config.max_peers.filter(|most| *most > 0);
        if most.is_some_and(|most| state.peers.len() >= most as usize) {
            return Ok(None);
        }
        state.peers.push(peer);
        room.notify(Content::PeerAdded(PeerAdded {
            room_id: room.id.to_string(),
            peer_id: id.to_string(),
            peer_type: kind.into(),
        }));
        Ok(Some(self.issue_token(&room.id, &id)))
    }

    pub(super) fn delete_peer(&self, room: &Room, id: &str) -> Result<(), NoSuch> {
        let mut state = room.state();
        let place = state.peers.iter().position(|peer| peer.id.as_str() == id);
        let peer = state.peers.remove(place.ok_or_else(|| NoSuch::Peer(id.to_owned()))?);
        room.delete_peer(&mut state, peer, "Peer removed");
        Ok(())
    }

    pub(super) fn issue_token(&self, room: &RoomId, peer: &PeerId) -> String {
        let token = format!("sandbox-{}", Uuid::new_v4().simple());
        let admitted = Admitted { room: room.clone(), peer: peer.clone(), expires: Instant::now() + TOKEN_LIFETIME };
        let mut tokens = self.tokens();
        // The token of a peer that is gone is kept until it expires: it is refused with the true reason.
        tokens.retain(|_, admitted| Instant::now() < admitted.expires + TOKEN_LIFETIME);
        tokens.insert(token.clone(), admitted);
        token
    }

    /// Looks a token up. The error is the close reason.
    pub(super) fn admit(&self, token: &str) -> Result<Admitted, &'static str> {
        if token.is_empty() {
            return Err("missing token");
        }
        let admitted = self.tokens().get(token).cloned().ok_or("invalid token")?;
        if Instant::now() >= admitted.expires {
            return Err("expired token");
        }
        Ok(admitted)
    }

    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes one call's worth of the fault that lies on REST.
    pub(super) fn take_rest_fault(&self, method: &str, path: &str) -> Option<RestFault> {
        let mut fault = self.rest_fault.lock().expect("no holder panics");
        let taken = fault.clone().filter(|fault| fault.is_for(method, path))?;
        *fault = fault.take().map(|fault| RestFault { count: fault.count - 1, ..fault }).filter(|left| left.count > 0);
        Some(taken)
    }

    /// Lets something go wrong.
    pub(super) fn inject(&self, fault: Fault) -> Result<(), NoSuch> {
        let now = Instant::now();
        // No fault lasts longer than a day.
        let length = |ms: u64| Duration::from_millis(ms.min(MOST_MS));
        let after = |ms: u64| now + length(ms);
        match fault {
            Fault::Close { room, peer, code, reason } => {
                self.with_socket(&room, &peer, |_, peer| peer.close(code, &reason))
            }
            Fault::Cut { room, peer, for_ms } => self.with_socket(&room, &peer, |room, peer| {
                peer.faults.shut_until = Some(after(for_ms));
                peer.end(End::Cut);
                room.disconnect(peer);
            }),
            Fault::Stall { room, peer, for_ms } => {
                self.with_socket(&room, &peer, |_, peer| peer.faults.stalled_until = Some(after(for_ms)))
            }
            Fault::Drop { room, peer, percent } => {
                self.with(&room, &peer, |_, peer| peer.faults.drop_percent = percent)
            }
            Fault::Delay { room, peer, delay_ms } => {
                self.with(&room, &peer, |_, peer| peer.faults.delay = length(delay_ms))
            }
            Fault::RefuseToken { room, peer, times } => {
                self.with(&room, &peer, |_, peer| peer.faults.refuse_tokens = times)
            }
            Fault::ExpireToken { room, peer } => self.with(&room, &peer, |_, peer| {
                self.tokens().values_mut().filter(|a| a.peer == peer.id).for_each(|admitted| admitted.expires = now);
            }),
            Fault::CrashPeer { room, peer, reason } => {
                self.with(&room, &peer, |room, peer| room.crash_peer(peer, &reason))
            }
            Fault::Malformed { room, peer, count } => self.with_socket(&room, &peer, |_, peer| {
                let junk = bytes::Bytes::from_static(b"\xffthis is no protobuf");
                (0..count.min(MOST_MALFORMED)).for_each(|_| peer.send(junk.clone()));
            }),
            Fault::Oversized { room, peer, bytes } => {
                let junk = bytes::Bytes::from(vec![0; bytes.min(LARGEST_BYTES)]);
                self.with_socket(&room, &peer, |_, peer| peer.send(junk))
            }
            Fault::CrashRoom { room } => self.take_room(room.as_str()).map(|room| room.crash()),
            Fault::CutNotifiers { for_ms } => {
                self.notices.cut(now, length(for_ms));
                Ok(())
            }
            Fault::Notifications { count, how } => {
                self.notices.set_fault(how, count);
                Ok(())
            }
            Fault::Rest { count, status, body, carried_out, only } => {
                *self.rest_fault.lock().expect("no holder panics") =
                    Some(RestFault { status, body, count, carried_out, only }).filter(|_| count > 0);
                Ok(())
            }
        }
    }

    /// Does something with one peer while its room is held.
    pub(super) fn with<T>(
        &self,
        room: &RoomId,
        peer: &PeerId,
        act: impl FnOnce(&Room, &mut Peer) -> T,
    ) -> Result<T, NoSuch> {
        let room = self.room(room.as_str())?;
        let mut state = room.state();
        let found = state.peer(peer.as_str()).ok_or_else(|| NoSuch::Peer(peer.to_string()))?;
        Ok(act(&room, found))
    }

    /// Does something with one peer that has a socket.
    fn with_socket(&self, room: &RoomId, peer: &PeerId, act: impl FnOnce(&Room, &mut Peer)) -> Result<(), NoSuch> {
        self.with(room, peer, |room, found| match found.has_socket() {
            true => {
                act(room, found);
                Ok(())
            }
            false => Err(NoSuch::Socket(peer.clone())),
        })?
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<RoomId, Arc<Room>>> {
        self.rooms.lock().expect("no holder panics")
    }

    fn tokens(&self) -> MutexGuard<'_, BTreeMap<String, Admitted>> {
        self.tokens.lock().expect("no holder panics")
    }
}

/// A day.
const MOST_MS: u64 = 86_400_000;
/// What faults may send at once.
const MOST_MALFORMED: u32 = 1_000;
const LARGEST_BYTES: usize = 64 << 20;
/// As a Fishjam's.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
