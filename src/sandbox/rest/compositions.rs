//! `/composition`: compositions and what is registered with them, kept and answered for, without media.
//!
//! Another service than the rest, and it shows: success is 200 with an object, and errors are called `message`.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::Shared;
use crate::sandbox::{
    streams::{Composition, new_id},
    world::World,
};

/// An answer that is an error.
pub(super) struct Unknown(String);

impl IntoResponse for Unknown {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, Json(json!({ "message": self.0 }))).into_response()
    }
}

pub(super) async fn create(State(world): Shared) -> Response {
    let id = new_id();
    let url = format!("{}/api/composition/{id}", world.origin);
    world.streams.lock().expect("no holder panics").compositions.insert(id.clone(), Composition::default());
    (StatusCode::CREATED, Json(json!({ "composition_id": id, "api_url": url }))).into_response()
}

pub(super) async fn remove(State(world): Shared, Path(id): Path<String>) -> Result<Json<Value>, Unknown> {
    let removed = world.streams.lock().expect("no holder panics").compositions.remove(&id);
    removed.map(|_| Json(json!({}))).ok_or_else(|| unknown_composition(&id))
}

/// `start`, `reset`, `event`: taken, if the composition is there.
pub(super) async fn act(
    State(world): Shared,
    Path((id, action)): Path<(String, String)>,
) -> Result<Json<Value>, Unknown> {
    match action.as_str() {
        "start" | "event" => with(&world, &id, |_| json!({})),
        "reset" => with(&world, &id, |composition| {
            *composition = Composition::default();
            json!({})
        }),
        _ => Err(Unknown(format!("Unknown action {action}"))),
    }
}

/// A font has no name and cannot be taken back.
pub(super) async fn register_font(State(world): Shared, Path(id): Path<String>) -> Result<Json<Value>, Unknown> {
    with(&world, &id, |_| json!({}))
}

/// What happens to a named input, output or image.
pub(super) async fn act_on_part(
    State(world): Shared,
    Path((id, kind, name, action)): Path<(String, String, String, String)>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Unknown> {
    let key = (kind.clone(), name.clone());
    let unknown = || Unknown(format!("Unknown {kind} {name}"));
    let Json(known) = with(&world, &id, |composition| composition.parts.contains(&key).into())?;
    let known = known == true;
    match (kind.as_str(), action.as_str()) {
        ("input" | "output" | "image", "register") | ("output", "template") => {
            let answer = if kind == "input" { input_answer(&world, &id, &name, &body) } else { json!({}) };
            with(&world, &id, |composition| {
                composition.parts.insert(key);
                answer
            })
        }
        ("input" | "output" | "image", "unregister") if known => with(&world, &id, |composition| {
            composition.parts.remove(&key);
            json!({})
        }),
        ("output", "update" | "request_keyframe") if known => Ok(Json(json!({}))),
        _ => Err(unknown()),
    }
}

/// What an input is told of where to send, by its type.
fn input_answer(world: &World, id: &str, name: &str, body: &[u8]) -> Value {
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    match input["type"].as_str() {
        Some("whip_server") => json!({ "bearer_token": new_id(), "endpoint_route": format!("/whip/{name}") }),
        Some("rtmp_server") => {
            let host = world.origin.trim_start_matches("http://");
            json!({ "publish_url": format!("rtmp://{host}/{id}/{name}") })
        }
        Some("mp4") => json!({ "video_duration_ms": 1_000, "audio_duration_ms": 1_000 }),
        _ => json!({}),
    }
}

fn with(world: &World, id: &str, act: impl FnOnce(&mut Composition) -> Value) -> Result<Json<Value>, Unknown> {
    let mut streams = world.streams.lock().expect("no holder panics");
    streams.compositions.get_mut(id).map(act).map(Json).ok_or_else(|| unknown_composition(id))
}

fn unknown_composition(id: &str) -> Unknown {
    Unknown(format!("Composition {id} does not exist"))
}
