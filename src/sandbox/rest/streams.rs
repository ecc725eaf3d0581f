//! `/livestream` and `/moq`.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Refused, Shared, data, parse};
use crate::sandbox::{
    streams::{Livestream, new_id, streamer_json},
    world::World,
};

pub(super) async fn create(State(world): Shared, body: Bytes) -> Result<Response, Refused> {
    let object = parse::object(&body)?;
    parse::only(&object, &["audioOnly", "public", "batchWebhookNotifications", "webhookUrl"])?;
    let stream = Livestream {
        public: parse::field(&object, "public")?,
        audio_only: parse::field(&object, "audioOnly")?,
        ..Livestream::default()
    };
    let id = new_id();
    let shown = stream.to_json(&id);
    world.streams.lock().expect("no holder panics").livestreams.insert(id, stream);
    Ok(data(StatusCode::CREATED, shown))
}

pub(super) async fn list(State(world): Shared) -> Response {
    let streams = world.streams.lock().expect("no holder panics");
    let all: Vec<Value> = streams.livestreams.iter().map(|(id, stream)| stream.to_json(id)).collect();
    data(StatusCode::OK, all.into())
}

pub(super) async fn show(State(world): Shared, Path(id): Path<String>) -> Result<Response, Refused> {
    with(&world, &id, |stream| data(StatusCode::OK, stream.to_json(&id)))
}

pub(super) async fn remove(State(world): Shared, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let removed = world.streams.lock().expect("no holder panics").livestreams.remove(&id);
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| no_stream(&id))
}

pub(super) async fn add_streamer(State(world): Shared, Path(id): Path<String>) -> Result<Response, Refused> {
    let (one, token) = (new_id(), new_id());
    with(&world, &id, |stream| {
        stream.streamers.insert(one.clone(), token.clone());
        data(StatusCode::CREATED, streamer_json(&one, &token))
    })
}

pub(super) async fn add_viewer(State(world): Shared, Path(id): Path<String>) -> Result<Response, Refused> {
    let (one, token) = (new_id(), new_id());
    with(&world, &id, |stream| {
        stream.viewers.insert(one.clone(), token.clone());
        data(StatusCode::CREATED, json!({ "id": one, "token": token }))
    })
}

pub(super) async fn remove_streamer(
    State(world): Shared,
    Path((id, one)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let removed = with(&world, &id, |stream| stream.streamers.remove(&one))?;
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Refused::not_found(format!("Streamer {one} does not exist")))
}

pub(super) async fn remove_viewer(
    State(world): Shared,
    Path((id, one)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let removed = with(&world, &id, |stream| stream.viewers.remove(&one))?;
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Refused::not_found(format!("Viewer {one} does not exist")))
}

pub(super) async fn moq_access(State(world): Shared, body: Bytes) -> Result<Response, Refused> {
    let object = parse::object(&body)?;
    parse::only(&object, &["publishPath", "subscribePath", "ttl"])?;
    let path = |name| parse::field::<Option<String>>(&object, name);
    if path("publishPath")?.is_none() && path("subscribePath")?.is_none() {
        return Err(Refused::bad("Expected publishPath or subscribePath"));
    }
    if parse::field::<Option<u32>>(&object, "ttl")?.is_some_and(|ttl| ttl > LONGEST_TTL_S) {
        return Err(parse::wrong("ttl", "at most 604800", &object["ttl"]));
    }
    let token = new_id();
    let url = format!("{}/moq?jwt={token}", world.origin);
    Ok((StatusCode::OK, Json(json!({ "connection_url": url, "token": token }))).into_response())
}

fn with<T>(world: &World, id: &str, act: impl FnOnce(&mut Livestream) -> T) -> Result<T, Refused> {
    let mut streams = world.streams.lock().expect("no holder panics");
    streams.livestreams.get_mut(id).map(act).ok_or_else(|| no_stream(id))
}

fn no_stream(id: &str) -> Refused {
    Refused::not_found(format!("Stream {id} does not exist"))
}

/// A week.
const LONGEST_TTL_S: u32 = 604_800;
