//! What can go wrong on a platform, by what the caller can do about it.

use std::time::Duration;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlatformError {
    /// What the caller can do.
    pub kind: PlatformErrorKind,
    /// What went wrong, and what an operator can do, in a line.
    pub message: String,
    /// How long the platform asked to be left alone.
    pub retry_after: Option<Duration>,
    /// It may have done what it was asked for nevertheless: its answer was lost.
    pub may_have_been_done: bool,
}

/// What the caller of a failed call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlatformErrorKind {
    /// The room or the peer is gone, or never was.
    NotFound,
    /// The credentials are refused: use others.
    Unauthorized,
    /// The request makes no sense there: change it.
    BadRequest,
    /// Something is in the way, such as a full room.
    Conflict,
    /// Try later.
    Later,
    /// The platform cannot do this at all.
    Unsupported,
    /// What answers is not the platform that was meant.
    Other,
}

impl PlatformError {
    /// An error that says what happened.
    pub fn new(kind: PlatformErrorKind, message: impl Into<String>) -> PlatformError {
        PlatformError { kind, message: message.into(), retry_after: None, may_have_been_done: false }
    }

    /// There is no such room.
    pub fn no_such_room(room: &crate::event::RoomId) -> PlatformError {
        PlatformError::new(PlatformErrorKind::NotFound, format!("there is no room {room}"))
    }

    /// Whether the same call may work a little later.
    pub fn may_pass(&self) -> bool {
        self.kind == PlatformErrorKind::Later
    }

    /// Whether what was asked for is gone, or never was.
    pub fn is_not_found(&self) -> bool {
        self.kind == PlatformErrorKind::NotFound
    }
}
