//! How every WebSocket of ours opens: through the proxy that the environment names, by TLS with whom we trust, with bounds
//! on what comes and on what waits.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Error, protocol::WebSocketConfig},
};
use url::Url;

use super::{Trust, connect, explain, retry_after};

/// An open socket.
pub(crate) type WebSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The server answered with an HTTP status, and perhaps wants to be left alone for a while.
    Status { code: u16, retry_after: Option<Duration> },
    /// There was no answer.
    Unreachable(String),
}

/// Opens a socket; `url` is `ws` or `wss`.
pub(crate) async fn open(url: &str, trust: &Trust, config: WebSocketConfig) -> Result<WebSocket, OpenError> {
    let unreachable = |why: &str| OpenError::Unreachable(explain(why));
    let address = Url::parse(url).map_err(|error| unreachable(&error.to_string()))?;
    let stream = connect(&address).await.map_err(|why| unreachable(&why))?;
    let connector = Connector::Rustls(trust.config());
    match client_async_tls_with_config(url, stream, Some(config), Some(connector)).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => {
            let (status, headers) = (response.status(), response.headers());
            Err(OpenError::Status { code: status.as_u16(), retry_after: retry_after(status, headers) })
        }
        Err(error) => Err(unreachable(&error.to_string())),
    }
}

/// For sound: small buffers, nothing held back.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_QUEUED_BYTES)
        .max_message_size(Some(LARGEST_MESSAGE_BYTES))
        .max_frame_size(Some(LARGEST_MESSAGE_BYTES))
}

/// For events: answers may go out together.
pub(crate) fn config_of_events() -> WebSocketConfig {
    config().write_buffer_size(TOGETHER_BYTES).max_write_buffer_size(LARGEST_MESSAGE_BYTES)
}

/// What is sent at once rather than one after the other.
const TOGETHER_BYTES: usize = 32 * 1024;
/// Made for each socket when it opens; a few chunks of sound.
const READ_BUFFER_BYTES: usize = 8 * 1024;
/// What may wait for the other end: five seconds of 24 kHz. Beyond it sending fails.
const MOST_QUEUED_BYTES: usize = 256 * 1024;
/// A still picture may be large. What is larger than this breaks the link.
const LARGEST_MESSAGE_BYTES: usize = 8 * 1024 * 1024;
