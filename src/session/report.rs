//! What happened to a session's link, for logs and for the agent.

use std::{fmt, time::Duration};

use crate::event::TrackId;

/// What happened to the link.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Report {
    /// The agent is in the room; it took this long.
    Joined {
        /// Since the session was made.
        after: Duration,
    },
    /// The link broke.
    Lost {
        /// What is known of the cause.
        reason: String,
    },
    /// The link could not be opened; it will be tried again.
    Retrying {
        /// How often it has been tried.
        attempt: u32,
        /// After how long.
        wait: Duration,
        /// What went wrong.
        reason: String,
    },
    /// The link is back.
    Restored {
        /// How long it was away.
        after: Duration,
    },
    /// The voice has a track.
    Published {
        /// Its id; a new one after each cut.
        track: TrackId,
    },
    /// The token was too old and has been renewed.
    TokenRefreshed,
    /// A message could not be read, and was passed over.
    Malformed {
        /// How many there were on this link.
        count: u32,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Joined { after } => write!(f, "in the room after {} ms", after.as_millis()),
            Report::Lost { reason } => write!(f, "the link broke: {reason}"),
            Report::Retrying { attempt, wait, reason } => {
                write!(f, "attempt {attempt} in {} ms: {reason}", wait.as_millis())
            }
            Report::Restored { after } => write!(f, "back in the room after {} ms", after.as_millis()),
            Report::Published { track } => write!(f, "the voice has track {track}"),
            Report::TokenRefreshed => write!(f, "the token was too old and has been renewed"),
            Report::Malformed { count } => {
                write!(f, "a message could not be read and was passed over ({count} so far)")
            }
        }
    }
}
