//! What a Fishjam means by closing a socket.
//!
//! The live service's close reasons are not documented. The list is that of the old open-source server and of the
//! official web client, which compares them without case.

use crate::signal::{CloseCause, CloseReason};

/// What a close with this code and text means.
pub fn close_reason(code: u16, text: impl Into<String>) -> CloseReason {
    let text = text.into();
    let cause = match text.trim().to_lowercase().as_str() {
        "invalid token" | "expired token" | "missing token" | "unauthenticated" => CloseCause::Token,
        "room not found" | "room stopped" => CloseCause::RoomGone,
        "peer not found" | "peer removed" => CloseCause::PeerGone,
        "reached peers limit" => CloseCause::RoomFull,
        "peer already connected" => CloseCause::StillConnected,
        _ if code == SERVER_ERROR => CloseCause::Crashed,
        _ => CloseCause::Lost,
    };
    CloseReason { code, text, cause }
}

/// RFC 6455: the server met a condition it did not expect; a Fishjam's crashes carry it.
const SERVER_ERROR: u16 = 1011;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_without_case_or_space() {
        let close = |code, text: &str| close_reason(code, text).cause;
        assert_eq!(close(1000, "Invalid token"), CloseCause::Token);
        assert_eq!(close(1000, " room not found "), CloseCause::RoomGone);
        assert_eq!(close(1011, "Internal server error"), CloseCause::Crashed);
        assert_eq!(close(1000, "peer already connected"), CloseCause::StillConnected);
        assert_eq!(CloseReason::broken("reset").cause, CloseCause::Lost);
    }
}
