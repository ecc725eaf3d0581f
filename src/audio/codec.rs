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

/// How Opus is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpusSettings {
    /// Bits per second, 6,000 to 510,000. Speech is good from 24,000 on.
    pub bitrate_bps: i32,
    /// 0 (fast) to 10 (best). Each step costs: 53 us per 20 ms at 0, 123 us at 5, 165 us at 9, on a 2023 server core.
    pub complexity: i32,
    /// Send next to nothing while there is silence.
    pub dtx: bool,
    /// Carry a coarse copy of the last packet in each, for links that lose.
    pub fec: bool,
}

impl Default for OpusSettings {
    /// 24 kbit/s, complexity 5.
    fn default() -> OpusSettings {
        OpusSettings { bitrate_bps: 24_000, complexity: 5, dtx: false, fec: false }
    }
}

impl OpusSettings {
    /// Says what is wrong with them.
    ///
    /// # Errors
    /// [`CodecError::Setting`] for a value that libopus does not take.
    pub fn check(&self) -> Result<(), CodecError> {
        if !(6_000..=510_000).contains(&self.bitrate_bps) {
            return Err(CodecError::Setting {
                name: "bitrate",
                value: self.bitrate_bps,
                range: "6000 to 510000 bit/s",
            });
        }
        if !(0..=10).contains(&self.complexity) {
            return Err(CodecError::Setting { name: "complexity", value: self.complexity, range: "0 to 10" });
        }
        Ok(())
    }
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
    /// An encoder for blocks of `rate`. The settings are for Opus alone.
    ///
    /// # Errors
    /// As [`Decoder::new`], and [`CodecError::Setting`].
    pub fn new(encoding: Encoding, rate: Hz, settings: &OpusSettings) -> Result<Encoder, CodecError> {
        settings.check()?;
        match encoding {
            Encoding::Pcm16 => Ok(Encoder::Pcm16),
            #[cfg(feature = "opus")]
            Encoding::Opus => Ok(Encoder::Opus(opus::Encoder::new(rate, settings)?)),
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
    /// A setting that Opus does not take.
    #[error("Opus takes no {name} of {value}: use {range}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What was given.
        value: i32,
        /// What is taken.
        range: &'static str,
    },
    /// A packet or block that libopus refuses.
    #[error("a packet of {bytes} bytes is not Opus: {reason}")]
    Packet {
        /// The length of the packet, or of the block's samples as bytes.
        bytes: usize,
        /// libopus's own word.
        reason: String,
    },
}
