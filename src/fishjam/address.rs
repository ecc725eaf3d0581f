//! Where a Fishjam is: an id or a URL, taken as the official SDKs take it.

use std::{fmt, str::FromStr};

use url::Url;

/// The base address of a Fishjam.
///
/// ```
/// use roomtone::fishjam::Address;
/// let cloud: Address = "abc123".parse().unwrap();
/// assert_eq!(cloud.rest("room"), "https://fishjam.io/api/v1/connect/abc123/room");
/// let local: Address = "http://127.0.0.1:5002/".parse().unwrap();
/// assert_eq!(local.server_socket(), "ws://127.0.0.1:5002/socket/server/websocket");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Without a slash at its end.
    base: Url,
}

impl Address {
    /// The URL of a REST endpoint.
    pub fn rest(&self, path: &str) -> String {
        format!("{}/{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// The URL of the server socket.
    pub fn server_socket(&self) -> String {
        as_websocket(&self.rest("socket/server/websocket"))
    }

    /// The URL of a call to the compositions: a service of its own on the Fishjam's host, or the cloud's.
    pub(super) fn composition(&self, path: &str) -> String {
        let is_cloud = self.base.as_str().starts_with(CLOUD);
        let origin = if is_cloud { CLOUD_COMPOSITIONS.to_owned() } else { self.origin() };
        format!("{origin}/api/{path}")
    }

    /// Where a browser publishes a livestream (WHIP).
    pub fn livestream_whip(&self) -> String {
        format!("{}/api/v1/live/api/whip", self.origin())
    }

    /// Where a browser watches a livestream (WHEP).
    pub fn livestream_whep(&self) -> String {
        format!("{}/api/v1/live/api/whep", self.origin())
    }

    fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The URL of the agent socket. `hint` is the `peer_websocket_url` that comes with a new peer: it names the media
    /// node, and it is the peer socket's address, or has no scheme, depending on who wrote it. Where this address is
    /// `https`, so is what the hint names: a token and a room's sound do not travel in clear because a server said `ws`.
    pub fn agent_socket(&self, hint: Option<&str>) -> String {
        let Some(hint) = hint.filter(|hint| !hint.is_empty()) else {
            return as_websocket(&self.rest("socket/agent/websocket"));
        };
        let url = if hint.contains("://") { hint.to_owned() } else { format!("https://{hint}") };
        let (url, query) = url.split_once('?').map_or((url.as_str(), None), |(url, query)| (url, Some(query)));
        let url = url.trim_end_matches('/');
        let base = AGENT_AND_PEER_SOCKETS.iter().find_map(|suffix| url.strip_suffix(suffix)).unwrap_or(url);
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let socket = as_websocket(&format!("{base}/socket/agent/websocket{query}"));
        match socket.strip_prefix("ws://") {
            Some(rest) if self.base.scheme() == "https" => format!("wss://{rest}"),
            _ => socket,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            if !matches!(scheme, "http" | "https") {
                return Err(AddressError::Scheme(scheme.to_owned()));
            }
            let base = Url::parse(text).map_err(|error| AddressError::Malformed(text.to_owned(), error.to_string()))?;
            return Ok(Address { base });
        }
        if text.contains([':', '/', ' ']) {
            return Err(AddressError::NeitherIdNorUrl(text.to_owned()));
        }
        let base = Url::parse(&format!("{CLOUD}{text}"))
            .map_err(|error| AddressError::Malformed(text.to_owned(), error.to_string()))?;
        Ok(Address { base })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

/// Text that is no Fishjam.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing.
    #[error("the Fishjam id is empty; give the id from the Fishjam dashboard, or a URL such as http://127.0.0.1:5002")]
    Empty,
    /// A URL of another kind.
    #[error("a Fishjam is reached by http or https, not by {0:?}")]
    Scheme(String),
    /// A URL that is none.
    #[error("{0:?} is not a URL: {1}")]
    Malformed(String, String),
    /// Something like `localhost:5002`, of which the official SDKs make two different wrong things.
    #[error("{0:?} is neither a Fishjam id nor a URL; write http:// or https:// before a host")]
    NeitherIdNorUrl(String),
}

fn as_websocket(url: &str) -> String {
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

/// Where ids live.
const CLOUD: &str = "https://fishjam.io/api/v1/connect/";
/// Where the cloud's compositions are.
const CLOUD_COMPOSITIONS: &str = "https://rtc.fishjam.io";
/// How an address of a media node may end.
const AGENT_AND_PEER_SOCKETS: [&str; 4] =
    ["/socket/peer/websocket", "/socket/agent/websocket", "/socket/peer", "/socket/agent"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_become_the_agent_socket_of_their_node() {
        let address: Address = "http://localhost:5002/api/v1/connect/local".parse().unwrap();
        for (hint, expected) in [
            ("", "ws://localhost:5002/api/v1/connect/local/socket/agent/websocket"),
            ("wss://media-node/socket/peer/websocket", "wss://media-node/socket/agent/websocket"),
            ("http://localhost:5000/socket/peer/websocket", "ws://localhost:5000/socket/agent/websocket"),
            ("node.example/connect/abc/socket/peer/websocket", "wss://node.example/connect/abc/socket/agent/websocket"),
            ("www.example.org/socket/peer", "wss://www.example.org/socket/agent/websocket"),
            ("ws://n/tenant-123/socket/peer/websocket?a=1", "ws://n/tenant-123/socket/agent/websocket?a=1"),
        ] {
            assert_eq!(address.agent_socket(Some(hint)), expected, "{hint}");
        }
    }

    #[test]
    fn a_hint_does_not_take_the_cover_away() {
        let address: Address = "abc123".parse().unwrap();
        for hint in ["ws://node/socket/peer/websocket", "http://node/socket/peer/websocket", "wss://node", "node"] {
            assert_eq!(address.agent_socket(Some(hint)), "wss://node/socket/agent/websocket", "{hint}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_advice() {
        for text in ["", "localhost:5002", "ftp://x", "http://", "a b"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
