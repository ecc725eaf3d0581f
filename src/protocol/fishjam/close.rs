//! Why a socket closed, and whether trying again can help.
//!
//! The live service's close reasons are not documented. The list is that of the old open-source server and of the
//! official web client, which compares them without case.

use std::fmt;

/// A socket's end as it was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// The WebSocket close code; 1006 where no close frame came.
    pub code: u16,
    /// The text beside it.
    pub text: String,
}

/// What a close means for the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCause {
    /// The token is wrong or too old: a fresh one may do.
    Token,
    /// The room is gone, or was never there.
    RoomGone,
    /// The peer was deleted.
    PeerGone,
    /// The room takes no more peers.
    RoomFull,
    /// The server still has the old connection: try again for as long as it may take to notice.
    StillConnected,
    /// The server's side of the peer crashed.
    Crashed,
    /// Anything else: the network, a restart.
    Lost,
}

impl CloseReason {
    /// A connection that broke without a close frame.
    pub fn broken(text: impl Into<String>) -> CloseReason {
        CloseReason { code: NO_CLOSE_FRAME, text: text.into() }
    }

    /// What it means.
    pub fn cause(&self) -> CloseCause {
        match self.text.trim().to_lowercase().as_str() {
            "invalid token" | "expired token" | "missing token" | "unauthenticated" => CloseCause::Token,
            "room not found" | "room stopped" => CloseCause::RoomGone,
            "peer not found" | "peer removed" => CloseCause::PeerGone,
            "reached peers limit" => CloseCause::RoomFull,
            "peer already connected" => CloseCause::StillConnected,
            _ if self.code == SERVER_ERROR => CloseCause::Crashed,
            _ => CloseCause::Lost,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.is_empty() {
            true => write!(f, "closed with code {}", self.code),
            false => write!(f, "{} (code {})", self.text, self.code),
        }
    }
}

/// RFC 6455: the code that stands for a connection that ended without a close frame.
const NO_CLOSE_FRAME: u16 = 1006;
/// RFC 6455: the server met a condition it did not expect; a Fishjam's crashes carry it.
const SERVER_ERROR: u16 = 1011;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_without_case_or_space() {
        let close = |code, text: &str| CloseReason { code, text: text.into() }.cause();
        assert_eq!(close(1000, "Invalid token"), CloseCause::Token);
        assert_eq!(close(1000, " room not found "), CloseCause::RoomGone);
        assert_eq!(close(1011, "Internal server error"), CloseCause::Crashed);
        assert_eq!(close(1000, "peer already connected"), CloseCause::StillConnected);
        assert_eq!(CloseReason::broken("reset").cause(), CloseCause::Lost);
    }
}
