//! `/room-manager`: what the web SDK's `useSandbox` asks for. It makes rooms and peers by name, for whoever asks, without
//! a token.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refused, Shared, origin, streams::moq_token};
use crate::{
    event::{PeerId, RoomId},
    fishjam::rest::model::{RoomConfig, RoomType, SubscribeMode},
    protocol::fishjam::wire::server_message::PeerType,
    sandbox::{
        room::{Peer, Room},
        streams::new_id,
        world::World,
    },
};

/// The rooms and peers that were asked for by name.
#[derive(Default)]
pub(in crate::sandbox) struct Managed {
    rooms: BTreeMap<String, RoomId>,
    peers: BTreeMap<(RoomId, String), PeerId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    room_name: String,
    #[serde(default)]
    peer_name: String,
    room_type: Option<RoomType>,
    #[serde(default)]
    public: bool,
}

pub(in crate::sandbox) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/room-manager", get(peer))
        .route("/room-manager/livestream", get(livestream))
        .route("/room-manager/{room}/livestream-viewer-token", get(viewer))
        .route("/room-manager/moq/{stream}/publisher", get(moq))
        .route("/room-manager/moq/{stream}/subscriber", get(moq))
}

/// A peer by its name in a room by its name; both are made where they are not there.
async fn peer(State(world): Shared, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Json<Value>, Refused> {
    let kind = asked.room_type.unwrap_or_default();
    if asked.room_name.is_empty() || asked.peer_name.is_empty() || kind == RoomType::Unknown {
        return Err(Refused::bad("Expected roomName, peerName, and a roomType that is one"));
    }
    let room = room_named(
        &world,
        &asked.room_name,
        RoomConfig { room_type: kind, public: asked.public, ..RoomConfig::default() },
    );
    let key = (room.id.clone(), asked.peer_name.clone());
    let known = managed(&world, |managed| managed.peers.get(&key).cloned());
    let known =
        known.and_then(|id| room.state().peer(id.as_str()).map(|peer| (peer.id.clone(), peer.connection.is_some())));
    let (id, token) = match known {
        Some((_, true)) => return Err(Refused(StatusCode::CONFLICT, "Peer is already connected".into())),
        Some((id, false)) => (id.clone(), world.issue_token(&room.id, &id)),
        None => {
            let metadata = json!({ "peer": {}, "server": { "username": asked.peer_name } });
            let peer = Peer::new(new_id().into(), PeerType::Webrtc, metadata, SubscribeMode::default());
            let id = peer.id.clone();
            let full = || Refused(StatusCode::CONFLICT, format!("Reached peers limit in room {}", room.id));
            (id, world.add_peer(&room, peer)?.ok_or_else(full)?)
        }
    };
    managed(&world, |managed| managed.peers.insert(key, id.clone()));
    let url = origin(&world, &headers).replacen("http", "ws", 1);
    let (room, peer) =
        (json!({ "id": room.id, "name": asked.room_name }), json!({ "id": id, "name": asked.peer_name }));
    Ok(Json(json!({ "peerToken": token, "url": url, "room": room, "peer": peer })))
}

async fn livestream(State(world): Shared, Query(asked): Query<Asked>) -> Json<Value> {
    let config = RoomConfig { room_type: RoomType::Livestream, public: asked.public, ..RoomConfig::default() };
    let room = room_named(&world, &asked.room_name, config);
    Json(json!({ "streamerToken": new_id(), "room": { "id": room.id, "name": asked.room_name } }))
}

async fn viewer(State(world): Shared, Path(name): Path<String>) -> Result<Json<Value>, Refused> {
    match find(&world, &name).filter(|room| room.config.room_type.is_livestream()) {
        Some(_) => Ok(Json(json!({ "token": new_id() }))),
        None => Err(Refused::not_found(format!("Room {name} does not exist, or is not a livestream"))),
    }
}

async fn moq(State(world): Shared, headers: HeaderMap, Path(stream): Path<String>) -> Json<Value> {
    let token = moq_token(&stream, 3_600);
    Json(json!({ "connection_url": format!("{}/moq?jwt={token}", origin(&world, &headers)), "token": token }))
}

fn room_named(world: &World, name: &str, config: RoomConfig) -> Arc<Room> {
    find(world, name).unwrap_or_else(|| {
        let room = world.create_room(config);
        managed(world, |managed| managed.rooms.insert(name.to_owned(), room.id.clone()));
        room
    })
}

/// A room that was asked for by this name, or whose id it is.
fn find(world: &World, name: &str) -> Option<Arc<Room>> {
    let id = managed(world, |managed| managed.rooms.get(name).cloned());
    id.and_then(|id| world.room(id.as_str()).ok()).or_else(|| world.room(name).ok())
}

fn managed<T>(world: &World, act: impl FnOnce(&mut Managed) -> T) -> T {
    act(&mut world.managed.lock().expect("no holder panics"))
}
