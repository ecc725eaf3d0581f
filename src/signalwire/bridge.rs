//! What only a page knows: its devices, its media, its own seat. A page forwards it (`web/signalwire-bridge.js`) to this
//! endpoint, which stands on this machine.
//!
//! A page of any origin can send requests to this machine, so the origin must be one that was named, and the page must know
//! the token. Each request is answered in time and bounded in bytes.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio_util::sync::CancellationToken;

use crate::{
    feed::Tell,
    net::Credential,
    protocol::{Frame, Protocol, decode, signalwire::is_of_page},
    web::{self, Limits, Server},
};

/// A bound endpoint for what pages forward.
#[derive(Debug)]
pub struct Bridge {
    listener: TcpListener,
    token: Credential,
    origins: Vec<String>,
}

struct Shared {
    token: Credential,
    origins: Vec<String>,
    tell: Tell,
}

impl Bridge {
    /// Listens at an address of this machine for pages of these origins (as in `https://app.example`) that know this token.
    ///
    /// # Errors
    /// When the address cannot be had, or can be reached from other machines.
    pub fn bind(listen: SocketAddr, token: Credential, origins: Vec<String>) -> io::Result<Bridge> {
        if !listen.ip().is_loopback() {
            let why = format!("{listen} can be reached from other machines; listen on 127.0.0.1");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let origins = origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        Ok(Bridge { listener, token, origins })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The machine's word.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self, tell: Tell) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("pages cannot forward their events: {error}"),
        };
        let stop = CancellationToken::new();
        let _ends_with_this = stop.clone().drop_guard();
        let shared = Arc::new(Shared { token: self.token, origins: self.origins, tell });
        let app =
            Router::new().fallback(take).layer(axum::middleware::from_fn(web::with_whole_body)).with_state(shared);
        Server::new(listener, app, Limits::default(), stop).run().await;
    }
}

/// Takes lines of forwarded events, or lets a browser ask whether it may send them.
async fn take(State(shared): State<Arc<Shared>>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !shared.origins.iter().any(|known| known.eq_ignore_ascii_case(origin)) {
        let origin = crate::text::printable(origin, 100);
        return (StatusCode::FORBIDDEN, format!("pages of {origin:?} may not forward events here; name the origin"))
            .into_response();
    }
    let mut response = match method {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        Method::POST => forward(&shared, &headers, &body),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let answers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_str(origin).ok()),
        (header::ACCESS_CONTROL_ALLOW_METHODS, Some(HeaderValue::from_static("POST"))),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, Some(HeaderValue::from_static("authorization, content-type"))),
        (
            header::HeaderName::from_static("access-control-allow-private-network"),
            Some(HeaderValue::from_static("true")),
        ),
        (header::VARY, Some(HeaderValue::from_static("origin"))),
    ];
    answers.into_iter().for_each(|(name, value)| response.headers_mut().extend(value.map(|value| (name, value))));
    response
}

fn forward(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let shown = shown.strip_prefix("Bearer ").unwrap_or_default();
    if !shared.token.is(shown) {
        return (StatusCode::UNAUTHORIZED, "the page does not know the token").into_response();
    }
    for line in String::from_utf8_lossy(body).lines().filter(|line| !line.trim().is_empty()) {
        // Only what a page forwards: it must not speak for the server.
        let name = serde_json::from_str::<serde_json::Value>(line).ok();
        let is_forwarded = name.is_some_and(|line| line["sdk_event"].as_str().is_some_and(is_of_page));
        match decode(Protocol::SignalWire, Frame::Text(line)) {
            Ok(events) if is_forwarded => events.into_iter().for_each(|event| shared.tell.event(event)),
            Ok(_) => {
                return (StatusCode::BAD_REQUEST, "a line is no event that a page alone knows of").into_response();
            }
            Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        }
    }
    StatusCode::NO_CONTENT.into_response()
}
