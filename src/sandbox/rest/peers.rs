//! `/room/{room}/peer` and what hangs on a peer.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{Refused, Shared, data, origin, parse};
use crate::{
    audio::Hz,
    event::TrackId,
    fishjam::rest::model::{AudioFormat, SubscribeMode},
    protocol::fishjam::wire::server_message::PeerType,
    sandbox::{
        room::{Peer, Room},
        streams::new_id,
        world::{NoSuch, World},
    },
};

pub(super) async fn create(
    State(world): Shared,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let room = world.room(&room)?;
    let peer = new_peer(&parse::object(&body)?)?;
    let (shown, id, kind) = (peer.to_json(), peer.id.clone(), peer.kind);
    let Some(token) = world.add_peer(&room, peer)? else {
        return Err(Refused(StatusCode::CONFLICT, format!("Reached peers limit in room {}", room.id)));
    };
    if kind == PeerType::Vapi {
        tokio::spawn(fail_vapi(room, id.to_string()));
    }
    let url = format!("{}/socket/peer/websocket", origin(&world, &headers).replacen("http", "ws", 1));
    Ok(data(StatusCode::CREATED, json!({ "peer": shown, "token": token, "peer_websocket_url": url })))
}

fn new_peer(object: &Map<String, Value>) -> Result<Peer, Refused> {
    parse::only(object, &["type", "options"])?;
    let options: Map<String, Value> = parse::field(object, "options")?;
    let mode = match parse::field(&options, "subscribeMode")? {
        SubscribeMode::Unknown => {
            return Err(parse::wrong("subscribeMode", "'auto' or 'manual'", &options["subscribeMode"]));
        }
        mode => mode,
    };
    let peer = |kind, metadata| Peer::new(new_id().into(), kind, metadata, mode);
    let described = |server: Value| json!({ "peer": {}, "server": server });
    match object.get("type").and_then(Value::as_str) {
        None | Some("webrtc") => {
            let metadata: Map<String, Value> = parse::field(&options, "metadata")?;
            Ok(peer(PeerType::Webrtc, described(metadata.into())))
        }
        Some("agent") => {
            let output_rate = output_rate(&options)?;
            Ok(Peer { output_rate, ..peer(PeerType::Agent, described(json!({}))) })
        }
        Some("vapi") => {
            let (key, call): (String, String) = (parse::field(&options, "apiKey")?, parse::field(&options, "callId")?);
            let call_fits = !call.is_empty() && call.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            match !key.is_empty() && call_fits {
                true => Ok(peer(PeerType::Vapi, described(json!({})))),
                false => Err(Refused::bad("Expected apiKey and callId of a Vapi call")),
            }
        }
        Some(_) => Err(Refused::bad("Invalid peer type")),
    }
}

fn output_rate(options: &Map<String, Value>) -> Result<Hz, Refused> {
    let output: Map<String, Value> = parse::field(options, "output")?;
    parse::field::<AudioFormat>(&output, "audioFormat")?;
    match output.get("audioSampleRate") {
        None | Some(Value::Null) => Ok(Hz::K16),
        Some(value) => match value.as_u64() {
            Some(16_000) => Ok(Hz::K16),
            Some(24_000) => Ok(Hz::K24),
            _ => Err(parse::wrong("audioSampleRate", "16000 or 24000", value)),
        },
    }
}

/// There is no Vapi here, so its calls fail as they do with a bogus key: a little later, as a crash.
async fn fail_vapi(room: Arc<Room>, id: String) {
    tokio::time::sleep(VAPI_FAILS_AFTER).await;
    if let Some(peer) = room.state().peer(&id) {
        room.crash_peer(peer, "the sandbox has no Vapi");
    }
}

const VAPI_FAILS_AFTER: Duration = Duration::from_millis(200);

pub(super) async fn remove(
    State(world): Shared,
    Path((room, peer)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    world.delete_peer(&*world.room(&room)?, &peer)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn refresh_token(
    State(world): Shared,
    Path((room, peer)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let id = with_peer(&world, &room, &peer, |peer| peer.id.clone())?;
    let token = world.issue_token(&world.room(&room)?.id, &id);
    Ok(data(StatusCode::CREATED, json!({ "token": token })))
}

pub(super) async fn subscribe_peer(
    State(world): Shared,
    Path((room, peer)): Path<(String, String)>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
) -> Result<StatusCode, Refused> {
    let publisher = query.get("peer_id").ok_or_else(|| Refused::bad("Expected peer_id of a peer"))?;
    let publisher = with_peer(&world, &room, publisher, |peer| peer.id.clone())?;
    with_peer(&world, &room, &peer, |peer| {
        if !peer.subscriptions.peers.contains(&publisher) {
            peer.subscriptions.peers.push(publisher);
        }
    })?;
    Ok(StatusCode::OK)
}

pub(super) async fn subscribe_tracks(
    State(world): Shared,
    Path((room, peer)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let tracks: Vec<TrackId> = parse::field(&parse::object(&body)?, "track_ids")?;
    with_peer(&world, &room, &peer, |peer| {
        for track in tracks {
            if !peer.subscriptions.tracks.contains(&track) {
                peer.subscriptions.tracks.push(track);
            }
        }
    })?;
    Ok(StatusCode::OK)
}

fn with_peer<T>(world: &World, room: &str, peer: &str, act: impl FnOnce(&mut Peer) -> T) -> Result<T, NoSuch> {
    world.with(&room.into(), &peer.into(), |_, peer| act(peer))
}
