//! The sandbox's REST interface: the same paths, bodies and errors as a Fishjam's.

mod compositions;
mod parse;
mod parts;
mod peers;
mod recordings;
pub(super) mod room_manager;
mod rooms;
mod streams;

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{AUTHORIZATION, HOST},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::{Value, json};

use super::world::{NoSuch, World};
use compositions::Problem;

/// What handlers share.
pub(super) type Shared = State<Arc<World>>;

/// An answer that is an error: a status and a text.
#[derive(Debug)]
pub(super) struct Refused(pub(super) StatusCode, pub(super) String);

impl Refused {
    pub(super) fn bad(text: impl Into<String>) -> Refused {
        Refused(StatusCode::BAD_REQUEST, text.into())
    }

    pub(super) fn not_found(text: impl Into<String>) -> Refused {
        Refused(StatusCode::NOT_FOUND, text.into())
    }
}

impl Refused {
    /// As the service behind this path says it.
    fn at(self, path: &str) -> Response {
        match path.starts_with("/composition") {
            true => Problem(self.0, self.1).into_response(),
            false => self.into_response(),
        }
    }
}

impl From<NoSuch> for Refused {
    fn from(error: NoSuch) -> Refused {
        Refused::not_found(error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "errors": self.1 }))).into_response()
    }
}

/// The address by which the client has reached us, which may not be the one we listen on: a proxy in front may have
/// another name, and speak TLS.
fn origin(world: &World, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text(HOST.as_str()) else { return world.origin.clone() };
    let forwarded = text("x-forwarded-proto").and_then(|value| value.split(',').next()).map(str::trim);
    let is_secure = forwarded.map_or(world.origin.starts_with("https"), |scheme| scheme.eq_ignore_ascii_case("https"));
    let scheme = if is_secure { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// An answer in its wrapping.
pub(super) fn data(status: StatusCode, value: Value) -> Response {
    (status, Json(json!({ "data": value }))).into_response()
}

pub(super) fn router(world: &Arc<World>) -> Router<Arc<World>> {
    Router::new()
        .route("/validate", get(validate))
        .route("/room", get(rooms::list).post(rooms::create))
        .route("/room/{room}", get(rooms::show).delete(rooms::remove))
        .route("/room/{room}/peer", post(peers::create))
        .route("/room/{room}/peer/{peer}", delete(peers::remove))
        .route("/room/{room}/peer/{peer}/refresh_token", post(peers::refresh_token))
        .route("/room/{room}/peer/{peer}/subscribe_peer", post(peers::subscribe_peer))
        .route("/room/{room}/peer/{peer}/subscribe_tracks", post(peers::subscribe_tracks))
        .route("/room/{room}/track_forwardings", post(rooms::forward_tracks))
        .route("/room/{room}/viewer", post(rooms::livestream_token))
        .route("/room/{room}/streamer", post(rooms::livestream_token))
        .route("/livestream", get(streams::list).post(streams::create))
        .route("/livestream/{id}", get(streams::show).delete(streams::remove))
        .route("/livestream/{id}/streamer", post(streams::add_streamer))
        .route("/livestream/{id}/streamer/{one}", delete(streams::remove_streamer))
        .route("/livestream/{id}/viewer", post(streams::add_viewer))
        .route("/livestream/{id}/viewer/{one}", delete(streams::remove_viewer))
        .route("/composition", post(compositions::create))
        .route("/composition/{id}", delete(compositions::remove))
        .route("/composition/{id}/font/register", post(compositions::register_font))
        .route("/composition/{id}/{action}", post(compositions::act))
        .route("/composition/{id}/{kind}/{name}/{action}", post(compositions::act_on_part))
        .route("/moq/access", post(streams::moq_access))
        .route("/recordings", get(recordings::list).post(recordings::create))
        .route("/recordings/{id}", get(recordings::show).delete(recordings::remove))
        .route("/recordings/{id}/stop", post(recordings::stop))
        .method_not_allowed_fallback(|uri: Uri| async move {
            Refused(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".into()).at(uri.path())
        })
        .route_layer(middleware::from_fn_with_state(world.clone(), guard))
}

/// Lets faults happen, and nobody in without the management token.
async fn guard(State(world): Shared, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(fault) = world.take_rest_fault(request.method().as_str(), &path) {
        if fault.carried_out && authorized(&world, &request).is_ok() {
            drop(next.run(request).await);
        }
        return match fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) if fault.body.is_empty() => {
                Refused(status, status.canonical_reason().unwrap_or_default().to_owned()).at(&path)
            }
            Some(status) => (status, fault.body).into_response(),
            None => std::future::pending().await,
        };
    }
    let mut response = match authorized(&world, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.at(&path),
    };
    if world.deprecated.load(Ordering::Relaxed) {
        let notice = r#"{"status":"deprecated","message":"the sandbox was told to say so"}"#;
        response.headers_mut().insert("x-fishjam-api-deprecated", HeaderValue::from_static(notice));
    }
    response
}

/// Whether the request shows the management token.
pub(super) fn shows_token(world: &World, request: &Request) -> bool {
    token_of(request) == world.token
}

fn token_of(request: &Request) -> &str {
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

fn authorized(world: &World, request: &Request) -> Result<(), Refused> {
    match token_of(request) {
        _ if shows_token(world, request) => Ok(()),
        // A Fishjam hides its check of credentials behind a 404.
        _ if request.uri().path() == "/validate" => Err(Refused::not_found("Not found")),
        "" => Err(Refused(StatusCode::UNAUTHORIZED, "Missing token".into())),
        _ => Err(Refused(StatusCode::UNAUTHORIZED, "Invalid token".into())),
    }
}

async fn validate() -> StatusCode {
    StatusCode::OK
}
