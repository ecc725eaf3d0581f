//! `/room` and what hangs on a whole room.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Refused, Shared, data, parse};
use crate::{
    protocol::fishjam::wire::{
        notifications::TrackType,
        server_message::{Content, TrackForwarding},
    },
    sandbox::streams::new_id,
};

pub(super) async fn create(State(world): Shared, body: Bytes) -> Result<Response, Refused> {
    let room = world.create_room(parse::room_config(&body)?);
    Ok(data(StatusCode::CREATED, json!({ "room": room.to_json() })))
}

pub(super) async fn list(State(world): Shared) -> Response {
    let rooms: Vec<Value> = world.list_rooms().iter().map(|room| room.to_json()).collect();
    data(StatusCode::OK, rooms.into())
}

pub(super) async fn show(State(world): Shared, Path(room): Path<String>) -> Result<Response, Refused> {
    Ok(data(StatusCode::OK, world.room(&room)?.to_json()))
}

pub(super) async fn remove(State(world): Shared, Path(room): Path<String>) -> Result<StatusCode, Refused> {
    world.delete_room(&room)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token for a viewer or a streamer; nobody tells them apart here.
pub(super) async fn livestream_token(State(world): Shared, Path(room): Path<String>) -> Result<Response, Refused> {
    let room = world.room(&room)?;
    if !room.config.room_type.is_livestream() {
        return Err(Refused::not_found(format!("Room {} is not a livestream", room.id)));
    }
    Ok((StatusCode::CREATED, Json(json!({ "token": new_id() }))).into_response())
}

pub(super) async fn forward_tracks(
    State(world): Shared,
    Path(room): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let room = world.room(&room)?;
    let object = parse::object(&body)?;
    parse::only(&object, &["compositionURL", "selector"])?;
    let url: String = parse::field(&object, "compositionURL")?;
    if !parse::is_webhook_url(&url) {
        return Err(parse::wrong("compositionURL", "valid URL", &url.into()));
    }
    let selector: Option<String> = parse::field(&object, "selector")?;
    if selector.is_some_and(|selector| selector != "all") {
        return Err(parse::wrong("selector", "'all'", &object["selector"]));
    }
    let mut state = room.state();
    if state.composition.as_deref() == Some(&url) {
        return Err(Refused(StatusCode::CONFLICT, format!("Composition {url} is fed already")));
    }
    state.composition = Some(url.clone());
    for peer in &state.peers {
        let track = |kind| peer.tracks.iter().find(|track| track.kind == kind).map(|track| track.to_wire());
        let (audio_track, video_track) = (track(TrackType::Audio), track(TrackType::Video));
        if audio_track.is_some() || video_track.is_some() {
            room.notify(Content::TrackForwarding(TrackForwarding {
                room_id: room.id.to_string(),
                peer_id: peer.id.to_string(),
                composition_url: url.clone(),
                input_id: peer.id.to_string(),
                audio_track,
                video_track,
            }));
        }
    }
    Ok(StatusCode::CREATED)
}
