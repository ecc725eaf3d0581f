//! Captions of one room, as server-sent events: `GET /v1/rooms/{room}/captions`, with the admin's or the reader's token, or
//! with one for that room alone, which a page may have.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::admin::{Problem, Rights, bearer};
use crate::{
    event::RoomId,
    host::captions::{self, Captions, Follower, Told},
    web,
};

/// What the calls of this file need.
#[derive(Clone)]
pub(in crate::host) struct CaptionDesk {
    pub(in crate::host) captions: Captions,
    pub(in crate::host) rights: Rights,
    /// Pages that may follow.
    pub(in crate::host) origins: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct FollowQuery {
    token: Option<String>,
}

pub(super) async fn follow(
    State(desk): State<CaptionDesk>,
    Path(room): Path<RoomId>,
    Query(query): Query<FollowQuery>,
    headers: HeaderMap,
) -> Response {
    let origin = desk.origin(&headers);
    let until = match desk.may_follow(&room, query.token.as_deref(), &headers) {
        Ok(until) => until,
        Err(problem) => return with_origin(problem.into_response(), origin),
    };
    let Some(Follower { newest, told }) = desk.captions.follow(&room) else {
        let problem = Problem(StatusCode::SERVICE_UNAVAILABLE, "as many follow already as may; try again later".into());
        return with_origin(problem.into_response(), origin);
    };
    let following = Following { newest, told, until };
    let stream = stream::unfold(following, Following::next);
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    with_origin((head, Body::from_stream(stream)).into_response(), origin)
}

impl CaptionDesk {
    /// Until when this one may follow.
    fn may_follow(&self, room: &RoomId, token: Option<&str>, headers: &HeaderMap) -> Result<Option<Instant>, Problem> {
        let shown = bearer(headers);
        if self.rights.may_look(&shown) {
            return Ok(None);
        }
        let shown = token.unwrap_or(&shown);
        let left = captions::expiry(shown, room, &self.rights.admin).map(|end| end.saturating_sub(captions::now_s()));
        let left = left.ok_or_else(|| {
            Problem(StatusCode::UNAUTHORIZED, "show a token for this room: ?token=TOKEN; it may have ended".into())
        })?;
        Ok(Some(Instant::now() + Duration::from_secs(left)))
    }

    /// The page's origin, if it may read what is answered.
    fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.iter().any(|known| known == "*" || origin == known.as_str()).then(|| origin.clone())
    }
}

fn with_origin(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

struct Following {
    newest: std::collections::VecDeque<Told>,
    told: tokio::sync::broadcast::Receiver<Told>,
    until: Option<Instant>,
}

impl Following {
    /// The next event, or a comment that keeps the connection awake.
    async fn next(mut self) -> Option<(Result<String, Infallible>, Following)> {
        if let Some(told) = self.newest.pop_front() {
            return Some((Ok(event(&told)), self));
        }
        let until = self.until.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400 * 365));
        tokio::select! {
            () = tokio::time::sleep_until(until) => None,
            () = tokio::time::sleep(AWAKE) => Some((Ok(":\n\n".into()), self)),
            told = self.told.recv() => match told {
                Ok(told) => Some((Ok(event(&told)), self)),
                Err(RecvError::Lagged(n)) => Some((Ok(format!("event: missed\ndata: {n}\n\n")), self)),
                Err(RecvError::Closed) => None,
            }
        }
    }
}

fn event(told: &Told) -> String {
    format!("id: {}\nevent: caption\ndata: {}\n\n", told.id, told.json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    #[serde(default = "an_hour", deserialize_with = "crate::units::duration::deserialize")]
    lasts: Duration,
}

fn an_hour() -> Duration {
    Duration::from_secs(3_600)
}

/// Makes a token for one room.
pub(super) async fn make_token(
    State(desk): State<CaptionDesk>,
    Path(room): Path<RoomId>,
    request: Request,
) -> Result<Response, Response> {
    let body = web::whole_body(request).await?;
    let body = if body.is_empty() { b"{}".as_slice() } else { &body };
    let wrong = |why: String| Problem(StatusCode::BAD_REQUEST, why).into_response();
    let TokenRequest { lasts } = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    if !(Duration::from_secs(1)..=LONGEST).contains(&lasts) {
        return Err(wrong("`lasts` is from \"1s\" to \"24h\"".into()));
    }
    let expires_s = captions::now_s() + lasts.as_secs();
    let token = captions::token(&room, expires_s, &desk.rights.admin);
    let expires_at = std::time::UNIX_EPOCH + Duration::from_secs(expires_s);
    let expires_at = humantime::format_rfc3339_seconds(expires_at).to_string();
    Ok(Json(json!({ "token": token, "expires_at": expires_at })).into_response())
}

/// Proxies cut connections on which nothing is said for a minute or less.
const AWAKE: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_secs(86_400);
