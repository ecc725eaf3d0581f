//! `/recordings`: made, stopped, listed; their files hold nothing.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use serde_json::{Map, Value};

use super::{Refused, Shared, data, origin, parse};
use crate::{
    protocol::fishjam::wire::server_message::{Content, RecordingStatusChanged, recording_status_changed::Status},
    sandbox::{
        streams::{Recording, RecordingState, new_id},
        world::World,
    },
};

pub(super) async fn create(State(world): Shared, request: Request) -> Result<Response, Refused> {
    let origin = origin(&world, request.headers());
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let has_template = kind.starts_with("multipart/");
    let config = match has_template {
        true => template_config(request).await?,
        false => {
            let body = Bytes::from_request(request, &()).await.map_err(|error| Refused::bad(error.to_string()))?;
            parse::object(&body)?
        }
    };
    parse::only(&config, &["source", "metadata"])?;
    let source: Map<String, Value> = parse::field(&config, "source")?;
    let url: String = parse::field(&source, "compositionURL")?;
    if !parse::is_webhook_url(&url) {
        return Err(parse::wrong("compositionURL", "valid URL", &url.into()));
    }
    if has_template {
        check_template(&source)?
    } else {
        check_composition(&source)?
    }
    let metadata: Option<Map<String, Value>> = parse::field(&config, "metadata")?;
    let metadata = metadata.map_or(Value::Null, Value::Object);
    let recording = Recording { source: source.into(), metadata, state: RecordingState::Active, is_stopping: false };
    let id = new_id();
    let shown = recording.to_json(&id, &origin);
    world.streams.lock().expect("no holder panics").recordings.insert(id.clone(), recording.clone());
    announce(&world, &id, &recording);
    Ok(data(StatusCode::CREATED, shown))
}

fn check_composition(source: &Map<String, Value>) -> Result<(), Refused> {
    parse::only(source, &["compositionURL", "outputId", "scaleRatio"])?;
    if parse::field::<String>(source, "outputId")?.is_empty() {
        return Err(Refused::bad("Expected outputId, or a template as multipart/form-data"));
    }
    match parse::field::<Option<f64>>(source, "scaleRatio")? {
        Some(ratio) if ratio <= 0.0 => Err(parse::wrong("scaleRatio", "above 0", &source["scaleRatio"])),
        _ => Ok(()),
    }
}

fn check_template(source: &Map<String, Value>) -> Result<(), Refused> {
    parse::only(source, &["compositionURL", "audio", "resolution"])?;
    parse::field::<Option<bool>>(source, "audio")?;
    let Some(resolution) = parse::field::<Option<Map<String, Value>>>(source, "resolution")? else { return Ok(()) };
    parse::only(&resolution, &["width", "height"])?;
    for side in ["width", "height"] {
        if parse::field::<u32>(&resolution, side)? == 0 {
            return Err(Refused::bad(format!("Expected {side} to be above 0")));
        }
    }
    Ok(())
}

/// A recording through a template comes as two parts: its configuration and the template's script.
async fn template_config(request: Request) -> Result<Map<String, Value>, Refused> {
    let bad = |error: &dyn std::fmt::Display| Refused::bad(error.to_string());
    let mut parts = Multipart::from_request(request, &()).await.map_err(|error| bad(&error))?;
    let (mut config, mut has_template) = (None, false);
    while let Some(part) = parts.next_field().await.map_err(|error| bad(&error))? {
        match part.name() {
            Some("config") => config = Some(part.bytes().await.map_err(|error| bad(&error))?),
            Some("template") => {
                let bytes = part.bytes().await.map_err(|error| bad(&error))?.len();
                if bytes > LARGEST_TEMPLATE {
                    return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, "The template is above 1 MiB".into()));
                }
                has_template = true;
            }
            _ => return Err(Refused::bad("Expected the parts config and template")),
        }
    }
    match config {
        Some(config) if has_template => parse::object(&config),
        _ => Err(Refused::bad("Expected the parts config and template")),
    }
}

pub(super) async fn list(
    State(world): Shared,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Refused> {
    let origin = origin(&world, &headers);
    if let Some(status) = query.get("status").filter(|status| !STATUSES.contains(&status.as_str())) {
        return Err(parse::wrong("status", "one of a recording", &status.clone().into()));
    }
    let streams = world.streams.lock().expect("no holder panics");
    let all =
        streams.recordings.iter().filter(|(_, recording)| query.iter().all(|(key, value)| fits(recording, key, value)));
    let all: Vec<Value> = all.map(|(id, recording)| recording.to_json(id, &origin)).collect();
    Ok(data(StatusCode::OK, all.into()))
}

/// Whether a recording passes one filter: `status=active`, or `metadata[a][b]=1`, compared as text.
fn fits(recording: &Recording, key: &str, wanted: &str) -> bool {
    if key == "status" {
        return recording.to_json("", "")["status"] == wanted;
    }
    let Some(path) = key.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']')) else { return true };
    // What is not there is not null either.
    let value = path.split("][").try_fold(&recording.metadata, |value, step| value.get(step));
    value.is_some_and(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned) == wanted)
}

pub(super) async fn show(
    State(world): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let recording = find(&world, &id)?;
    Ok(data(StatusCode::OK, recording.to_json(&id, &origin(&world, &headers))))
}

/// The recording stays active until it is finalized, a moment later; then its files are prepared.
pub(super) async fn stop(
    State(world): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let recording = find(&world, &id)?;
    if begin_to_stop(&world, &id) {
        let (world, id) = (world.clone(), id.clone());
        tokio::spawn(async move {
            for (from, to) in [
                (RecordingState::Active, RecordingState::Finished),
                (RecordingState::Finished, RecordingState::Available),
            ] {
                tokio::time::sleep(PREPARATION).await;
                change(&world, &id, from, to);
            }
        });
    }
    Ok(data(StatusCode::OK, recording.to_json(&id, &origin(&world, &headers))))
}

/// Whether nobody has stopped it before.
fn begin_to_stop(world: &World, id: &str) -> bool {
    let mut streams = world.streams.lock().expect("no holder panics");
    let recording = streams.recordings.get_mut(id).filter(|recording| recording.state == RecordingState::Active);
    recording.is_some_and(|recording| !std::mem::replace(&mut recording.is_stopping, true))
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

/// Brings a recording from one state to the next and announces it.
fn change(world: &World, id: &str, from: RecordingState, to: RecordingState) {
    let changed = {
        let mut streams = world.streams.lock().expect("no holder panics");
        let recording = streams.recordings.get_mut(id).filter(|recording| recording.state == from);
        recording.map(|recording| {
            recording.state = to;
            recording.clone()
        })
    };
    if let Some(recording) = changed {
        announce(world, id, &recording);
    }
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

/// The largest template that is taken.
const LARGEST_TEMPLATE: usize = 1 << 20;
const STATUSES: [&str; 4] = ["active", "finished", "available", "failed"];
/// How long a recording is finalized after it was stopped, and how long its files are prepared then.
const PREPARATION: Duration = Duration::from_millis(100);
