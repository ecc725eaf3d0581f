//! What can go wrong with a REST call, and what to do about it.

use std::{fmt, time::Duration};

use reqwest::StatusCode;

use crate::{fishjam::Address, net, text::printable};

/// A REST call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestError {
    /// What the caller can do.
    pub kind: RestErrorKind,
    /// The call, such as `POST /room`.
    pub call: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The server's own words, or the network's.
    pub message: String,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The request never reached the server, or the server said that it did nothing.
    nothing_was_done: bool,
}

/// What the caller of a failed REST call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestErrorKind {
    /// 400, 422: change the request.
    BadRequest,
    /// 401, 403: use another management token.
    Unauthorized,
    /// 402: the plan is used up.
    QuotaExceeded,
    /// 404: the room, peer or recording is gone, or never was.
    NotFound,
    /// 409: the room is full, or what is asked for is there already.
    Conflict,
    /// 429, 5xx: try later.
    Unavailable,
    /// There is nobody at this address, or the network is down.
    Unreachable,
    /// The answer did not come in time.
    Timeout,
    /// The answer is not that of a Fishjam.
    Unreadable,
}

impl RestError {
    pub(super) fn status(call: String, status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> RestError {
        let kind = match status.as_u16() {
            400 | 422 => RestErrorKind::BadRequest,
            401 | 403 => RestErrorKind::Unauthorized,
            402 => RestErrorKind::QuotaExceeded,
            404 => RestErrorKind::NotFound,
            409 => RestErrorKind::Conflict,
            429 | 500.. => RestErrorKind::Unavailable,
            _ => RestErrorKind::Unreadable,
        };
        let nothing_was_done = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let message = server_text(body);
        RestError { kind, call, status: Some(status.as_u16()), message, retry_after, nothing_was_done }
    }

    pub(super) fn transport(call: String, address: &Address, error: &reqwest::Error) -> RestError {
        let kind = match error {
            _ if error.is_timeout() => RestErrorKind::Timeout,
            _ if error.is_decode() || error.is_redirect() => RestErrorKind::Unreadable,
            _ => RestErrorKind::Unreachable,
        };
        let proxy = net::proxy_of(&address.to_string()).map(|proxy| format!(" through the proxy {proxy}"));
        let message = format!("{address}{}: {}", proxy.unwrap_or_default(), net::explain(&net::root_cause(error)));
        RestError { kind, call, status: None, message, retry_after: None, nothing_was_done: error.is_connect() }
    }

    /// The server has asked for no more calls for so long.
    pub(super) fn left_alone(call: String, wait: Duration) -> RestError {
        RestError {
            kind: RestErrorKind::Unavailable,
            call,
            status: None,
            message: format!("it asked to be left alone for {} s more", wait.as_secs().max(1)),
            retry_after: Some(wait),
            nothing_was_done: true,
        }
    }

    pub(super) fn unreadable(call: String, why: &str) -> RestError {
        let message = why.to_owned();
        RestError {
            kind: RestErrorKind::Unreadable,
            call,
            status: None,
            message,
            retry_after: None,
            nothing_was_done: false,
        }
    }

    pub(super) fn nothing_was_done(&self) -> bool {
        self.nothing_was_done
    }

    /// Whether the server may have done what it was asked for nevertheless: its answer was lost, or made no sense.
    pub fn may_have_been_done(&self) -> bool {
        use RestErrorKind::{Timeout, Unavailable, Unreachable, Unreadable};
        !self.nothing_was_done && matches!(self.kind, Unavailable | Unreachable | Timeout | Unreadable)
    }

    /// Whether the same call may work a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, RestErrorKind::Unavailable | RestErrorKind::Unreachable | RestErrorKind::Timeout)
    }
}

impl fmt::Display for RestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.call)?;
        let advice = match self.kind {
            RestErrorKind::BadRequest => "the server does not take the request",
            RestErrorKind::Unauthorized => "the management token is refused; check FISHJAM_MANAGEMENT_TOKEN",
            RestErrorKind::QuotaExceeded => "the plan of this Fishjam is used up",
            RestErrorKind::NotFound => "there is no such thing on the server",
            RestErrorKind::Conflict => "the server is in the way (a full room, or something that is there already)",
            RestErrorKind::Unavailable => "the server cannot serve now; try again later",
            RestErrorKind::Unreachable => "nobody answers at this address; check the Fishjam's id or URL",
            RestErrorKind::Timeout => "the server did not answer in time",
            RestErrorKind::Unreadable => "the answer is not that of a Fishjam; check the address",
        };
        write!(f, "{advice}")?;
        match (self.status, self.message.is_empty()) {
            (Some(status), true) => write!(f, " (HTTP {status})"),
            (Some(status), false) => write!(f, " (HTTP {status}: {})", self.message),
            (None, _) => write!(f, " ({})", self.message),
        }
    }
}

impl std::error::Error for RestError {}

/// The text of an error body: `{"errors": "…"}`, `{"errors": {"detail": "…"}}` or `{"detail": "…"}`, else its start.
fn server_text(body: &[u8]) -> String {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let candidates = [&json["errors"], &json["errors"]["detail"], &json["detail"]];
    match candidates.iter().find_map(|value| value.as_str()) {
        Some(text) => printable(text, SHOWN_CHARS),
        None => printable(&String::from_utf8_lossy(body), SHOWN_CHARS),
    }
}

/// How much of the server's own words is shown.
const SHOWN_CHARS: usize = 200;
