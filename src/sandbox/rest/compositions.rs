//! `/composition`: compositions and what is registered with them, checked, kept and answered for, without media.
//!
//! Another service than the rest, and it shows: success is 200 with an object, and errors are called `message`.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Multipart, Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Shared, origin,
    parts::{Creation, Event, Image, Input, Output, Unregistration, Update, checked, checked_or_default},
};
use crate::{
    sandbox::{
        streams::{Composition, new_id},
        world::World,
    },
    text::part_of_path,
};

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem(pub(super) StatusCode, pub(super) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1 }))).into_response()
    }
}

impl Problem {
    pub(super) fn bad(text: impl Into<String>) -> Problem {
        Problem(StatusCode::BAD_REQUEST, text.into())
    }

    fn unknown(text: String) -> Problem {
        Problem(StatusCode::NOT_FOUND, text)
    }
}

type Answer = Result<Json<Value>, Problem>;

pub(super) async fn create(
    State(world): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    checked_or_default::<Creation>(&body)?;
    let id = new_id();
    let url = format!("{}/api/composition/{id}", origin(&world, &headers));
    world.streams.lock().expect("no holder panics").compositions.insert(id.clone(), Composition::default());
    Ok((StatusCode::CREATED, Json(json!({ "composition_id": id, "api_url": url }))))
}

pub(super) async fn remove(State(world): Shared, Path(id): Path<String>) -> Answer {
    let removed = world.streams.lock().expect("no holder panics").compositions.remove(&id);
    removed.map(|_| Json(json!({}))).ok_or_else(|| unknown_composition(&id))
}

/// `start`, `reset`, `event`: taken, if the composition is there.
pub(super) async fn act(State(world): Shared, Path((id, action)): Path<(String, String)>, body: Bytes) -> Answer {
    with(&world, &id, |_| ())?;
    match action.as_str() {
        "start" => {}
        "event" => drop(checked::<Event>(&body)?),
        "reset" => with(&world, &id, |composition| *composition = Composition::default())?,
        _ => return Err(Problem::unknown(format!("Unknown action {action}"))),
    }
    Ok(Json(json!({})))
}

/// A font has no name and cannot be taken back.
pub(super) async fn register_font(State(world): Shared, Path(id): Path<String>, request: Request) -> Answer {
    with(&world, &id, |_| ())?;
    parts_of(request, &["font"]).await?;
    Ok(Json(json!({})))
}

/// What happens to a named input, output or image.
pub(super) async fn act_on_part(
    State(world): Shared,
    Path((id, kind, name, action)): Path<(String, String, String, String)>,
    request: Request,
) -> Answer {
    let key = (kind.clone(), name.clone());
    let unknown = || Problem::unknown(format!("Unknown {kind} {name}"));
    let is_known = with(&world, &id, |composition| composition.parts.contains(&key))?;
    let origin = origin(&world, request.headers());
    let answer = match (kind.as_str(), action.as_str()) {
        ("input" | "output" | "image", "register") | ("output", "template") if is_known => {
            return Err(Problem::bad(format!("The {kind} {name} is registered already")));
        }
        ("input", "register") => registered(&checked(&whole(request).await?)?, &origin, &name),
        ("output", "register") => checked::<Output>(&whole(request).await?).map(|_| json!({}))?,
        ("image", "register") => checked::<Image>(&whole(request).await?)?.check()?,
        ("output", "template") => {
            let [config, _] = &parts_of(request, &["config", "template"]).await?[..] else { return Err(unknown()) };
            checked::<Output>(config).map(|_| json!({}))?
        }
        ("input" | "output" | "image", "unregister") if is_known => {
            checked_or_default::<Unregistration>(&whole(request).await?)?;
            with(&world, &id, |composition| composition.parts.remove(&key))?;
            return Ok(Json(json!({})));
        }
        ("output", "update") if is_known => {
            checked::<Update>(&whole(request).await?)?;
            return Ok(Json(json!({})));
        }
        ("output", "request_keyframe") if is_known => return Ok(Json(json!({}))),
        _ => return Err(unknown()),
    };
    with(&world, &id, |composition| composition.parts.insert(key))?;
    Ok(Json(answer))
}

/// What an input is told of where to send, by its type.
fn registered(input: &Input, origin: &str, name: &str) -> Value {
    match input {
        Input::WhipServer { bearer_token, .. } => {
            let token = bearer_token.clone().unwrap_or_else(new_id);
            json!({ "bearer_token": token, "endpoint_route": format!("/whip/{}", part_of_path(name)) })
        }
        Input::RtmpServer { stream_key } => {
            let host = origin.split_once("://").map_or(origin, |(_, host)| host);
            json!({ "publish_url": format!("rtmp://{host}/{stream_key}") })
        }
        Input::Mp4 { .. } => json!({ "video_duration_ms": 1_000, "audio_duration_ms": 1_000 }),
        Input::WhepClient { .. } => json!({}),
    }
}

async fn whole(request: Request) -> Result<Bytes, Problem> {
    Bytes::from_request(request, &()).await.map_err(|error| Problem::bad(error.to_string()))
}

/// The parts of a form that have these names, in this order.
async fn parts_of(request: Request, names: &[&str]) -> Result<Vec<Bytes>, Problem> {
    let bad = |error: &dyn std::fmt::Display| Problem::bad(error.to_string());
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| bad(&error))?;
    let mut found = vec![None; names.len()];
    while let Some(part) = form.next_field().await.map_err(|error| bad(&error))? {
        let index = part.name().and_then(|name| names.iter().position(|known| *known == name));
        let bytes = part.bytes().await.map_err(|error| bad(&error))?;
        match index {
            Some(index) => found[index] = Some(bytes),
            None => return Err(Problem::bad(format!("Expected the parts {}", names.join(" and ")))),
        }
    }
    let all: Option<Vec<Bytes>> = found.into_iter().collect();
    all.ok_or_else(|| Problem::bad(format!("Expected the parts {}", names.join(" and "))))
}

fn with<T>(world: &World, id: &str, act: impl FnOnce(&mut Composition) -> T) -> Result<T, Problem> {
    let mut streams = world.streams.lock().expect("no holder panics");
    streams.compositions.get_mut(id).map(act).ok_or_else(|| unknown_composition(id))
}

fn unknown_composition(id: &str) -> Problem {
    Problem::unknown(format!("Composition {id} does not exist"))
}
