//! Packets of Opus and Vorbis, whatever container they came in.

use symphonia::core::{
    codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_VORBIS},
    packet::PacketBuilder,
    units::{Duration, Timestamp},
};

#[cfg(feature = "opus")]
use super::window::u16_le;
use super::{Cause, Format, downmix::Downmix, window::u32_le};

/// Decodes the packets of one stream, the first of which say how.
pub(super) enum PacketDecoder {
    #[cfg(feature = "opus")]
    Opus(OpusPackets),
    Vorbis(VorbisPackets),
}

impl PacketDecoder {
    /// A decoder for a stream that begins with this packet; `None` if it is neither.
    pub(super) fn new(head: &[u8]) -> Option<Result<PacketDecoder, Cause>> {
        if head.starts_with(b"OpusHead") {
            return Some(opus(head));
        }
        (head.starts_with(b"\x01vorbis") && head.len() >= 30)
            .then(|| Ok(PacketDecoder::Vorbis(VorbisPackets::new(head))))
    }

    pub(super) fn format(&self) -> &Format {
        match self {
            #[cfg(feature = "opus")]
            PacketDecoder::Opus(opus) => &opus.format,
            PacketDecoder::Vorbis(vorbis) => &vorbis.format,
        }
    }

    /// Takes a packet that says how to decode the others. Says whether it was one.
    pub(super) fn take_head(&mut self, packet: &[u8]) -> Result<bool, Cause> {
        match self {
            #[cfg(feature = "opus")]
            PacketDecoder::Opus(_) => Ok(packet.starts_with(b"OpusTags")),
            PacketDecoder::Vorbis(vorbis) => vorbis.take_head(packet),
        }
    }

    /// Appends what a packet says. Gives for how many frames it stands, also those that are cut off at the beginning, and
    /// whether it could be decoded.
    pub(super) fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> (usize, bool) {
        match self {
            #[cfg(feature = "opus")]
            PacketDecoder::Opus(opus) => opus.decode(packet, out),
            PacketDecoder::Vorbis(vorbis) => vorbis.decode(packet, out),
        }
    }
}

#[cfg(feature = "opus")]
fn opus(head: &[u8]) -> Result<PacketDecoder, Cause> {
    OpusPackets::new(head).map(PacketDecoder::Opus)
}

#[cfg(not(feature = "opus"))]
fn opus(_: &[u8]) -> Result<PacketDecoder, Cause> {
    Err(Cause::NoOpus)
}

/// Opus of any number of channels (RFC 7845).
#[cfg(feature = "opus")]
pub(super) struct OpusPackets {
    decoder: opus::MSDecoder,
    format: Format,
    /// Frames that are still to be cut off.
    pre_skip: usize,
    scratch: Vec<f32>,
}

#[cfg(feature = "opus")]
impl OpusPackets {
    fn new(head: &[u8]) -> Result<OpusPackets, Cause> {
        let broken = || Cause::NotSound("its Opus head is broken".into());
        let family = *head.get(18).ok_or_else(broken)?;
        let channels = usize::from(head[9]);
        let (streams, coupled, mapping): (u8, u8, Vec<u8>) = match family {
            0 if (1..=2).contains(&channels) => (1, channels as u8 - 1, (0..channels as u8).collect()),
            0 => return Err(broken()),
            _ => (
                *head.get(19).ok_or_else(broken)?,
                *head.get(20).ok_or_else(broken)?,
                head.get(21..21 + channels).ok_or_else(broken)?.to_vec(),
            ),
        };
        let mut decoder = opus::MSDecoder::new(RATE, streams, coupled, &mapping)
            .map_err(|error| Cause::NotSound(error.to_string()))?;
        let gain = i16::from_le_bytes([head[16], head[17]]);
        decoder.set_gain(gain.into()).map_err(|error| Cause::NotSound(error.to_string()))?;
        // Only family 1 says what the channels are.
        let downmix = if family == 1 { Downmix::vorbis(channels) } else { Downmix::average(channels) };
        let format = Format { rate: RATE, downmix };
        Ok(OpusPackets { decoder, format, pre_skip: u16_le(head, 10).into(), scratch: vec![0.0; LONGEST * channels] })
    }

    fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> (usize, bool) {
        let channels = self.format.downmix.channels();
        // An empty packet would be taken for a lost one, and concealed.
        let decoded = match packet.is_empty() {
            true => None,
            false => self.decoder.decode_float(packet, &mut self.scratch, false).ok(),
        };
        let Some(frames) = decoded else {
            // What it said is lost, its time is not.
            return (opus::packet::get_nb_samples(packet, RATE).unwrap_or(960), false);
        };
        let cut = self.pre_skip.min(frames);
        self.pre_skip -= cut;
        out.extend_from_slice(&self.scratch[cut * channels..frames * channels]);
        (frames, true)
    }
}

/// What Opus is decoded to.
#[cfg(feature = "opus")]
const RATE: u32 = 48_000;
/// The longest packet has 120 ms.
#[cfg(feature = "opus")]
const LONGEST: usize = 5_760;

/// Vorbis, whose three first packets are heads.
pub(super) struct VorbisPackets {
    heads: Vec<u8>,
    decoder: Option<Box<dyn AudioDecoder>>,
    format: Format,
    /// The first packet only primes the overlap.
    is_primed: bool,
}

impl VorbisPackets {
    fn new(head: &[u8]) -> VorbisPackets {
        let format = Format { rate: u32_le(head, 12), downmix: Downmix::average(usize::from(head[11]).max(1)) };
        VorbisPackets { heads: head.to_vec(), decoder: None, format, is_primed: false }
    }

    fn take_head(&mut self, packet: &[u8]) -> Result<bool, Cause> {
        if packet.first().is_none_or(|kind| kind & 1 == 0) {
            return Ok(false);
        }
        if packet.starts_with(b"\x05vorbis") && self.decoder.is_none() {
            self.heads.extend_from_slice(packet);
            let mut parameters = AudioCodecParameters::new();
            let heads = std::mem::take(&mut self.heads).into_boxed_slice();
            parameters.for_codec(CODEC_ID_VORBIS).with_sample_rate(self.format.rate).with_extra_data(heads);
            let options = AudioDecoderOptions::default().gapless(false);
            self.decoder = Some(symphonia::default::get_codecs().make_audio_decoder(&parameters, &options)?);
        }
        Ok(true)
    }

    fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> (usize, bool) {
        let Some(decoder) = &mut self.decoder else { return (0, false) };
        let packet = PacketBuilder::new().track_id(0).pts(Timestamp::ZERO).dur(Duration::ZERO).data(packet.to_vec());
        let Ok(block) = decoder.decode(&packet.build()) else { return (0, false) };
        if !std::mem::replace(&mut self.is_primed, true) {
            self.format.downmix = Downmix::of(block.spec().channels());
            return (0, true);
        }
        let mut samples = Vec::new();
        block.copy_to_vec_interleaved(&mut samples);
        out.extend_from_slice(&samples);
        (samples.len() / self.format.downmix.channels(), true)
    }
}
