//! The sandbox's own interface, under `/sandbox/`: people, recordings, faults, over HTTP. It asks for no token: the
//! sandbox listens on loopback unless told otherwise.

use std::{io::Cursor, path::PathBuf, sync::Arc, sync::atomic::Ordering, time::Duration, time::Instant};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    echoes::EchoReport,
    faults::Fault,
    people::{PeopleError, Person, read_picture},
    rest::Shared,
    room::Track,
    world::{NoSuch, World},
};
use crate::{
    audio::{Hz, Sound},
    event::{PeerId, RoomId},
};

/// The body that adds a person: `POST /sandbox/rooms/ROOM/people`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PersonRequest {
    /// What is said of the person.
    metadata: Value,
    /// A sound file on the sandbox's machine.
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
    /// A sound file on the sandbox's machine.
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

pub(super) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/sandbox/state", get(state))
        .route("/sandbox/rooms/{room}/people", post(add_person))
        .route("/sandbox/rooms/{room}/people/{peer}", delete(remove_person))
        .route("/sandbox/rooms/{room}/people/{peer}/say", post(say))
        .route("/sandbox/rooms/{room}/people/{peer}/hush", post(hush))
        .route("/sandbox/rooms/{room}/peers/{peer}/recording", post(record).get(recording))
        .route("/sandbox/echoes", get(echoes).delete(reset_echoes))
        .route("/sandbox/faults", post(inject))
        .route("/sandbox/deprecation", post(deprecate))
}

async fn add_person(
    State(world): Shared,
    Path(room): Path<RoomId>,
    Json(request): Json<PersonRequest>,
) -> Result<Response, PeopleError> {
    let sound = match request.sound {
        Some(path) => Some(read(path).await?),
        None => None,
    };
    let person = Person {
        metadata: request.metadata,
        sound,
        delay: Duration::from_millis(request.delay_ms),
        looped: request.looped,
        pause: Duration::from_millis(request.pause_ms),
        still: match request.still {
            Some(path) => Some(blocking(move || read_picture(&path)).await?),
            None => None,
        },
    };
    let speaker = world.add_person(&room, person).await?;
    Ok((StatusCode::CREATED, Json(speaker)).into_response())
}

async fn remove_person(
    State(world): Shared,
    Path((room, peer)): Path<(RoomId, PeerId)>,
) -> Result<StatusCode, PeopleError> {
    world.delete_peer(&*world.room(room.as_str())?, peer.as_str())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn say(
    State(world): Shared,
    Path((room, peer)): Path<(RoomId, PeerId)>,
    Json(request): Json<SayRequest>,
) -> Result<StatusCode, PeopleError> {
    let sound = read(request.sound).await?;
    world.say(&room, &peer, sound, Duration::from_millis(request.delay_ms), request.looped).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hush(State(world): Shared, Path((room, peer)): Path<(RoomId, PeerId)>) -> Result<StatusCode, PeopleError> {
    world.with_speech(&room, &peer, |speech| speech.hush())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn record(
    State(world): Shared,
    Path((room, peer)): Path<(RoomId, PeerId)>,
    body: Option<Json<RecordRequest>>,
) -> Result<StatusCode, PeopleError> {
    let request = body.map(|Json(request)| request).unwrap_or_default();
    world.record(&room, &peer, request.rate, Instant::now())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn recording(State(world): Shared, Path((room, peer)): Path<(RoomId, PeerId)>) -> Result<Response, PeopleError> {
    let wav = to_wav(&world.recording(&room, &peer)?);
    Ok(([(CONTENT_TYPE, "audio/wav")], wav).into_response())
}

async fn inject(State(world): Shared, Json(fault): Json<Fault>) -> Result<Response, PeopleError> {
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
async fn deprecate(State(world): Shared, Json(request): Json<DeprecationRequest>) -> StatusCode {
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

async fn read(path: PathBuf) -> Result<Sound, PeopleError> {
    blocking(move || Ok(Sound::read(&path)?)).await
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
            PeopleError::RoomFull(_) | PeopleError::NoSuch(NoSuch::Socket(_)) => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "errors": self.to_string() }))).into_response()
    }
}
