//! The track of an agent's voice, and the rules that it must keep.

use serde_json::Value;

use crate::audio::{
    Hz,
    codec::{Encoding, OpusSettings},
};

/// A track that an agent may publish. Only what a Fishjam takes can be made: its media engine ends the agent's
/// connection over anything else, without an error message.
///
/// ```
/// use roomtone::{audio::Hz, signal::PublishedTrack};
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

    /// A PCM16 track for a voice that plays at `rate`: at that rate where a Fishjam takes it, else at 24 kHz.
    pub fn for_voice(rate: Hz) -> PublishedTrack {
        PublishedTrack::new(Encoding::Pcm16, if rate == Hz::K16 { Hz::K16 } else { Hz::K24 })
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

    /// What is said of it.
    pub fn metadata(&self) -> &Value {
        &self.metadata
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
