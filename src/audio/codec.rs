//! What a track's bytes mean: PCM16 or Opus, chosen once for each track.

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

#[cfg(feature = "opus")]
use super::opus;
use super::{format::Hz, pcm16};

/// How a track is encoded on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Signed 16-bit little-endian samples, mono.
    Pcm16,
    /// One Opus packet of 20 ms in each message, mono. Needs the feature `opus`.
    Opus,
}

/// Turns one track's messages into samples of a fixed rate.
pub enum Decoder {
    /// Bytes are samples already.
    Pcm16(pcm16::Decoder),
    /// libopus decodes to the rate that was asked for.
    #[cfg(feature = "opus")]
    Opus(opus::Decoder),
}

impl Decoder {
    /// A decoder for a new track. PCM16 comes out at the rate it has; Opus comes out at `rate`.
    ///
    /// # Errors
    /// [`CodecError::NoOpus`] without the feature `opus`, [`CodecError::Rate`] for a rate that Opus does not have.
    pub fn new(encoding: Encoding, rate: Hz) -> Result<Decoder, CodecError> {
        match encoding {
            Encoding::Pcm16 => Ok(Decoder::Pcm16(pcm16::Decoder::default())),
            #[cfg(feature = "opus")]
            Encoding::Opus => Ok(Decoder::Opus(opus::Decoder::new(rate)?)),
            #[cfg(not(feature = "opus"))]
            Encoding::Opus => Err(CodecError::NoOpus(rate)),
        }
    }

    /// What comes next does not follow what came last.
    pub fn on_hole(&mut self) {
        match self {
            Decoder::Pcm16(decoder) => *decoder = pcm16::Decoder::default(),
            // What Opus remembers fades by itself.
            #[cfg(feature = "opus")]
            Decoder::Opus(_) => {}
        }
    }

    /// Appends the samples of one message to `out`.
    ///
    /// # Errors
    /// [`CodecError::Packet`] when an Opus packet is broken; nothing has been appended then.
    pub fn decode_into(&mut self, data: &[u8], out: &mut Vec<i16>) -> Result<(), CodecError> {
        match self {
            Decoder::Pcm16(decoder) => {
                decoder.decode_into(data, out);
                Ok(())
            }
            #[cfg(feature = "opus")]
            Decoder::Opus(decoder) => decoder.decode_into(data, out),
        }
    }
}

/// Turns blocks of samples into one track's messages.
pub enum Encoder {
    /// Samples are bytes already.
    Pcm16,
    /// libopus, with the settings it was made with.
    #[cfg(feature = "opus")]
    Opus(opus::Encoder),
}

impl Encoder {
    /// An encoder for blocks of `rate`.
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn new(encoding: Encoding, rate: Hz) -> Result<Encoder, CodecError> {
        match encoding {
            Encoding::Pcm16 => Ok(Encoder::Pcm16),
            #[cfg(feature = "opus")]
            Encoding::Opus => Ok(Encoder::Opus(opus::Encoder::new(rate, opus::Settings::default())?)),
            #[cfg(not(feature = "opus"))]
            Encoding::Opus => Err(CodecError::NoOpus(rate)),
        }
    }

    /// Appends the message for one block to `out`. A block of Opus is exactly 20 ms; PCM16 takes any size.
    ///
    /// # Errors
    /// [`CodecError::Packet`] when libopus refuses the block, which a block of 20 ms never meets.
    pub fn encode_into(&mut self, block: &[i16], out: &mut BytesMut) -> Result<(), CodecError> {
        match self {
            Encoder::Pcm16 => {
                pcm16::encode_into(block, out);
                Ok(())
            }
            #[cfg(feature = "opus")]
            Encoder::Opus(encoder) => encoder.encode_into(block, out),
        }
    }
}

/// Why sound could not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The program was built without Opus.
    #[error("Opus at {0} was asked for, but this build has no Opus: build with the feature `opus`, or use PCM16")]
    NoOpus(Hz),
    /// Opus has 8, 12, 16, 24 and 48 kHz only.
    #[error("Opus has no sample rate of {0}: use 8000, 12000, 16000, 24000 or 48000 Hz")]
    Rate(Hz),
    /// A packet or block that libopus refuses.
    #[error("a packet of {bytes} bytes is not Opus: {reason}")]
    Packet {
        /// The length of the packet, or of the block's samples as bytes.
        bytes: usize,
        /// libopus's own word.
        reason: String,
    },
}
