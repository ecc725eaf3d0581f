//! The agent socket's messages, and the rules that a published track must keep.

use bytes::Bytes;
use prost::Message as _;
use secrecy::ExposeSecret;

use super::{
    notifications::DecodeError,
    wire::{
        AgentRequest, AgentResponse,
        agent_request::{
            AddTrack, AuthRequest, CaptureImage, Content, InterruptTrack, RemoveTrack, TrackData,
            add_track::CodecParameters,
        },
        agent_response,
        notifications::{Track, TrackEncoding, TrackType},
    },
};
use crate::{
    agent::Image,
    audio::codec::Encoding,
    event::TrackId,
    signal::{Command, Message, PublishedTrack},
};

impl AgentRequest {
    /// The message that says `command`.
    pub fn of(command: &Command) -> AgentRequest {
        match command {
            Command::Authenticate { token } => AgentRequest::auth(token.expose_secret()),
            Command::AddTrack { id, track } => AgentRequest::add_track(id, track),
            Command::RemoveTrack { id } => AgentRequest::remove_track(id),
            Command::InterruptTrack { id } => AgentRequest::interrupt(id),
            Command::CaptureImage { track } => AgentRequest::capture_image(track),
        }
    }

    /// Shows the token that REST gave.
    pub fn auth(token: &str) -> AgentRequest {
        Content::AuthRequest(AuthRequest { token: token.to_owned() }).into()
    }

    /// Publishes a track.
    pub fn add_track(id: &TrackId, voice: &PublishedTrack) -> AgentRequest {
        let encoding = match voice.encoding() {
            Encoding::Pcm16 => TrackEncoding::Pcm16,
            Encoding::Opus => TrackEncoding::Opus,
        };
        Content::AddTrack(AddTrack {
            track: Some(Track {
                id: id.to_string(),
                r#type: TrackType::Audio.into(),
                metadata: voice.metadata().to_string(),
            }),
            codec_params: Some(CodecParameters { encoding: encoding.into(), sample_rate: voice.rate().0, channels: 1 }),
        })
        .into()
    }

    /// Ends a track once it has been played out.
    pub fn remove_track(id: &TrackId) -> AgentRequest {
        Content::RemoveTrack(RemoveTrack { track_id: id.to_string() }).into()
    }

    /// Sends sound.
    pub fn track_data(id: &TrackId, data: Bytes) -> AgentRequest {
        Content::TrackData(TrackData { track_id: id.to_string(), data }).into()
    }

    /// Drops what has been sent and not been played.
    pub fn interrupt(id: &TrackId) -> AgentRequest {
        Content::InterruptTrack(InterruptTrack { track_id: id.to_string() }).into()
    }

    /// Asks for a still picture of a video track.
    pub fn capture_image(id: &TrackId) -> AgentRequest {
        Content::CaptureImage(CaptureImage { track_id: id.to_string() }).into()
    }
}

impl From<Content> for AgentRequest {
    fn from(content: Content) -> AgentRequest {
        AgentRequest { content: Some(content) }
    }
}

/// Reads one message of the agent socket. Payloads stay slices of `bytes`.
///
/// # Errors
/// [`DecodeError`] for bytes that are not protobuf of this kind.
pub fn decode_response(bytes: Bytes) -> Result<AgentResponse, DecodeError> {
    let length = bytes.len();
    AgentResponse::decode(bytes).map_err(|error| DecodeError::new(length, &error))
}

/// What a message of the agent socket says to a session; sound is not for it.
pub fn message_of(response: AgentResponse) -> Message {
    match response.content {
        Some(agent_response::Content::Authenticated(_)) => Message::Authenticated,
        Some(agent_response::Content::TrackImage(image)) => Message::Image {
            track: image.track_id.into(),
            image: Image { content_type: image.content_type, data: image.data },
        },
        // Of a later version: nothing hangs on it.
        _ => Message::Other,
    }
}
