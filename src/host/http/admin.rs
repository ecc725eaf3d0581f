//! The admin interface: what runs, and orders. Every call shows the token; `openapi.json` describes them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use futures_util::stream;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    event::RoomId,
    fishjam::Tap,
    host::control::{Control, HasEnded},
};

/// The description of the interface.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Each call there is: method and path.
pub const ROUTES: [(&str, &str); 9] = [
    ("get", "/openapi.json"),
    ("get", "/v1/host"),
    ("post", "/v1/host/drain"),
    ("post", "/v1/host/stop"),
    ("post", "/v1/host/reload"),
    ("get", "/v1/sessions"),
    ("post", "/v1/sessions"),
    ("delete", "/v1/sessions/{session}"),
    ("get", "/v1/sessions/{session}/levels"),
];

pub(in crate::host) fn router(control: Control, token: SecretString) -> Router {
    let token = Arc::new(Sha256::digest(token.expose_secret().as_bytes()).to_vec());
    Router::new()
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
        .route("/v1/host", get(host))
        .route("/v1/host/drain", post(drain))
        .route("/v1/host/stop", post(stop))
        .route("/v1/host/reload", post(reload))
        .route("/v1/sessions", get(sessions).post(join))
        .route("/v1/sessions/{session}", delete(leave))
        .route("/v1/sessions/{session}/levels", get(levels))
        .fallback(|| async { Problem(StatusCode::NOT_FOUND, "there is no such call; see /openapi.json".into()) })
        .with_state(control)
        .layer(from_fn_with_state(token, check_token))
}

/// Why a call failed.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<HasEnded> for Problem {
    fn from(ended: HasEnded) -> Problem {
        Problem(StatusCode::SERVICE_UNAVAILABLE, ended.to_string())
    }
}

/// Digests are compared, so that the time it takes says nothing of the token.
async fn check_token(State(token): State<Arc<Vec<u8>>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    match shown.is_some_and(|shown| Sha256::digest(shown.as_bytes()).as_slice() == token.as_slice()) {
        true => next.run(request).await,
        false => {
            let text = "show the admin token: Authorization: Bearer TOKEN";
            Problem(StatusCode::UNAUTHORIZED, text.into()).into_response()
        }
    }
}

async fn host(State(control): State<Control>) -> Result<Response, Problem> {
    Ok(Json(control.status().await?).into_response())
}

async fn drain(State(control): State<Control>) -> Result<StatusCode, Problem> {
    control.drain().await?;
    Ok(StatusCode::ACCEPTED)
}

async fn stop(State(control): State<Control>) -> Result<StatusCode, Problem> {
    control.stop().await?;
    Ok(StatusCode::ACCEPTED)
}

async fn reload(State(control): State<Control>) -> Result<StatusCode, Problem> {
    control.reload().await?.map_err(|why| Problem(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(State(control): State<Control>) -> Result<Response, Problem> {
    Ok(Json(json!({ "sessions": control.sessions().await? })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoinRequest {
    room: RoomId,
    deploy: String,
}

async fn join(State(control): State<Control>, request: Request) -> Result<StatusCode, Problem> {
    let bad = |why: String| Problem(StatusCode::BAD_REQUEST, why);
    let body = axum::body::to_bytes(request.into_body(), BODY).await.map_err(|error| bad(error.to_string()))?;
    let JoinRequest { room, deploy } = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    control.join(&room, &deploy).await?.map_err(|why| Problem(StatusCode::CONFLICT, why))?;
    Ok(StatusCode::ACCEPTED)
}

async fn leave(State(control): State<Control>, Path(session): Path<String>) -> Result<StatusCode, Problem> {
    let number = session.parse().ok();
    match number {
        Some(number) if control.leave(number).await? => Ok(StatusCode::ACCEPTED),
        _ => Err(no_such(&session)),
    }
}

#[derive(Deserialize)]
struct LevelsQuery {
    /// How long to listen.
    seconds: Option<u64>,
}

/// A line of JSON every 200 ms.
async fn levels(
    State(control): State<Control>,
    Path(session): Path<String>,
    Query(query): Query<LevelsQuery>,
) -> Result<Response, Problem> {
    let gauge = match session.parse() {
        Ok(number) => control.gauge(number).await?,
        Err(_) => None,
    };
    let tap = gauge.ok_or_else(|| no_such(&session))?.tap();
    let lines = query.seconds.unwrap_or(LISTEN_S).clamp(1, LISTEN_S) * PER_SECOND;
    let stream = stream::unfold((tap, lines), next_line);
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response())
}

async fn next_line((tap, left): (Tap, u64)) -> Option<(Result<String, Infallible>, (Tap, u64))> {
    if left == 0 {
        return None;
    }
    tokio::time::sleep(Duration::from_millis(1_000 / PER_SECOND)).await;
    let line = json!({ "levels": tap.take() }).to_string() + "\n";
    Some((Ok(line), (tap, left - 1)))
}

fn no_such(session: &str) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("there is no session {session} in a room; GET /v1/sessions lists them"))
}

/// The largest request.
const BODY: usize = 64 << 10;
/// How often levels are told.
const PER_SECOND: u64 = 5;
/// How long levels are told at most.
const LISTEN_S: u64 = 3_600;
