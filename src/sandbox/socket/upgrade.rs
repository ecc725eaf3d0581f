//! From an HTTP request to a WebSocket.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

/// A WebSocket with a client at its other end.
pub(in crate::sandbox) type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// Answers the handshake and hands the socket to `serve`, in a task of its own.
pub(in crate::sandbox) fn upgrade<F>(
    request: &mut Request,
    serve: impl FnOnce(Stream) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(key) = websocket_key(request.headers()) else {
        return (StatusCode::BAD_REQUEST, "this is a WebSocket").into_response();
    };
    let upgraded: OnUpgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let Ok(io) = upgraded.await else { return };
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        serve(WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, Some(config)).await).await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, key)
        .body(Body::empty())
        .expect("a response of known headers")
}

fn websocket_key(headers: &HeaderMap) -> Option<String> {
    let is = |name, wanted: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.to_ascii_lowercase().contains(wanted)
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    (is(header::UPGRADE, "websocket") && is(header::CONNECTION, "upgrade")).then(|| derive_accept_key(key.as_bytes()))
}

/// Made for each socket; a few chunks of sound.
const READ_BUFFER_BYTES: usize = 8 * 1024;
