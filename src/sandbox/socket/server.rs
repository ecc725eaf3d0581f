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

use super::{
    End, first_message,
    link::{GOING_AWAY, PING, finish},
    upgrade::Stream,
};
use crate::{
    protocol::fishjam::wire::{
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
    let Some(first) = first_message(&world, &mut stream).await else { return };
    match decode(first) {
        Some(Content::AuthRequest(auth)) if auth.token == world.token => {}
        Some(Content::AuthRequest(_)) => return finish(stream, End::Close(1000, "invalid token".into())).await,
        _ => return finish(stream, End::Close(1000, "invalid auth request".into())).await,
    }
    if stream.send(encode(Content::Authenticated(Authenticated {}))).await.is_err() {
        return;
    }
    let end = tokio::select! {
        // Past a client that reads nothing.
        () = world.stop.cancelled() => End::Close(GOING_AWAY, String::new()),
        end = follow(&world, &mut stream) => end,
    };
    finish(stream, end).await;
}

/// Serves one listener until it goes, breaks the rules, or is cut off.
async fn follow(world: &World, stream: &mut Stream) -> End {
    let not_allowed = || End::Close(1003, "operation not allowed".into());
    let mut notices: Option<mpsc::Receiver<Bytes>> = None;
    let mut ping = interval_at(tokio::time::Instant::now() + PING, PING);
    loop {
        let message = tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Binary(bytes))) => match decode(bytes) {
                    Some(Content::SubscribeRequest(request)) => {
                        notices.get_or_insert_with(|| world.notices.subscribe());
                        encode(Content::SubscribeResponse(SubscribeResponse { event_type: request.event_type }))
                    }
                    _ => return not_allowed(),
                },
                Some(Ok(Message::Text(_))) => return not_allowed(),
                Some(Ok(Message::Close(_))) => return End::ByClient,
                Some(Err(_)) | None => return End::Cut,
                Some(Ok(_)) => continue,
            },
            // Dropped by a fault, or because it does not read: the socket goes without a word.
            notice = next_of(&mut notices) => match notice {
                Some(notice) => Message::Binary(notice),
                None => return End::Cut,
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        if stream.send(message).await.is_err() {
            return End::Cut;
        }
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
