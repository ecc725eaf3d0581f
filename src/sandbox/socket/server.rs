//! The server socket: everything that happens, to everyone who shows the management token.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::{sync::mpsc, time::interval_at};
use tokio_tungstenite::tungstenite::Message;

use super::{PING, close, first_message, upgrade::Stream};
use crate::{
    dialect::fishjam::wire::{
        ServerMessage,
        server_message::{Authenticated, Content, SubscribeResponse},
    },
    sandbox::world::World,
};

pub(super) async fn accept(State(world): State<Arc<World>>, mut request: Request) -> Response {
    if !world.notices.lets_in(Instant::now()) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    super::upgrade::upgrade(&mut request, move |stream| serve(world, stream))
}

async fn serve(world: Arc<World>, mut stream: Stream) {
    let Some(first) = first_message(&mut stream).await else { return };
    match decode(first) {
        Some(Content::AuthRequest(auth)) if auth.token == world.token => {}
        Some(Content::AuthRequest(_)) => return close(stream, 1000, "invalid token").await,
        _ => return close(stream, 1000, "invalid auth request").await,
    }
    if stream.send(encode(Content::Authenticated(Authenticated {}))).await.is_err() {
        return;
    }
    if let Some((code, reason)) = follow(&world, &mut stream).await {
        close(stream, code, reason).await;
    }
}

/// Serves one listener; gives what its socket is to be closed with, if it is not gone already.
async fn follow(world: &World, stream: &mut Stream) -> Option<(u16, &'static str)> {
    let mut notices: Option<mpsc::Receiver<Bytes>> = None;
    let mut ping = interval_at(tokio::time::Instant::now() + PING, PING);
    loop {
        let message = tokio::select! {
            message = stream.next() => match message? {
                Ok(Message::Binary(bytes)) => match decode(bytes) {
                    Some(Content::SubscribeRequest(request)) => {
                        notices.get_or_insert_with(|| world.notices.subscribe());
                        encode(Content::SubscribeResponse(SubscribeResponse { event_type: request.event_type }))
                    }
                    _ => return Some((1003, "operation not allowed")),
                },
                Ok(Message::Text(_)) => return Some((1003, "operation not allowed")),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => continue,
            },
            // Dropped by a fault, or because it does not read: the socket goes without a word.
            notice = next_of(&mut notices) => Message::Binary(notice?),
            _ = ping.tick() => Message::Ping(Bytes::new()),
            () = world.stop.cancelled() => return Some((1001, "")),
        };
        stream.send(message).await.ok()?;
    }
}

async fn next_of(notices: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match notices {
        Some(notices) => notices.recv().await,
        None => std::future::pending().await,
    }
}

fn decode(bytes: Bytes) -> Option<Content> {
    ServerMessage::decode(bytes).ok()?.content
}

fn encode(content: Content) -> Message {
    Message::Binary(ServerMessage { content: Some(content) }.encode_to_vec().into())
}
