//! The sandbox's three sockets: for agents, for servers, for people's browsers.

mod agent;
mod link;
mod peer;
mod server;
pub(super) mod upgrade;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{
    room::{Connection, Peer, Room},
    world::World,
};
use crate::protocol::fishjam::wire::server_message::PeerType;
use link::Link;
pub(super) use link::{End, Ender, Outgoing};
use upgrade::Stream;

pub(super) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/socket/agent/websocket", get(agent::accept))
        .route("/socket/server/websocket", get(server::accept))
        .route("/socket/peer/websocket", get(peer::accept))
}

/// Waits for the first message, which must come in time. `None` when the client went away.
async fn first_message(world: &World, stream: &mut Stream) -> Option<Bytes> {
    let first = async {
        loop {
            match stream.next().await? {
                Ok(Message::Binary(bytes)) => return Some(bytes),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    };
    tokio::select! {
        first = tokio::time::timeout(UNAUTHENTICATED, first) => first.ok()?,
        () = world.stop.cancelled() => None,
    }
}

/// Lets a client in that shows `token` for a peer of this kind. `greet` sends the first message, while nothing else
/// can come before it.
fn admit(world: &World, token: &str, kind: PeerType, greet: impl FnOnce(&Room, &mut Peer)) -> Result<Link, End> {
    let refuse = |reason: &str| End::Close(1000, reason.to_owned());
    let admitted = world.admit(token).map_err(refuse)?;
    let room = world.room(admitted.room.as_str()).map_err(|_| refuse("room not found"))?;
    let (sender, outbox) = mpsc::channel(OUTBOX);
    let (number, ender) = (world.next_connection(), Ender::default());
    let mut state = room.state();
    let peer = state.peer(admitted.peer.as_str()).ok_or_else(|| refuse("peer not found"))?;
    if !peer.faults.lets_in(Instant::now()) {
        return Err(End::Cut);
    }
    if peer.kind != kind || peer.faults.takes_refusal() {
        return Err(refuse("invalid token"));
    }
    if peer.connection.is_some() {
        return Err(refuse("peer already connected"));
    }
    room.connect(peer, Connection::Socket { number, outbox: sender, ender: ender.clone() });
    greet(&room, peer);
    drop(state);
    Ok(Link { room, peer: admitted.peer, number, outbox, ender })
}

/// Messages that may wait for a slow client: 20 s of one speaker. Beyond it they are lost and counted.
const OUTBOX: usize = 1_024;
/// A Fishjam drops a socket that says nothing for a minute.
const UNAUTHENTICATED: Duration = Duration::from_secs(60);
