//! Opus through libopus, mono, one packet of 20 ms at a time.

use bytes::BytesMut;
use opus::{Application, Bitrate, Channels, Signal};

use super::{
    codec::{CodecError, OpusSettings},
    format::Hz,
};

/// An encoder for one voice.
pub struct Encoder(opus::Encoder);

impl Encoder {
    /// Makes an encoder that takes blocks of `rate`.
    ///
    /// # Errors
    /// [`CodecError::Rate`] for a rate that Opus does not have.
    pub fn new(rate: Hz, settings: &OpusSettings) -> Result<Encoder, CodecError> {
        let make = || {
            let mut encoder = opus::Encoder::new(rate.0, Channels::Mono, Application::Audio)?;
            encoder.set_signal(Signal::Voice)?;
            encoder.set_bitrate(Bitrate::Bits(settings.bitrate_bps))?;
            encoder.set_complexity(settings.complexity)?;
            encoder.set_dtx(settings.dtx)?;
            encoder.set_inband_fec(settings.fec)?;
            encoder.set_packet_loss_perc(if settings.fec { EXPECTED_LOSS_PERCENT } else { 0 })?;
            Ok(encoder)
        };
        make().map(Encoder).map_err(|_: opus::Error| CodecError::Rate(rate))
    }

    /// Appends the packet of one block (2.5 to 60 ms, 20 ms in roomtone) to `out`.
    ///
    /// # Errors
    /// [`CodecError::Packet`] for a block of another length.
    pub fn encode_into(&mut self, block: &[i16], out: &mut BytesMut) -> Result<(), CodecError> {
        let start = out.len();
        out.resize(start + MAX_PACKET_BYTES, 0);
        let made = self.0.encode(block, &mut out[start..]);
        out.truncate(start + made.as_ref().copied().unwrap_or(0));
        made.map(drop).map_err(|error| packet_error(block.len() * 2, &error))
    }

    /// Samples by which the decoder's output is late against the input.
    pub fn lookahead_samples(&mut self) -> usize {
        self.0.get_lookahead().map_or(0, |samples| samples.max(0) as usize)
    }
}

/// A decoder for one voice, straight to the rate that is wanted.
pub struct Decoder {
    inner: opus::Decoder,
    /// Room for the longest packet, 120 ms.
    scratch: Vec<i16>,
}

impl Decoder {
    /// Makes a decoder that gives samples of `rate`, whatever the encoder used.
    ///
    /// # Errors
    /// [`CodecError::Rate`] for a rate that Opus does not have.
    pub fn new(rate: Hz) -> Result<Decoder, CodecError> {
        let inner = opus::Decoder::new(rate.0, Channels::Mono).map_err(|_| CodecError::Rate(rate))?;
        Ok(Decoder { inner, scratch: vec![0; rate.0 as usize * LONGEST_PACKET_MS / 1_000] })
    }

    /// Appends the samples of one packet to `out`.
    ///
    /// # Errors
    /// [`CodecError::Packet`] when the packet is broken; nothing is appended, and the decoder goes on with the next.
    pub fn decode_into(&mut self, packet: &[u8], out: &mut Vec<i16>) -> Result<(), CodecError> {
        if packet.is_empty() {
            return Err(CodecError::Packet { bytes: 0, reason: "it is empty".into() });
        }
        let got =
            self.inner.decode(packet, &mut self.scratch, false).map_err(|error| packet_error(packet.len(), &error))?;
        out.extend_from_slice(&self.scratch[..got]);
        Ok(())
    }

    /// Appends `samples` of a lost packet out of the coarse copy that `next`, the packet after it, carries if the
    /// encoder's FEC is on; without a copy it is concealment. Decode `next` itself afterwards.
    pub fn recover_into(&mut self, next: &[u8], samples: usize, out: &mut Vec<i16>) {
        let samples = samples.min(self.scratch.len());
        let got = self.inner.decode(next, &mut self.scratch[..samples], true).unwrap_or(0);
        out.extend_from_slice(&self.scratch[..got]);
    }

    /// Appends `samples` of concealment: what the voice may have sounded like where packets were lost.
    pub fn conceal_into(&mut self, samples: usize, out: &mut Vec<i16>) {
        let samples = samples.min(self.scratch.len());
        let got = self.inner.decode(&[], &mut self.scratch[..samples], false).unwrap_or(0);
        out.extend_from_slice(&self.scratch[..got]);
    }
}

fn packet_error(bytes: usize, error: &opus::Error) -> CodecError {
    CodecError::Packet { bytes, reason: error.code().description().to_owned() }
}

/// RFC 6716: a packet of one stream is at most 1275 bytes.
const MAX_PACKET_BYTES: usize = 1_275;
/// RFC 6716: a packet holds at most 120 ms.
const LONGEST_PACKET_MS: usize = 120;
/// What the encoder is told to guard against when FEC is on.
const EXPECTED_LOSS_PERCENT: i32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_survives_the_round_trip_at_another_rate() {
        let mut encoder = Encoder::new(Hz::K24, &OpusSettings::default()).unwrap();
        let mut decoder = Decoder::new(Hz::K16).unwrap();
        let tone: Vec<i16> = (0..24_000).map(|n| (f32::sin(n as f32 * 0.08) * 9_000.0) as i16).collect();
        let mut out = Vec::new();
        for block in tone.chunks(480) {
            let mut packet = BytesMut::new();
            encoder.encode_into(block, &mut packet).unwrap();
            assert!(packet.len() < 200);
            decoder.decode_into(&packet, &mut out).unwrap();
        }
        assert_eq!(out.len(), 16_000);
        let power = |samples: &[i16]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
        let ratio = power(&out[4_000..]) / power(&tone[6_000..]);
        assert!((0.7..1.4).contains(&ratio), "the level changed by {ratio}");
    }

    #[test]
    fn garbage_is_an_error_and_the_next_packet_plays() {
        let mut encoder = Encoder::new(Hz::K48, &OpusSettings::default()).unwrap();
        let mut decoder = Decoder::new(Hz::K48).unwrap();
        let mut out = Vec::new();
        assert!(decoder.decode_into(&[0xff; 7], &mut out).is_err());
        assert!(decoder.decode_into(&[], &mut out).is_err());
        assert!(out.is_empty());
        let mut packet = BytesMut::new();
        encoder.encode_into(&[0; 960], &mut packet).unwrap();
        decoder.decode_into(&packet, &mut out).unwrap();
        assert_eq!(out.len(), 960);
        assert!(Encoder::new(Hz(44_100), &OpusSettings::default()).is_err());
    }
}
