//! The peer socket, as far as a person's browser needs it to be in the room: authentication. Media is not negotiated.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::{sync::mpsc, time::interval_at};
use tokio_tungstenite::tungstenite::Message;

use super::{PING, close, first_message, upgrade::Stream};
use crate::{
    dialect::fishjam::wire::{
        PeerMessage,
        peer_message::{Authenticated, Content, RoomType as WireRoomType, SdkDeprecation, sdk_deprecation::Status},
        server_message::PeerType,
    },
    fishjam::rest::model::RoomType,
    sandbox::{
        room::{Connection, Outgoing, Room},
        world::World,
    },
};

pub(super) async fn accept(State(world): State<Arc<World>>, mut request: Request) -> Response {
    super::upgrade::upgrade(&mut request, move |stream| serve(world, stream))
}

async fn serve(world: Arc<World>, mut stream: Stream) {
    let Some(first) = first_message(&mut stream).await else { return };
    let (room, peer, number, mut outbox) = match authenticate(&world, first) {
        Ok(connected) => connected,
        Err(reason) => return close(stream, 1000, reason).await,
    };
    let end = follow(&world, &mut stream, &mut outbox, &room).await;
    {
        let mut state = room.state();
        let owned = |found: &&mut crate::sandbox::room::Peer| matches!(found.connection, Some(Connection::Socket { number: held, .. }) if held == number);
        if let Some(found) = state.peer(&peer).filter(owned) {
            room.disconnect(found);
        }
    }
    if let Some((code, reason)) = end {
        close(stream, code, &reason).await;
    }
}

type Connected = (Arc<Room>, String, u64, mpsc::Receiver<Outgoing>);

fn authenticate(world: &World, first: Bytes) -> Result<Connected, &'static str> {
    let request = PeerMessage::decode(first).ok().and_then(|message| message.content);
    let Some(Content::AuthRequest(auth)) = request else { return Err("unauthenticated") };
    let admitted = world.admit(&auth.token)?;
    let room = world.room(admitted.room.as_str()).map_err(|_| "room not found")?;
    let (sender, outbox) = mpsc::channel(OUTBOX);
    let number = world.next_connection();
    {
        let mut state = room.state();
        let peer = state.peer(admitted.peer.as_str()).ok_or("peer not found")?;
        match (peer.kind, &peer.connection) {
            (PeerType::Webrtc, None) => room.connect(peer, Connection::Socket { number, outbox: sender }),
            (PeerType::Webrtc, Some(_)) => return Err("peer already connected"),
            _ => return Err("invalid token"),
        }
    }
    Ok((room, admitted.peer.to_string(), number, outbox))
}

async fn follow(
    world: &World,
    stream: &mut Stream,
    outbox: &mut mpsc::Receiver<Outgoing>,
    room: &Room,
) -> Option<(u16, String)> {
    let room_type = match room.config.room_type {
        RoomType::AudioOnly => WireRoomType::AudioOnly,
        kind if kind.is_livestream() => WireRoomType::Livestream,
        _ => WireRoomType::Conference,
    };
    let up_to_date = SdkDeprecation { status: Status::UpToDate.into(), message: String::new() };
    let answer = Authenticated { room_type: room_type.into(), sdk_deprecation: Some(up_to_date) };
    let bytes = PeerMessage { content: Some(Content::Authenticated(answer)) }.encode_to_vec();
    stream.send(Message::Binary(bytes.into())).await.ok()?;
    let mut ping = interval_at(tokio::time::Instant::now() + PING, PING);
    loop {
        tokio::select! {
            message = stream.next() => match message? {
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            },
            order = outbox.recv() => match order {
                Some(Outgoing::Close { code, reason }) => return Some((code, reason)),
                Some(Outgoing::Cut) | None => return None,
                Some(Outgoing::Message { bytes, .. }) => stream.send(Message::Binary(bytes)).await.ok()?,
            },
            _ = ping.tick() => stream.send(Message::Ping(Bytes::new())).await.ok()?,
            () = world.stop.cancelled() => return Some((1001, String::new())),
        }
    }
}

/// Orders that may wait for a slow browser.
const OUTBOX: usize = 64;
