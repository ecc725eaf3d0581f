//! The sandbox as a running server, and its interface from within the same process.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::Uri,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
};
use tokio::{task::JoinHandle, time::timeout};
use tower::ServiceExt;

use super::{
    control, doors,
    faults::Fault,
    people::{PeopleError, Person, Speaker, Speaks},
    rest, socket,
    world::{NameError, NoSuch, World},
};
use crate::{
    audio::{Hz, Sound},
    event::{PeerId, RoomId},
    fishjam::{Address, rest::model::RoomConfig},
    web::{self, Identity, Limits, Server},
};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The management token.
    pub token: String,
    /// The secret with which webhooks are signed.
    pub webhook_secret: String,
    /// Whether a request that would crash the real media engine crashes the agent's peer.
    pub strict: bool,
    /// Names by which it may be asked for, beside addresses and this machine's own.
    pub hosts: Vec<String>,
    /// Origins of pages that may ask it, beside its own and those of this machine.
    pub origins: Vec<String>,
    /// The folder whose files people may speak and show by the interface over HTTP.
    pub files: PathBuf,
    /// PEM files of a certificate and its key: it is served by TLS then.
    pub tls: Option<TlsFiles>,
}

/// Who a sandbox is, by TLS.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, with those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Default for SandboxOptions {
    /// A free port on loopback, the token `development`, strict; files of the folder that the program runs in.
    fn default() -> SandboxOptions {
        SandboxOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            token: "development".into(),
            webhook_secret: "webhook-secret".into(),
            strict: true,
            hosts: Vec::new(),
            origins: Vec::new(),
            files: PathBuf::from("."),
            tls: None,
        }
    }
}

/// A running sandbox. It stops when it is dropped.
pub struct Sandbox {
    address: SocketAddr,
    world: Arc<World>,
    server: JoinHandle<()>,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Something else listens there.
    #[error("{0} is in use; stop what listens there, or choose another port with --listen (port 0 takes a free one)")]
    InUse(SocketAddr),
    /// The machine does not let it.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The machine's word.
        cause: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("{0}; give PEM files of a certificate and its private key")]
    Identity(String),
}

impl SandboxError {
    pub(super) fn from_bind(address: SocketAddr, cause: io::Error) -> SandboxError {
        match cause.kind() {
            io::ErrorKind::AddrInUse => SandboxError::InUse(address),
            _ => SandboxError::Listen { address, cause },
        }
    }
}

impl Sandbox {
    /// Starts to listen and serve.
    ///
    /// # Errors
    /// [`SandboxError`] when the address cannot be had.
    pub async fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
        let listen = options.listen;
        let identity = options.tls.as_ref().map(|files| Identity::read(&files.certificate, &files.key)).transpose();
        let identity = identity.map_err(|error| SandboxError::Identity(error.to_string()))?;
        let (listener, address) = web::bind(listen).await.map_err(|cause| SandboxError::from_bind(listen, cause))?;
        let origin = format!("{}://{address}", if identity.is_some() { "https" } else { "http" });
        let world = Arc::new(World::new(options, origin));
        let app = Router::new()
            .merge(rest::router(&world))
            .merge(rest::room_manager::router())
            .merge(socket::router())
            .merge(control::router(&world))
            .fallback(|| async { rest::Refused::not_found("Not Found").into_response() })
            .layer(from_fn(web::with_whole_body))
            .layer(from_fn_with_state(world.clone(), doors::guard))
            .layer(DefaultBodyLimit::disable())
            .with_state(world.clone())
            .map_request(clean_path);
        // People's apps and tests hold many connections, and keep them between their calls.
        let limits = Limits {
            connections: 8_192,
            head: Duration::from_secs(75),
            body: Duration::from_secs(30),
            body_bytes: BODY_BYTES,
            bodies_bytes: 64 << 20,
            stall: None,
        };
        let server = Server::new(listener, app, limits, world.stop.clone()).with_identity(identity);
        let server = tokio::spawn(server.run());
        Ok(Sandbox { address, world, server })
    }

    /// Closes every socket and stops.
    pub async fn stop(mut self) {
        self.world.stop.cancel();
        for room in self.world.list_rooms() {
            room.ended.cancel();
        }
        timeout(STOP * 2, &mut self.server).await.ok();
    }

    /// Where it listens.
    pub fn socket_address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn url(&self) -> &str {
        &self.world.origin
    }

    /// Its address, for a client.
    pub fn address(&self) -> Address {
        self.url().parse().expect("a socket address makes a URL")
    }

    /// Its management token.
    pub fn token(&self) -> &str {
        &self.world.token
    }

    /// Adds a person with a microphone, and perhaps a camera, to a room.
    ///
    /// # Errors
    /// [`PeopleError`] when the room is not there, or full.
    pub async fn add_person(&self, room: &RoomId, person: Person) -> Result<Speaker, PeopleError> {
        self.world.add_person(room, person).await
    }

    /// Removes a person from the room.
    ///
    /// # Errors
    /// [`PeopleError::NoSuch`].
    pub fn remove_person(&self, room: &RoomId, peer: &PeerId) -> Result<(), PeopleError> {
        Ok(self.world.delete_peer(&*self.world.room(room.as_str())?, peer.as_str())?)
    }

    /// Lets a person say `sound` after what it is saying, and not before `delay` has passed.
    ///
    /// # Errors
    /// [`PeopleError`] when the person is not there.
    pub async fn say(&self, room: &RoomId, peer: &PeerId, sound: Sound, delay: Duration) -> Result<(), PeopleError> {
        self.world.say(room, peer, Speaks::Sound(sound), delay, false).await
    }

    /// The same with a file, which is read while it is said.
    ///
    /// # Errors
    /// [`PeopleError`] when the person is not there, or the file cannot be read.
    pub async fn say_file(
        &self,
        room: &RoomId,
        peer: &PeerId,
        path: &Path,
        delay: Duration,
    ) -> Result<(), PeopleError> {
        self.world.say(room, peer, Speaks::File(path.to_owned()), delay, false).await
    }

    /// A person closes the tab: it is no longer connected, and may come back.
    ///
    /// # Errors
    /// [`PeopleError`] when there is no such person in the room.
    pub fn disconnect_person(&self, room: &RoomId, peer: &PeerId) -> Result<(), PeopleError> {
        self.world.disconnect_person(room, peer)
    }

    /// A person who closed the tab comes back.
    ///
    /// # Errors
    /// [`PeopleError`] when there is no such person, or it is connected.
    pub async fn reconnect_person(&self, room: &RoomId, peer: &PeerId) -> Result<Speaker, PeopleError> {
        self.world.reconnect_person(room, peer).await
    }

    /// Makes a room whose id is `name`, which must be free and plain.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn create_room(&self, name: &str, config: RoomConfig) -> Result<RoomId, NameError> {
        self.world.create_room_named(name, config).map(|room| room.id.clone())
    }

    /// Whether a person has said everything.
    ///
    /// # Errors
    /// [`PeopleError`] when the person is not there.
    pub fn is_silent(&self, room: &RoomId, peer: &PeerId) -> Result<bool, PeopleError> {
        self.world.with_speech(room, peer, |speech| speech.is_silent())
    }

    /// Records a peer at `rate`, on a time line that begins at `from`; earlier recordings of it are dropped. At the
    /// rate at which the peer speaks, the recording is what it said, sample for sample.
    ///
    /// # Errors
    /// [`PeopleError::NoSuch`].
    pub fn record(&self, room: &RoomId, peer: &PeerId, rate: Hz, from: Instant) -> Result<(), PeopleError> {
        self.world.record(room, peer, rate, from)
    }

    /// When the last sound of a recorded peer ended; `None` if there was none.
    ///
    /// # Errors
    /// [`PeopleError::NoSuch`].
    pub fn quiet_since(&self, room: &RoomId, peer: &PeerId) -> Result<Option<Instant>, PeopleError> {
        self.world.quiet_since(room, peer)
    }

    /// What has been recorded of a peer up to now, an hour at most.
    ///
    /// # Errors
    /// [`PeopleError::NotRecorded`].
    pub fn recording(&self, room: &RoomId, peer: &PeerId) -> Result<Sound, PeopleError> {
        self.world.recording(room, peer)
    }

    /// Whether every REST answer says from now on that the interface goes away.
    pub fn set_deprecated(&self, deprecated: bool) {
        self.world.deprecated.store(deprecated, Ordering::Relaxed);
    }

    /// Lets something go wrong.
    ///
    /// # Errors
    /// [`NoSuch`] when the fault names what is not there.
    pub fn inject(&self, fault: Fault) -> Result<(), NoSuch> {
        self.world.inject(fault)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.world.stop.cancel();
        self.world.list_rooms().iter().for_each(|room| room.ended.cancel());
    }
}

/// Collapses doubled slashes, which an official SDK sends, and drops a prefix such as `/api/v1/connect/ID`.
fn clean_path(mut request: Request) -> Request {
    let segments: Vec<&str> = request.uri().path().split('/').filter(|segment| !segment.is_empty()).collect();
    let start = match segments[..] {
        // An id may be called like an endpoint.
        ["api", "v1", "connect", _, ..] => 4,
        _ => segments.iter().position(|segment| ROOTS.contains(segment)).unwrap_or(0),
    };
    let path = format!("/{}", segments[start..].join("/"));
    let path = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    if let Ok(uri) = path.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

/// What paths begin with, once a prefix is gone.
const ROOTS: [&str; 9] =
    ["room", "room-manager", "validate", "livestream", "composition", "moq", "recordings", "socket", "sandbox"];
/// The largest body: a template of a composition.
const BODY_BYTES: usize = 2 << 20;
/// How long open connections may take to end.
const STOP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_behind_slashes_and_prefixes() {
        for (from, to) in [
            ("//room", "/room"),
            ("/api/v1/connect/local/room/1/peer?x=/a//b", "/room/1/peer?x=/a//b"),
            ("/api/v1/connect/sandbox/room", "/room"),
            ("//socket//agent/websocket", "/socket/agent/websocket"),
            ("//room-manager/livestream?roomName=room", "/room-manager/livestream?roomName=room"),
            ("/room-manager/sandbox/livestream-viewer-token", "/room-manager/sandbox/livestream-viewer-token"),
            ("/nothing/here", "/nothing/here"),
        ] {
            let request = Request::builder().uri(from).body(axum::body::Body::empty()).unwrap();
            assert_eq!(clean_path(request).uri().to_string(), to);
        }
    }
}
