//! The sandbox's three sockets: for agents, for servers, for people's browsers.

mod agent;
mod peer;
mod server;
mod upgrade;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::world::World;
use upgrade::Stream;

pub(super) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/socket/agent/websocket", get(agent::accept))
        .route("/socket/server/websocket", get(server::accept))
        .route("/socket/peer/websocket", get(peer::accept))
}

/// Waits for the first message, which must come in time. `None` when the client went away.
async fn first_message(stream: &mut Stream) -> Option<Bytes> {
    loop {
        match tokio::time::timeout(UNAUTHENTICATED, stream.next()).await.ok()?? {
            Ok(Message::Binary(bytes)) => return Some(bytes),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Closes with a code and a reason, and reads until the client has answered.
async fn close(mut stream: Stream, code: u16, reason: &str) {
    let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
    let goodbye = async {
        stream.send(Message::Close(Some(frame))).await.ok();
        while let Some(Ok(_)) = stream.next().await {}
    };
    tokio::time::timeout(GOODBYE, goodbye).await.ok();
}

/// A Fishjam drops a socket that says nothing for a minute.
const UNAUTHENTICATED: Duration = Duration::from_secs(60);
/// A Fishjam pings this often.
const PING: Duration = Duration::from_secs(30);
/// How long a client may take to answer a close.
const GOODBYE: Duration = Duration::from_secs(2);
