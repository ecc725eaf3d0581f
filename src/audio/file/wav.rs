//! WAV as programs really write it: with sizes that were never filled in, heads of any length, and chunks that do not
//! fit each other.

use std::io::Read;

use symphonia::core::{
    audio::Channels,
    codecs::audio::{
        AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
        well_known::{CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS},
    },
    errors::Error as Fault,
    packet::PacketBuilder,
    units::{Duration, Timestamp},
};

use super::{
    Cause, Decode, Format,
    downmix::Downmix,
    mpeg::Mpeg,
    window::{Window, u16_le, u32_le, u64_le},
};

/// See the module's head.
pub(super) struct Wav<R> {
    window: Window<R>,
    coding: Coding,
    format: Format,
    /// Bytes of a frame, or of a block of ADPCM.
    unit: usize,
    /// Bytes of the data chunk that are left, by its own word; `None` for all there are.
    left: Option<u64>,
    dropped: u64,
}

enum Coding {
    /// Of so many bytes a sample.
    Pcm(usize),
    Float32,
    Float64,
    ALaw,
    MuLaw,
    /// Blocks of so many frames.
    Adpcm(Box<dyn AudioDecoder>, usize),
}

/// Opens what begins with a RIFF head.
pub(super) fn open<R: Read + Send + 'static>(mut window: Window<R>) -> Result<Box<dyn Decode>, Cause> {
    window.eat(12);
    let (mut fmt, mut data_bytes_64) = (None, None);
    loop {
        let head = window.peek(24)?;
        let Some(size) = head.get(4..8).map(|_| u32_le(head, 4)) else {
            return Err(broken("it has no data chunk; it was never finished"));
        };
        match &head[..4] {
            b"data" => {
                window.eat(8);
                let size = match size {
                    u32::MAX => data_bytes_64,
                    // What was never filled in, or stands for "until the end".
                    UNKNOWN.. => None,
                    size => Some(size.into()),
                };
                let fmt: Vec<u8> = fmt.ok_or_else(|| broken("its data comes before its fmt chunk"))?;
                return open_data(window, &fmt, size);
            }
            b"ds64" if head.len() >= 24 => data_bytes_64 = Some(u64_le(head, 16)).filter(|bytes| *bytes > 0),
            b"fmt " if (14..=MOST_FMT).contains(&size) => {
                let mut bytes = window.peek(8 + size as usize)?[8..].to_vec();
                bytes.truncate(size as usize);
                bytes.resize(bytes.len().max(FMT), 0);
                fmt = Some(bytes);
            }
            _ => {}
        }
        skip_chunk(&mut window, size, fmt.is_some())?;
    }
}

/// Goes to the next chunk: where it should be, or where it is without the byte that fills up, or wherever it is found.
fn skip_chunk<R: Read>(window: &mut Window<R>, size: u32, has_fmt: bool) -> Result<(), Cause> {
    let end = 8 + size as usize;
    let padded = end + (size % 2) as usize;
    if end > FARTHEST && size < LARGEST_CHUNK && is_known_chunk(window.peek(8)?) {
        return Ok(window.skip(padded as u64)?);
    }
    let there = window.peek(padded.min(FARTHEST) + 8)?;
    let is_known_at = |at: &usize| there.get(*at..).is_some_and(is_known_chunk);
    if let Some(next) = [padded, end].into_iter().find(is_known_at) {
        return Ok(window.skip(next as u64)?);
    }
    let has_name =
        there.get(padded..padded + 4).is_some_and(|name| name.iter().all(|byte| matches!(byte, b' '..=b'~')));
    // Its size is wrong, or what follows it is of nobody's knowledge.
    let there = window.peek(FARTHEST)?;
    let is_wanted = |rest: &[u8]| rest.starts_with(b"data") || !has_fmt && rest.starts_with(b"fmt ");
    let found = (4..there.len()).find(|at| is_wanted(&there[*at..]));
    let next = if has_name { found.map_or(padded, |found| found.min(padded)) } else { found.unwrap_or(padded) };
    Ok(window.skip(next as u64)?)
}

/// Chunks of files that people have.
fn is_known_chunk(bytes: &[u8]) -> bool {
    const KNOWN: [&[u8; 4]; 23] = [
        b"data", b"fmt ", b"ds64", b"LIST", b"fact", b"cue ", b"smpl", b"inst", b"bext", b"iXML", b"id3 ", b"ID3 ",
        b"JUNK", b"junk", b"PAD ", b"FLLR", b"PEAK", b"plst", b"_PMX", b"cart", b"axml", b"acid", b"DISP",
    ];
    KNOWN.iter().any(|id| bytes.starts_with(*id))
}

fn open_data<R: Read + Send + 'static>(
    window: Window<R>,
    fmt: &[u8],
    left: Option<u64>,
) -> Result<Box<dyn Decode>, Cause> {
    let (channels, rate) = (usize::from(u16_le(fmt, 2)), u32_le(fmt, 4));
    let (align, bits) = (usize::from(u16_le(fmt, 12)), usize::from(u16_le(fmt, 14)));
    if !(1..=MOST_CHANNELS).contains(&channels) {
        return Err(broken("it has no sensible number of channels"));
    }
    // Extensible: the codec is behind.
    let tag = if u16_le(fmt, 0) == 0xfffe { u16_le(fmt, 24) } else { u16_le(fmt, 0) };
    // A sample may lie in more bytes than its bits need.
    let of_align = Some(align / channels).filter(|bytes| align % channels == 0 && 8 * bytes >= bits);
    let bytes = of_align.filter(|bytes| (1..=4).contains(bytes)).unwrap_or(bits.div_ceil(8));
    let (coding, unit) = match tag {
        0 | 1 if (1..=4).contains(&bytes) => (Coding::Pcm(bytes), bytes * channels),
        3 if bits == 64 => (Coding::Float64, 8 * channels),
        3 => (Coding::Float32, 4 * channels),
        6 => (Coding::ALaw, channels),
        7 => (Coding::MuLaw, channels),
        2 | 0x11 if channels <= 2 => (adpcm(tag == 2, rate, channels, align)?, align),
        0x50 | 0x55 => return Ok(Box::new(Mpeg::new(window))),
        tag => return Err(broken(&format!("its codec, number {tag:#06x}, is not known"))),
    };
    let format = Format { rate, downmix: Downmix::wav(channels) };
    Ok(Box::new(Wav { window, coding, format, unit, left, dropped: 0 }))
}

fn adpcm(is_ms: bool, rate: u32, channels: usize, align: usize) -> Result<Coding, Cause> {
    let head = if is_ms { 7 } else { 4 } * channels;
    if align <= head {
        return Err(broken("its ADPCM blocks are too small"));
    }
    let frames = (align - head) * 2 / channels + if is_ms { 2 } else { 1 };
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(if is_ms { CODEC_ID_ADPCM_MS } else { CODEC_ID_ADPCM_IMA_WAV })
        .with_sample_rate(rate)
        .with_channels(Channels::Discrete(channels as u16))
        .with_max_frames_per_packet(frames as u64)
        .with_frames_per_block(frames as u64);
    let decoder = symphonia::default::get_codecs().make_audio_decoder(&parameters, &AudioDecoderOptions::default())?;
    Ok(Coding::Adpcm(decoder, frames))
}

impl<R: Read> Wav<R> {
    /// The bytes that are decoded next: whole frames, or one block. None at the end.
    fn next_bytes(&mut self) -> Result<Vec<u8>, Cause> {
        // Where the data should end, something may follow that is neither the end nor a chunk: the size was too small.
        if self.left == Some(0) {
            let rest = self.window.peek(9)?;
            if rest.len() < 9 || is_known_chunk(rest) || is_known_chunk(&rest[1..]) {
                return Ok(Vec::new());
            }
            self.left = None;
        }
        let is_block = matches!(self.coding, Coding::Adpcm(..));
        let most = if is_block { self.unit } else { (AT_ONCE / self.unit).max(1) * self.unit };
        let most = self.left.map_or(most, |left| most.min(usize::try_from(left).unwrap_or(most)));
        let there = self.window.peek(most)?.len().min(most);
        let whole = if is_block { there } else { there - there % self.unit };
        let bytes = self.window.take(whole)?;
        if whole == 0 {
            // Less than a frame is left.
            self.window.eat(there);
        }
        self.left = self.left.map(|left| if whole == 0 { 0 } else { left - whole as u64 });
        Ok(bytes)
    }
}

impl<R: Read + Send> Decode for Wav<R> {
    fn next(&mut self, out: &mut Vec<f32>) -> Result<Option<Format>, Cause> {
        let mut bytes = self.next_bytes()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        match &mut self.coding {
            Coding::Pcm(1) => out.extend(bytes.iter().map(|byte| (f32::from(*byte) - 128.0) / 128.0)),
            Coding::Pcm(size) => out.extend(bytes.chunks_exact(*size).map(from_pcm)),
            Coding::Float32 => out.extend(bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample))),
            Coding::Float64 => {
                out.extend(bytes.as_chunks::<8>().0.iter().map(|sample| f64::from_le_bytes(*sample) as f32));
            }
            Coding::ALaw => out.extend(bytes.iter().map(|byte| f32::from(from_a_law(*byte)) / FULL)),
            Coding::MuLaw => out.extend(bytes.iter().map(|byte| f32::from(from_mu_law(*byte)) / FULL)),
            Coding::Adpcm(decoder, frames) => {
                // The last block may be cut off.
                let there = bytes.len();
                bytes.resize(self.unit, 0);
                let packet = PacketBuilder::new().track_id(0).pts(Timestamp::ZERO).dur(Duration::new(*frames as u64));
                match decoder.decode(&packet.data(bytes).build()) {
                    Ok(block) => block.copy_to_vec_interleaved(out),
                    Err(Fault::DecodeError(_) | Fault::IoError(_)) => {
                        self.dropped += 1;
                        out.resize(*frames * self.format.downmix.channels(), 0.0);
                    }
                    Err(fault) => return Err(fault.into()),
                }
                out.truncate(*frames * there / self.unit * self.format.downmix.channels());
            }
        }
        Ok(Some(self.format.clone()))
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Two to four bytes, the lowest first.
fn from_pcm(bytes: &[u8]) -> f32 {
    let mut whole = [0; 4];
    whole[4 - bytes.len()..].copy_from_slice(bytes);
    i32::from_le_bytes(whole) as f32 / 2_147_483_648.0
}

/// ITU-T G.711.
fn from_a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 15) << 4);
    let size = match exponent {
        0 => mantissa + 8,
        exponent => (mantissa + 0x108) << (exponent - 1),
    };
    if byte & 0x80 != 0 { size } else { -size }
}

/// ITU-T G.711.
fn from_mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let size = (((i16::from(byte & 15) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84;
    if byte & 0x80 != 0 { -size } else { size }
}

fn broken(why: &str) -> Cause {
    Cause::NotSound(format!("a WAV file, but {why}"))
}

/// A size of the data from here on was not meant.
const UNKNOWN: u32 = 0x7fff_0000;
/// What is looked at of a fmt chunk.
const FMT: usize = 40;
const MOST_FMT: u32 = 4_096;
const MOST_CHANNELS: usize = 64;
/// A larger chunk in front of the sound has a wrong size.
const LARGEST_CHUNK: u32 = 256 << 20;
/// How far a chunk is looked for that is not where it should be.
const FARTHEST: usize = 1 << 20;
/// What is decoded at once.
const AT_ONCE: usize = 4_096;
const FULL: f32 = 32_768.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_laws_of_the_telephone_are_kept() {
        // Values of ITU-T G.711's tables, in 16 bits.
        assert_eq!([0xff, 0x7f, 0x80, 0x00].map(from_mu_law), [0, 0, 32_124, -32_124]);
        assert_eq!([0xd5, 0x55, 0xaa, 0x2a].map(from_a_law), [8, -8, 32_256, -32_256]);
    }
}
