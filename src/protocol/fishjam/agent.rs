//! The agent socket's messages, and the rules that a published track must keep.

use bytes::Bytes;
use prost::Message;
use serde_json::Value;

use super::{
    notifications::DecodeError,
    wire::{
        AgentRequest, AgentResponse,
        agent_request::{
            AddTrack, AuthRequest, CaptureImage, Content, InterruptTrack, RemoveTrack, TrackData,
            add_track::CodecParameters,
        },
        notifications::{Track, TrackEncoding, TrackType},
    },
};
use crate::{
    audio::{
        Hz,
        codec::{Encoding, OpusSettings},
    },
    event::TrackId,
};

/// A track that an agent may publish. Only what a Fishjam takes can be made: its media engine ends the agent's
/// connection over anything else, without an error message.
///
/// ```
/// use roomtone::{audio::Hz, protocol::fishjam::PublishedTrack};
/// assert!(PublishedTrack::pcm16(Hz::K24).is_ok());
/// let refused = PublishedTrack::pcm16(Hz::K48).unwrap_err();
/// assert!(refused.to_string().contains("16000 or 24000"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedTrack {
    encoding: Encoding,
    rate: Hz,
    opus: OpusSettings,
    metadata: Value,
}

impl PublishedTrack {
    /// A PCM16 track.
    ///
    /// # Errors
    /// [`PublishedTrackError::Rate`] for anything but 16 and 24 kHz.
    pub fn pcm16(rate: Hz) -> Result<PublishedTrack, PublishedTrackError> {
        match rate {
            Hz::K16 | Hz::K24 => Ok(PublishedTrack::new(Encoding::Pcm16, rate)),
            _ => Err(PublishedTrackError::Rate(rate)),
        }
    }

    /// An Opus track, encoded from samples of `rate`.
    ///
    /// # Errors
    /// [`PublishedTrackError::OpusRate`] for a rate that Opus does not have.
    pub fn opus(rate: Hz) -> Result<PublishedTrack, PublishedTrackError> {
        match rate.0 {
            8_000 | 12_000 | 16_000 | 24_000 | 48_000 => Ok(PublishedTrack::new(Encoding::Opus, rate)),
            _ => Err(PublishedTrackError::OpusRate(rate)),
        }
    }

    fn new(encoding: Encoding, rate: Hz) -> PublishedTrack {
        let metadata = serde_json::json!({ "type": "microphone" });
        PublishedTrack { encoding, rate, opus: OpusSettings::default(), metadata }
    }

    /// The same track, encoded otherwise. PCM16 has no settings and stays as it is.
    pub fn with_opus(self, opus: OpusSettings) -> PublishedTrack {
        PublishedTrack { opus, ..self }
    }

    /// The same track with other metadata than `{"type":"microphone"}`, by which web clients show it as a voice.
    pub fn with_metadata(self, metadata: Value) -> PublishedTrack {
        PublishedTrack { metadata, ..self }
    }

    /// How it is encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How Opus is set up, where it is Opus.
    pub fn opus_settings(&self) -> &OpusSettings {
        &self.opus
    }

    /// Its samples per second, before encoding.
    pub fn rate(&self) -> Hz {
        self.rate
    }
}

/// A track that a Fishjam would crash over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishedTrackError {
    /// PCM16 at a rate that is not taken.
    #[error("a Fishjam takes PCM16 at 16000 or 24000 Hz only, not at {0}: choose one of them, or Opus")]
    Rate(Hz),
    /// Opus from a rate it does not have.
    #[error("Opus has no sample rate of {0}: choose 8000, 12000, 16000, 24000 or 48000 Hz")]
    OpusRate(Hz),
}

impl AgentRequest {
    /// Shows the token that REST gave.
    pub fn auth(token: &str) -> AgentRequest {
        Content::AuthRequest(AuthRequest { token: token.to_owned() }).into()
    }

    /// Publishes a track.
    pub fn add_track(id: &TrackId, voice: &PublishedTrack) -> AgentRequest {
        let encoding = match voice.encoding {
            Encoding::Pcm16 => TrackEncoding::Pcm16,
            Encoding::Opus => TrackEncoding::Opus,
        };
        Content::AddTrack(AddTrack {
            track: Some(Track {
                id: id.to_string(),
                r#type: TrackType::Audio.into(),
                metadata: voice.metadata.to_string(),
            }),
            codec_params: Some(CodecParameters { encoding: encoding.into(), sample_rate: voice.rate.0, channels: 1 }),
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
