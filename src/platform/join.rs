//! How an agent joins a room.

use std::time::Duration;

use super::PlatformError;
use crate::{
    agent::Hear,
    audio::{
        Hz,
        codec::{CodecError, Encoding},
    },
    event::RoomId,
    session::{SessionOptions, SubscriptionFilter},
    signal::{PublishedTrack, PublishedTrackError, SubscribeMode},
};

/// How an agent joins.
#[derive(Debug, Clone)]
pub struct JoinOptions {
    /// Which room.
    pub room: RoomId,
    /// Whose sound the agent gets, where that is not for the agent to say.
    pub hear: Option<Hear>,
    /// Of those only these.
    pub filter: SubscriptionFilter,
    /// The track for the agent's voice, where PCM16 at the agent's own rate (or 24 kHz) will not do.
    pub voice: Option<PublishedTrack>,
    /// What is said of that track, where `{"type":"microphone"}` will not do.
    pub voice_metadata: Option<serde_json::Value>,
    /// How others' sound comes. A Fishjam sends PCM16; Opus is for servers that pass packets through.
    pub incoming: Encoding,
    /// Whether the agent gets everyone's tracks, or only those that are asked for by REST.
    pub subscribe: SubscribeMode,
    /// Whether those whom the agent hears are asked for by REST as they come, where `subscribe` is manual.
    pub subscribe_to_heard: bool,
    /// How far ahead of what is heard the voice is sent. More rides out a worse network; less makes an interruption
    /// quicker where the server's own interrupt is lost. From 40 ms to 10 s.
    pub lead: Duration,
    /// How long links are mended.
    pub session: SessionOptions,
}

impl JoinOptions {
    /// Joins `room` as the agent wants, with a lead of 200 ms.
    pub fn new(room: RoomId) -> JoinOptions {
        JoinOptions {
            room,
            hear: None,
            filter: SubscriptionFilter::default(),
            voice: None,
            voice_metadata: None,
            incoming: Encoding::Pcm16,
            subscribe: SubscribeMode::Auto,
            subscribe_to_heard: false,
            lead: DEFAULT_LEAD,
            session: SessionOptions::default(),
        }
    }
}

/// Why an agent could not join.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// There is no such room.
    #[error("there is no room {0} there; create it first, or check its id and the platform's address")]
    NoSuchRoom(RoomId),
    /// The room takes no more peers.
    #[error("room {0} is full; raise its limit (maxPeers) or remove a peer")]
    RoomFull(RoomId),
    /// Anything else that the platform said.
    #[error(transparent)]
    Platform(PlatformError),
    /// The voice cannot be published.
    #[error(transparent)]
    Voice(#[from] PublishedTrackError),
    /// The agent wants sound at a rate that makes no sense.
    #[error("the agent wants sound at {0}; choose a rate from 8000 to 192000 Hz")]
    Rate(Hz),
    /// The sound cannot be encoded or decoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl JoinError {
    /// What a platform's refusal of a peer in `room` means.
    pub fn from_platform(room: RoomId, error: PlatformError) -> JoinError {
        use super::PlatformErrorKind::{Conflict, NotFound};

        match error.kind {
            NotFound => JoinError::NoSuchRoom(room),
            Conflict => JoinError::RoomFull(room),
            _ => JoinError::Platform(error),
        }
    }

    /// Whether the platform may have made a peer nevertheless, which then stays in the room unconnected.
    pub fn may_leave_peer(&self) -> bool {
        matches!(self, JoinError::Platform(error) if error.may_have_been_done)
    }
}

/// Enough to ride out a network's usual jitter and the machine's; an interrupt does not wait for it.
const DEFAULT_LEAD: Duration = Duration::from_millis(200);
