//! What passes between a session and a platform, in words of neither: commands to the platform, its messages, the sound that
//! comes, the track that is published, and why a connection closed. A protocol turns them into its own bytes and back.

mod close;
mod track;
mod track_text;

pub use close::{CloseCause, CloseReason};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
pub use track::{PublishedTrack, PublishedTrackError};

use crate::{agent::Image, event::TrackId};

/// What a session says to its platform. Sound is not among it: it goes past the session.
#[derive(Debug, Clone)]
pub enum Command {
    /// Show the token.
    Authenticate {
        /// The agent's own.
        token: SecretString,
    },
    /// Publish a track.
    AddTrack {
        /// Its id; one that was never used before.
        id: TrackId,
        /// What it is.
        track: PublishedTrack,
    },
    /// End a track once it has been played out.
    RemoveTrack {
        /// Its id, as the platform gives it.
        id: TrackId,
    },
    /// Drop what has been sent on a track and not been played.
    InterruptTrack {
        /// The agent's own track.
        id: TrackId,
    },
    /// Give a still picture of a video track.
    CaptureImage {
        /// The track that it is about.
        track: TrackId,
    },
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        use secrecy::ExposeSecret;

        match (self, other) {
            (Command::Authenticate { token }, Command::Authenticate { token: other }) => {
                token.expose_secret() == other.expose_secret()
            }
            (Command::AddTrack { id, track }, Command::AddTrack { id: other_id, track: other }) => {
                id == other_id && track == other
            }
            (Command::RemoveTrack { id }, Command::RemoveTrack { id: other })
            | (Command::InterruptTrack { id }, Command::InterruptTrack { id: other }) => id == other,
            (Command::CaptureImage { track }, Command::CaptureImage { track: other }) => track == other,
            _ => false,
        }
    }
}

/// What a platform says to a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The token is good: the agent is in the room.
    Authenticated,
    /// A still picture.
    Image {
        /// Of which track.
        track: TrackId,
        /// The picture.
        image: Image,
    },
    /// Something that a session needs not know.
    Other,
}

/// A chunk of someone's sound, as it lies in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingSound<'a> {
    /// Who publishes the track.
    pub peer: &'a str,
    /// Which track.
    pub track: &'a str,
    /// PCM16 or an Opus packet.
    pub data: &'a [u8],
}

/// Whether a peer gets everybody's tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscribeMode {
    /// Everyone's.
    #[default]
    Auto,
    /// Only those that were asked for.
    Manual,
    /// A mode that this version does not know.
    #[serde(other)]
    Unknown,
}
