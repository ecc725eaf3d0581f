//! Why a connection closed, and whether trying again can help.

use std::fmt;

/// A connection's end as it was announced, and what that means on its platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// The WebSocket close code; 1006 where no close frame came.
    pub code: u16,
    /// The text beside it.
    pub text: String,
    /// What it means.
    pub cause: CloseCause,
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
        CloseReason { code: NO_CLOSE_FRAME, text: text.into(), cause: CloseCause::Lost }
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
