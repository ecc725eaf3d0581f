//! How long connections may take: one set for every platform, for sockets and for HTTP calls.
//!
//! They stand together so that a server that hangs is treated alike, whichever way it is asked.

use std::time::Duration;

/// For a WebSocket to open: name, proxy, TLS and upgrade together.
pub(crate) const OPEN: Duration = Duration::from_secs(10);
/// For the server to answer what authenticates a socket.
pub(crate) const AUTHENTICATE: Duration = Duration::from_secs(10);
/// For the connection of an HTTP call to open.
pub(crate) const CONNECT: Duration = Duration::from_secs(3);
/// For the whole answer to an HTTP call,
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
/// and for a list, as long as it goes on coming.
pub(crate) const LIST: Duration = Duration::from_secs(60);
/// For the other end of a socket to read what it is sent.
pub(crate) const BLOCKED: Duration = Duration::from_secs(5);
/// A link that has lasted this long makes the next wait short again.
pub(crate) const STABLE: Duration = Duration::from_secs(10);
