//! What a session is told, and what it wants done.

use std::time::Duration;

use super::{Ending, Report};
use crate::{
    agent::{CaptureError, Image},
    event::TrackId,
    signal::{CloseReason, Command, Message, PublishedTrack},
};

/// How a session behaves.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The track to publish, if the agent has a voice.
    pub voice: Option<PublishedTrack>,
    /// And the one for what sounds beside that.
    pub background: Option<PublishedTrack>,
    /// How long the first connection may take, retries included.
    pub join_patience: Duration,
    /// How long a broken link is mended before the session is given up. A Fishjam may take 60 s to notice that the old
    /// connection is gone, so less than that gives up on links that would have come back.
    pub link_patience: Duration,
    /// What jitter and track ids are drawn from; random for each session unless given, as tests do.
    pub seed: Option<u64>,
}

impl Default for SessionOptions {
    fn default() -> SessionOptions {
        SessionOptions {
            voice: None,
            background: None,
            join_patience: Duration::from_secs(10),
            link_patience: Duration::from_secs(300),
            seed: None,
        }
    }
}

/// What the session must be told, with the time it happened.
#[derive(Debug)]
pub enum Input {
    /// The agent socket is open.
    Opened,
    /// The agent socket could not be opened.
    Refused(Refusal),
    /// The agent socket brought a message. Sound goes past the session: see [`Session::is_live`](super::Session::is_live).
    Message(Message),
    /// The agent socket brought bytes that are no message.
    Malformed,
    /// The agent socket is closed.
    Closed(CloseReason),
    /// A new token came, or did not.
    Token(Result<(), TokenFault>),
    /// The agent wants a picture of a video track.
    Capture {
        /// Tells the request from others.
        id: u64,
        /// Which track.
        track: TrackId,
    },
    /// The session is to end, for this reason.
    Leave(Ending),
    /// Nothing but the time. Due at [`Session::poll_timeout`](super::Session::poll_timeout).
    Time,
}

/// Why a socket could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The server answered with an HTTP status.
    Status {
        /// The status.
        code: u16,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Unreachable(String),
}

/// Why there is no new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFault {
    /// The room or the peer is gone.
    Gone,
    /// The management token is refused.
    Refused(String),
    /// It may work later.
    Later(String),
}

/// What the session wants done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open the agent socket.
    Connect,
    /// Send this on it.
    Send(Command),
    /// Close it, or give up opening it.
    Disconnect,
    /// Ask REST for a new token.
    RefreshToken,
    /// Answer a request for a picture.
    Answer(u64, Result<Image, CaptureError>),
    /// Something worth telling happened.
    Report(Report),
    /// The session is over. Nothing comes after this.
    End(Ending),
}
