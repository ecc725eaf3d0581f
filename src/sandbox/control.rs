//! The sandbox's own interface, under `/sandbox/`: people, recordings, faults, over HTTP. It asks for the management token,
//! or for a page that the sandbox itself served.

use std::{io::Cursor, path::PathBuf, sync::Arc, sync::atomic::Ordering, time::Duration, time::Instant};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request, State},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    doors,
    echoes::EchoReport,
    faults::Fault,
    people::{PeopleError, Person, Speaks, read_picture},
    rest::{self, Shared},
    room::Track,
    world::{NameError, NoSuch, World},
};
use crate::{
    audio::{Hz, Sound},
    event::{PeerId, RoomId},
    text::in_a_writers_words,
};

/// The body that adds a person: `POST /sandbox/rooms/ROOM/people`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PersonRequest {
    /// A peer that an app has made, to be this person.
    peer: Option<PeerId>,
    /// What the app says of the person.
    metadata: Value,
    /// What the person says of itself.
    own_metadata: Value,
    /// How long after it came in its tracks begin.
    tracks_after_ms: Option<u64>,
    /// A sound file in the sandbox's folder.
    sound: Option<PathBuf>,
    /// How long after the microphone opened it is said.
    delay_ms: u64,
    /// Whether it is said again and again.
    #[serde(rename = "loop")]
    looped: bool,
    pause_ms: u64,
    /// A JPEG or PNG file that stands for the camera.
    still: Option<PathBuf>,
}

/// The body that makes a person say more: `POST /sandbox/rooms/ROOM/people/PEER/say`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SayRequest {
    /// A sound file in the sandbox's folder.
    sound: PathBuf,
    /// How long from now it is said, at the earliest.
    #[serde(default)]
    delay_ms: u64,
    /// Whether it is said again and again.
    #[serde(default, rename = "loop")]
    looped: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RecordRequest {
    rate: Hz,
}

impl Default for RecordRequest {
    fn default() -> RecordRequest {
        RecordRequest { rate: Hz::K24 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeprecationRequest {
    on: bool,
}

pub(super) fn router(world: &Arc<World>) -> Router<Arc<World>> {
    Router::new()
        .route("/sandbox/state", get(state))
        .route("/sandbox/rooms/{room}/people", post(add_person))
        .route("/sandbox/rooms/{room}/people/{peer}", delete(remove_person))
        .route("/sandbox/rooms/{room}/people/{peer}/say", post(say))
        .route("/sandbox/rooms/{room}/people/{peer}/hush", post(hush))
        .route("/sandbox/rooms/{room}/people/{peer}/disconnect", post(disconnect))
        .route("/sandbox/rooms/{room}/people/{peer}/reconnect", post(reconnect))
        .route("/sandbox/rooms/{room}", post(create_room))
        .route("/sandbox/rooms/{room}/peers/{peer}/recording", post(record).get(recording))
        .route("/sandbox/echoes", get(echoes).delete(reset_echoes))
        .route("/sandbox/faults", post(inject))
        .route("/sandbox/deprecation", post(deprecate))
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, Json(json!({ "errors": "Method Not Allowed" })))
        })
        .route_layer(from_fn_with_state(world.clone(), guard))
}

/// A body of JSON, whatever its content type says; nothing at all counts as an empty object. What does not fit is told as
/// every error of the sandbox is.
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Response> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|refused| (refused.status(), Json(json!({ "errors": refused.body_text() }))).into_response())?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Body).map_err(|error| {
            let why = in_a_writers_words(&error.to_string());
            let status = if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
            (status, Json(json!({ "errors": format!("the body: {why}") }))).into_response()
        })
    }
}

/// What the path names, told in the same way where it is no text.
struct Ids<T>(T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Ids<T>, Response> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Ids(ids))
            .map_err(|refused| (refused.status(), Json(json!({ "errors": refused.body_text() }))).into_response())
    }
}

/// Lets in who shows the token, and pages of the sandbox's own.
async fn guard(State(world): Shared, request: Request, next: Next) -> Response {
    match doors::is_from_own_page(request.headers()) || rest::shows_token(&world, &request) {
        true => next.run(request).await,
        false => {
            let text = "show the management token: Authorization: Bearer TOKEN";
            (StatusCode::UNAUTHORIZED, Json(json!({ "errors": text }))).into_response()
        }
    }
}

async fn add_person(
    State(world): Shared,
    Ids(room): Ids<RoomId>,
    Body(request): Body<PersonRequest>,
) -> Result<Response, PeopleError> {
    let sound = request.sound.map(|path| file(&world, &path).map(Speaks::File)).transpose()?;
    let usual = Person::default();
    let person = Person {
        peer: request.peer,
        metadata: request.metadata,
        own_metadata: request.own_metadata,
        tracks_after: request.tracks_after_ms.map_or(usual.tracks_after, Duration::from_millis),
        sound,
        delay: Duration::from_millis(request.delay_ms),
        looped: request.looped,
        pause: Duration::from_millis(request.pause_ms),
        still: match request.still {
            Some(path) => {
                let path = file(&world, &path)?;
                Some(blocking(move || read_picture(&path)).await?)
            }
            None => None,
        },
    };
    let speaker = world.add_person(&room, person).await?;
    Ok((StatusCode::CREATED, Json(speaker)).into_response())
}

async fn remove_person(
    State(world): Shared,
    Ids((room, peer)): Ids<(RoomId, PeerId)>,
) -> Result<StatusCode, PeopleError> {
    world.delete_peer(&*world.room(room.as_str())?, peer.as_str())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn say(
    State(world): Shared,
    Ids((room, peer)): Ids<(RoomId, PeerId)>,
    Body(request): Body<SayRequest>,
) -> Result<StatusCode, PeopleError> {
    let sound = Speaks::File(file(&world, &request.sound)?);
    world.say(&room, &peer, sound, Duration::from_millis(request.delay_ms), request.looped).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hush(State(world): Shared, Ids((room, peer)): Ids<(RoomId, PeerId)>) -> Result<StatusCode, PeopleError> {
    world.with_speech(&room, &peer, |speech| speech.hush())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disconnect(State(world): Shared, Ids((room, peer)): Ids<(RoomId, PeerId)>) -> Result<StatusCode, PeopleError> {
    world.disconnect_person(&room, &peer)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reconnect(State(world): Shared, Ids((room, peer)): Ids<(RoomId, PeerId)>) -> Result<Response, PeopleError> {
    let speaker = world.reconnect_person(&room, &peer).await?;
    Ok((StatusCode::CREATED, Json(speaker)).into_response())
}

/// A room whose id is known beforehand.
async fn create_room(State(world): Shared, Ids(room): Ids<RoomId>) -> Response {
    let status = match world.create_room_named(room.as_str(), Default::default()) {
        Ok(room) => return (StatusCode::CREATED, Json(room.to_json())).into_response(),
        Err(NameError::Taken) => (StatusCode::CONFLICT, NameError::Taken),
        Err(error) => (StatusCode::BAD_REQUEST, error),
    };
    (status.0, Json(json!({ "errors": status.1.to_string() }))).into_response()
}

async fn record(
    State(world): Shared,
    Ids((room, peer)): Ids<(RoomId, PeerId)>,
    Body(request): Body<RecordRequest>,
) -> Result<StatusCode, PeopleError> {
    world.record(&room, &peer, request.rate, Instant::now())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn recording(State(world): Shared, Ids((room, peer)): Ids<(RoomId, PeerId)>) -> Result<Response, PeopleError> {
    let wav = to_wav(&world.recording(&room, &peer)?);
    Ok(([(CONTENT_TYPE, "audio/wav")], wav).into_response())
}

async fn inject(State(world): Shared, Body(fault): Body<Fault>) -> Result<Response, PeopleError> {
    if let Fault::Rest { status: Some(status), .. } = fault
        && !(200..=599).contains(&status)
    {
        return Ok(
            (StatusCode::BAD_REQUEST, Json(json!({ "errors": "Expected a status from 200 to 599" }))).into_response()
        );
    }
    world.inject(fault)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether every REST answer says from now on that the interface goes away.
async fn deprecate(State(world): Shared, Body(request): Body<DeprecationRequest>) -> StatusCode {
    world.deprecated.store(request.on, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}

async fn state(State(world): Shared) -> Json<Value> {
    let rooms: Vec<Value> = world.list_rooms().iter().map(|room| room.to_json()).collect();
    let (mut undelivered, mut overflowed) = (0, 0);
    for room in world.list_rooms() {
        for peer in &room.state().peers {
            undelivered += peer.undelivered_chunks;
            overflowed += peer.tracks.iter().map(Track::dropped_samples).sum::<u64>();
        }
    }
    let lost = json!({ "undelivered_chunks": undelivered, "overflowed_samples": overflowed });
    Json(json!({ "strict": world.strict, "rooms": rooms, "lost": lost }))
}

/// How long bursts of people took to come back from agents.
async fn echoes(State(world): Shared) -> Json<EchoReport> {
    Json(world.echoes.report())
}

async fn reset_echoes(State(world): Shared) -> StatusCode {
    world.echoes.reset();
    StatusCode::NO_CONTENT
}

/// A file that a request may name.
fn file(world: &World, path: &std::path::Path) -> Result<PathBuf, PeopleError> {
    doors::file_in(&world.files, path).map_err(PeopleError::Outside)
}

/// Reads a file away from the tasks that move sound.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, PeopleError> + Send + 'static,
) -> Result<T, PeopleError> {
    tokio::task::spawn_blocking(read).await.expect("reading a file does not panic")
}

fn to_wav(sound: &Sound) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: sound.rate.0,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("memory takes a header");
    sound.samples.iter().for_each(|sample| writer.write_sample(*sample).expect("memory takes samples"));
    writer.finalize().expect("memory takes a header");
    bytes.into_inner()
}

impl IntoResponse for PeopleError {
    fn into_response(self) -> Response {
        let status = match &self {
            PeopleError::NoSuch(NoSuch::Room(_) | NoSuch::Peer(_)) | PeopleError::NotRecorded(_) => {
                StatusCode::NOT_FOUND
            }
            PeopleError::RoomFull(_) | PeopleError::Taken(_) | PeopleError::NoSuch(NoSuch::Socket(_)) => {
                StatusCode::CONFLICT
            }
            PeopleError::Outside(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "errors": self.to_string() }))).into_response()
    }
}
