//! `/recordings`: made, stopped, listed; their files hold nothing.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Path, Query, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use serde_json::{Map, Value};

use super::{Refused, Shared, data, parse};
use crate::{
    dialect::fishjam::wire::server_message::{Content, RecordingStatusChanged, recording_status_changed::Status},
    sandbox::{
        streams::{Recording, RecordingState, new_id},
        world::World,
    },
};

pub(super) async fn create(State(world): Shared, request: Request) -> Result<Response, Refused> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let config = match kind.starts_with("multipart/") {
        true => template_config(request).await?,
        false => {
            let body = Bytes::from_request(request, &()).await.map_err(|error| Refused::bad(error.to_string()))?;
            parse::object(&body)?
        }
    };
    let source: Map<String, Value> = parse::field(&config, "source")?;
    let url: String = parse::field(&source, "compositionURL")?;
    if !parse::is_webhook_url(&url) {
        return Err(parse::wrong("compositionURL", "valid URL", &url.into()));
    }
    let metadata: Option<Map<String, Value>> = parse::field(&config, "metadata")?;
    let metadata = metadata.map_or(Value::Null, Value::Object);
    let recording = Recording { source: source.into(), metadata, state: RecordingState::Active };
    let id = new_id();
    let shown = recording.to_json(&id, &world.origin);
    world.streams.lock().expect("no holder panics").recordings.insert(id.clone(), recording.clone());
    announce(&world, &id, &recording);
    Ok(data(StatusCode::CREATED, shown))
}

/// A recording through a template comes as two parts: its configuration and the template's script.
async fn template_config(request: Request) -> Result<Map<String, Value>, Refused> {
    let bad = |error: &dyn std::fmt::Display| Refused::bad(error.to_string());
    let mut parts = Multipart::from_request(request, &()).await.map_err(|error| bad(&error))?;
    let (mut config, mut has_template) = (None, false);
    while let Some(part) = parts.next_field().await.map_err(|error| bad(&error))? {
        match part.name() {
            Some("config") => config = Some(part.bytes().await.map_err(|error| bad(&error))?),
            Some("template") => has_template = true,
            _ => {}
        }
    }
    match config {
        Some(config) if has_template => parse::object(&config),
        _ => Err(Refused::bad("Expected the parts config and template")),
    }
}

pub(super) async fn list(State(world): Shared, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let streams = world.streams.lock().expect("no holder panics");
    let all =
        streams.recordings.iter().filter(|(_, recording)| query.iter().all(|(key, value)| fits(recording, key, value)));
    let all: Vec<Value> = all.map(|(id, recording)| recording.to_json(id, &world.origin)).collect();
    data(StatusCode::OK, all.into())
}

/// Whether a recording passes one filter: `status=active`, or `metadata[a][b]=1`, compared as text.
fn fits(recording: &Recording, key: &str, wanted: &str) -> bool {
    if key == "status" {
        return recording.to_json("", "")["status"] == wanted;
    }
    let Some(path) = key.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']')) else { return true };
    let value = path.split("][").fold(&recording.metadata, |value, step| &value[step]);
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned) == wanted
}

pub(super) async fn show(State(world): Shared, Path(id): Path<String>) -> Result<Response, Refused> {
    let recording = find(&world, &id)?;
    Ok(data(StatusCode::OK, recording.to_json(&id, &world.origin)))
}

pub(super) async fn stop(State(world): Shared, Path(id): Path<String>) -> Result<Response, Refused> {
    let mut recording = find(&world, &id)?;
    if let Some(finished) = change(&world, &id, RecordingState::Active, RecordingState::Finished) {
        recording = finished;
        let (world, id) = (world.clone(), id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(PREPARATION).await;
            change(&world, &id, RecordingState::Finished, RecordingState::Available);
        });
    }
    Ok(data(StatusCode::OK, recording.to_json(&id, &world.origin)))
}

pub(super) async fn remove(State(world): Shared, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    if find(&world, &id)?.state == RecordingState::Active {
        return Err(Refused(StatusCode::CONFLICT, format!("Recording {id} is active")));
    }
    world.streams.lock().expect("no holder panics").recordings.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

fn find(world: &World, id: &str) -> Result<Recording, Refused> {
    world.streams.lock().expect("no holder panics").recordings.get(id).cloned().ok_or_else(|| unknown(id))
}

/// Brings a recording from one state to the next and announces it; `None` if it is in another.
fn change(world: &World, id: &str, from: RecordingState, to: RecordingState) -> Option<Recording> {
    let recording = {
        let mut streams = world.streams.lock().expect("no holder panics");
        let recording = streams.recordings.get_mut(id).filter(|recording| recording.state == from)?;
        recording.state = to;
        recording.clone()
    };
    announce(world, id, &recording);
    Some(recording)
}

fn announce(world: &World, id: &str, recording: &Recording) {
    let status = match recording.state {
        RecordingState::Active => Status::Active,
        RecordingState::Finished => Status::Finished,
        RecordingState::Available => Status::Available,
    };
    let metadata = recording.metadata.to_string();
    let content = RecordingStatusChanged { recording_id: id.to_owned(), status: status.into(), metadata };
    world.notices.send(&Content::RecordingStatusChanged(content));
}

fn unknown(id: &str) -> Refused {
    Refused::not_found(format!("Recording {id} does not exist"))
}

/// How long a recording is being prepared after it was stopped.
const PREPARATION: Duration = Duration::from_millis(100);
