//! The admin interface: what runs, and orders. Every call shows the token; `openapi.json` describes them.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::captions::{self, CaptionDesk};
use crate::{
    event::RoomId,
    host::control::{Control, HasEnded},
    net::Credential,
    session::LevelMeter,
    web::{self, From},
};

/// The description of the interface.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Each call there is: method and path.
pub const ROUTES: [(&str, &str); 11] = [
    ("get", "/openapi.json"),
    ("get", "/v1/host"),
    ("post", "/v1/host/drain"),
    ("post", "/v1/host/stop"),
    ("post", "/v1/host/reload"),
    ("get", "/v1/sessions"),
    ("post", "/v1/sessions"),
    ("delete", "/v1/sessions/{session}"),
    ("get", "/v1/sessions/{session}/levels"),
    ("get", "/v1/rooms/{room}/captions"),
    ("post", "/v1/rooms/{room}/captions/token"),
];

/// Who may look, and who may change things.
#[derive(Debug, Clone)]
pub(in crate::host) struct Rights {
    pub(in crate::host) admin: Credential,
    pub(in crate::host) reader: Option<Credential>,
}

impl Rights {
    /// Whether whoever shows this token may look.
    pub(super) fn may_look(&self, shown: &str) -> bool {
        self.admin.is(shown) || self.reader.as_ref().is_some_and(|reader| reader.is(shown))
    }
}

pub(in crate::host) fn router(control: Control, desk: CaptionDesk) -> Router {
    let rights = desk.rights.clone();
    let tokens = Router::new().route("/v1/rooms/{room}/captions/token", post(captions::make_token));
    let tokens = tokens.with_state(desk.clone());
    // Whoever follows a room shows a token of another kind.
    let followed = Router::new().route("/v1/rooms/{room}/captions", get(captions::follow)).with_state(desk);
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
        .merge(tokens)
        .layer(from_fn_with_state(rights, check_rights))
        .merge(followed)
}

/// Why a call failed.
pub(super) struct Problem(pub(super) StatusCode, pub(super) String);

/// The token that is shown; empty where there is none.
pub(super) fn bearer(headers: &HeaderMap) -> String {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl std::convert::From<HasEnded> for Problem {
    fn from(ended: HasEnded) -> Problem {
        Problem(StatusCode::SERVICE_UNAVAILABLE, ended.to_string())
    }
}

/// Lets in who shows a token. What changes something is written to the log, with who did it and how it went.
async fn check_rights(State(rights): State<Rights>, request: Request, next: Next) -> Response {
    let shown = bearer(request.headers());
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let from = request.extensions().get::<From>().map_or_else(String::new, |From(address)| address.to_string());
    let call = format!("{} {}", request.method(), crate::text::printable(request.uri().path(), 200));
    if rights.admin.is(&shown) {
        let response = next.run(request).await;
        if is_change {
            tracing::info!(%from, status = response.status().as_u16(), "audit: the admin token's holder said {call}");
        }
        return response;
    }
    if rights.reader.as_ref().is_some_and(|reader| reader.is(&shown)) {
        if !is_change {
            return next.run(request).await;
        }
        tracing::warn!(%from, "audit: the reader's token was shown for {call}, and refused");
        return Problem(StatusCode::FORBIDDEN, "this token may look, and change nothing".into()).into_response();
    }
    if is_change {
        tracing::warn!(%from, "audit: {call} without a right token was refused");
    }
    Problem(StatusCode::UNAUTHORIZED, "show the admin token: Authorization: Bearer TOKEN".into()).into_response()
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

async fn reload(State(control): State<Control>) -> Result<Response, Problem> {
    let reloaded = control.reload().await?.map_err(|why| Problem(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    Ok(Json(reloaded).into_response())
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

async fn join(State(control): State<Control>, request: Request) -> Result<StatusCode, Response> {
    let bad = |error: serde_json::Error| Problem(StatusCode::BAD_REQUEST, error.to_string()).into_response();
    let body = web::whole_body(request).await?;
    let JoinRequest { room, deploy } = serde_json::from_slice(&body).map_err(bad)?;
    let ended = |ended: HasEnded| Problem::from(ended).into_response();
    let answer = control.join(&room, &deploy).await.map_err(ended)?;
    answer.map_err(|why| Problem(StatusCode::CONFLICT, why).into_response())?;
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
    let monitor = match session.parse() {
        Ok(number) => control.monitor(number).await?,
        Err(_) => None,
    };
    let meter = monitor.ok_or_else(|| no_such(&session))?.meter();
    let lines = query.seconds.unwrap_or(LISTEN_S).clamp(1, LISTEN_S) * PER_SECOND;
    let stream = stream::unfold((meter, lines), next_line);
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response())
}

async fn next_line((meter, left): (LevelMeter, u64)) -> Option<(Result<String, Infallible>, (LevelMeter, u64))> {
    if left == 0 {
        return None;
    }
    tokio::time::sleep(Duration::from_millis(1_000 / PER_SECOND)).await;
    let line = json!({ "levels": meter.take() }).to_string() + "\n";
    Some((Ok(line), (meter, left - 1)))
}

fn no_such(session: &str) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("there is no session {session} in a room; `roomtone sessions` lists them"))
}

/// How often levels are told.
const PER_SECOND: u64 = 5;
/// How long levels are told at most.
const LISTEN_S: u64 = 3_600;
