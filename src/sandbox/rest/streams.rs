//! `/livestream` and `/moq`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Refused, Shared, data, origin, parse};
use crate::sandbox::{
    streams::{Livestream, new_id, streamer_json},
    world::World,
};

pub(super) async fn create(State(world): Shared, body: Bytes) -> Result<Response, Refused> {
    let object = parse::object(&body)?;
    parse::only(&object, &["audioOnly", "public", "batchWebhookNotifications", "webhookUrl"])?;
    parse::field::<bool>(&object, "batchWebhookNotifications")?;
    parse::webhook_url(&object)?;
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

pub(super) async fn moq_access(State(world): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let object = parse::object(&body)?;
    parse::only(&object, &["publishPath", "subscribePath", "ttl"])?;
    let path = |name| parse::field::<Option<String>>(&object, name);
    if path("publishPath")?.is_none() && path("subscribePath")?.is_none() {
        return Err(Refused::bad("Expected publishPath or subscribePath"));
    }
    let ttl_s = parse::field::<Option<u32>>(&object, "ttl")?.unwrap_or(3_600);
    if !(1..=LONGEST_TTL_S).contains(&ttl_s) {
        return Err(parse::wrong("ttl", "from 1 to 604800", &object["ttl"]));
    }
    let paths = object.iter().filter(|(name, _)| *name != "ttl").map(|(_, path)| path.as_str().unwrap_or_default());
    let token = moq_token(&paths.collect::<Vec<_>>().join(" "), ttl_s);
    let url = format!("{}/moq?jwt={token}", origin(&world, &headers));
    Ok((StatusCode::OK, Json(json!({ "connection_url": url, "token": token }))).into_response())
}

/// A token of the shape that a relay takes, a JWT. Nobody here checks its signature.
pub(super) fn moq_token(paths: &str, ttl_s: u32) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let part = |value: Value| base64_url(value.to_string().as_bytes());
    let head = part(json!({ "alg": "HS256", "typ": "JWT" }));
    let claims = part(json!({ "sub": paths, "iat": now, "exp": now + u64::from(ttl_s), "jti": new_id() }));
    format!("{head}.{claims}.{}", base64_url(new_id().as_bytes()))
}

/// Base64 as URLs take it, without padding.
fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0u32, |bits, (n, byte)| bits | u32::from(*byte) << (16 - 8 * n));
        text.extend((0..=group.len()).map(|n| char::from(DIGITS[(bits >> (18 - 6 * n)) as usize & 63])));
    }
    text
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

#[cfg(test)]
mod tests {
    use super::base64_url;

    #[test]
    fn base64_is_as_in_rfc_4648() {
        for (text, coded) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("\u{3ff}?", "z78_")]
        {
            assert_eq!(base64_url(text.as_bytes()), coded);
        }
    }
}
