//! All that is left to symphonia: FLAC, AAC, M4A, WebM, AIFF, CAF and what else it knows.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::{
    codecs::audio::{AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_OPUS},
    errors::Error as Fault,
    formats::{FormatReader, TrackType, probe::Hint},
    io::{MediaSource, MediaSourceStream},
    packet::Packet,
};

use super::{Cause, Decode, Format, downmix::Downmix, edit_list, packet::PacketDecoder, window::Window};

/// See the module's head.
pub(super) struct Container {
    format: Box<dyn FormatReader>,
    track: u32,
    decoder: Decoder,
    /// Frames that are still to be cut off.
    to_cut: usize,
    /// How the last packet sounded.
    last: Option<Format>,
    /// Where the last packet ended, where the container counts in frames.
    position: Option<i64>,
    dropped: u64,
}

enum Decoder {
    Ours(PacketDecoder),
    Symphonia(Box<dyn AudioDecoder>),
}

impl Container {
    /// Opens what `window` is at the beginning of, `base` bytes into its source.
    pub(super) fn open(window: Window<Box<dyn MediaSource>>, base: u64) -> Result<Container, Cause> {
        let (mut head, mut source) = window.into_parts();
        if source.is_seekable() {
            head.truncate(HEAD);
            source.seek(SeekFrom::Start(base + head.len() as u64))?;
        }
        let is_mp4 = matches!(head.get(4..8), Some(b"ftyp" | b"moov"));
        if is_mp4 && !source.is_seekable() {
            (head, source) = (Vec::new(), in_a_file(&head, source)?);
        }
        mend_flac(&mut head);
        mend_aiff(&mut head);
        let to_cut = if is_mp4 { edit_list::media_time(&mut *source, base)? } else { 0 };
        source_at(&mut *source, base + head.len() as u64)?;
        // Only these must go back. The others open faster, and play as far as they go where they are cut off, if they cannot.
        let is_seekable = source.is_seekable() && (is_mp4 || head.starts_with(b"caff"));
        let source = Tail { head, base, at: 0, is_seekable, inner: source };
        let stream = MediaSourceStream::new(Box::new(source), Default::default());
        let format =
            symphonia::default::get_probe().probe(&Hint::new(), stream, Default::default(), Default::default());
        let format = format.map_err(|fault| match is_mp4 && fault.to_string().contains("moov") {
            true => Cause::NotSound("an MP4 or M4A file that was never finished: it has no index".into()),
            false => fault.into(),
        })?;
        let (track, decoder) = choose(format.as_ref())?;
        Ok(Container { format, track, decoder, to_cut, last: None, position: None, dropped: 0 })
    }

    /// The next packet of the track; a file that was cut off ends where it was cut.
    fn next_packet(&mut self) -> Result<Option<Packet>, Cause> {
        let mut faults = 0;
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(Fault::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(Fault::ResetRequired) => {
                    (self.track, self.decoder) = choose(self.format.as_ref())?;
                    self.position = None;
                }
                Err(fault) => {
                    faults += 1;
                    self.dropped += 1;
                    match faults < MOST_FAULTS {
                        true => {}
                        false if self.last.is_some() => return Ok(None),
                        false => return Err(fault.into()),
                    }
                }
            }
        }
    }

    /// Appends what a packet says; silence of its length where it is broken.
    fn decode(&mut self, packet: &Packet, out: &mut Vec<f32>) -> Result<Option<Format>, Cause> {
        let block = match &mut self.decoder {
            Decoder::Ours(decoder) => {
                let (_, is_fine) = decoder.decode(&packet.data, out);
                self.dropped += u64::from(!is_fine);
                return Ok(Some(decoder.format().clone()));
            }
            Decoder::Symphonia(decoder) => decoder.decode(packet),
        };
        match (block, &self.last) {
            (Ok(block), _) => {
                block.copy_to_vec_interleaved(out);
                let downmix = Downmix::of(block.spec().channels());
                Ok(Some(Format { rate: block.spec().rate(), downmix }))
            }
            (Err(_), Some(last)) => {
                self.dropped += 1;
                let frames = (packet.dur.get() as usize).min(LONGEST_HOLE);
                out.resize(frames * last.downmix.channels(), 0.0);
                Ok(Some(last.clone()))
            }
            (Err(_), None) if self.dropped < MOST_FAULTS => {
                self.dropped += 1;
                Ok(None)
            }
            (Err(fault), None) => Err(fault.into()),
        }
    }

    /// Packets that the container itself left out, as their checksums were wrong, are silence of their length.
    fn fill_hole(&mut self, packet: &Packet, format: &Format, out: &mut Vec<f32>) {
        let counts_frames = self.format.default_track(TrackType::Audio).and_then(|track| track.time_base);
        let counts_frames = counts_frames.is_some_and(|base| base.numer.get() == 1 && base.denom.get() == format.rate);
        let channels = format.downmix.channels();
        let frames = (out.len() / channels) as i64;
        if counts_frames && let Some(expected) = self.position {
            let hole = packet.pts.get() - expected;
            if (1..=LONGEST_HOLE as i64).contains(&hole) {
                self.dropped += 1;
                out.splice(..0, std::iter::repeat_n(0.0, hole as usize * channels));
            }
        }
        self.position = Some(packet.pts.get() + frames);
    }
}

impl Decode for Container {
    fn next(&mut self, out: &mut Vec<f32>) -> Result<Option<Format>, Cause> {
        let format = loop {
            let Some(packet) = self.next_packet()? else { return Ok(None) };
            if let Some(format) = self.decode(&packet, out)? {
                self.fill_hole(&packet, &format, out);
                break format;
            }
        };
        let channels = format.downmix.channels();
        let cut = self.to_cut.min(out.len() / channels);
        out.drain(..cut * channels);
        self.to_cut -= cut;
        self.last = Some(format.clone());
        Ok(Some(format))
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The track that sounds, and how.
fn choose(format: &dyn FormatReader) -> Result<(u32, Decoder), Cause> {
    let track =
        format.default_track(TrackType::Audio).ok_or_else(|| Cause::NotSound("there is no sound in it".into()))?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| Cause::NotSound("its codec is not known".into()))?;
    let decoder = match parameters.codec {
        CODEC_ID_OPUS => {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            let broken = || Err(Cause::NotSound("its Opus head is missing".into()));
            Decoder::Ours(PacketDecoder::new(head).unwrap_or_else(broken)?)
        }
        _ => Decoder::Symphonia(
            symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default())?,
        ),
    };
    Ok((track.id, decoder))
}

/// Some programs write that FLAC's blocks may be of no length; then the largest that there can be stands in.
fn mend_flac(head: &mut [u8]) {
    if head.starts_with(b"fLaC") && head.len() > 12 {
        let [least, most] = [8, 10].map(|at| u16::from_be_bytes([head[at], head[at + 1]]));
        if least < SMALLEST_BLOCK || most < SMALLEST_BLOCK {
            // Both alike: otherwise positions would count in frames of a varying length.
            let block = if most < SMALLEST_BLOCK { u16::MAX } else { most };
            head[8..10].copy_from_slice(&block.to_be_bytes());
            head[10..12].copy_from_slice(&block.to_be_bytes());
        }
    }
}

/// AIFF that was written to a pipe has no lengths; all there is belongs to it then.
fn mend_aiff(head: &mut [u8]) {
    let is_aiff = head.starts_with(b"FORM") && matches!(head.get(8..12), Some(b"AIFF" | b"AIFC"));
    if is_aiff && matches!(head[4..8], [0, 0, 0, 0] | [0xff, 0xff, 0xff, 0xff]) {
        head[4..8].copy_from_slice(&0x7fff_fffe_u32.to_be_bytes());
    }
}

/// What must be read to and fro, and comes from a pipe, goes through a file that has no name.
fn in_a_file(head: &[u8], mut source: Box<dyn MediaSource>) -> Result<Box<dyn MediaSource>, Cause> {
    let path = std::env::temp_dir().join(format!("roomtone-{}", uuid::Uuid::new_v4()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    io::Write::write_all(&mut file, head)?;
    let copied = io::copy(&mut (&mut source).take(LARGEST_PIPED), &mut file)?;
    if copied == LARGEST_PIPED {
        return Err(Cause::NotSound("too large for a pipe; give its path instead".into()));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(Box::new(file))
}

fn source_at(source: &mut dyn MediaSource, at: u64) -> io::Result<()> {
    if source.is_seekable() { source.seek(SeekFrom::Start(at)).map(drop) } else { Ok(()) }
}

/// What symphonia reads: the head, as it was mended, and the rest. A tag in front of it is not there.
struct Tail {
    head: Vec<u8>,
    base: u64,
    at: u64,
    is_seekable: bool,
    inner: Box<dyn MediaSource>,
}

impl Read for Tail {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let rest = self.head.get(self.at as usize..).unwrap_or_default();
        let n = match rest.is_empty() {
            true => self.inner.read(to)?,
            false => {
                let n = rest.len().min(to.len());
                to[..n].copy_from_slice(&rest[..n]);
                n
            }
        };
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Tail {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = || self.byte_len().ok_or(io::ErrorKind::Unsupported);
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => length()?.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        self.inner.seek(SeekFrom::Start(self.base + self.at.max(self.head.len() as u64)))?;
        Ok(self.at)
    }
}

impl MediaSource for Tail {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.inner.byte_len().filter(|_| self.is_seekable).map(|length| length.saturating_sub(self.base))
    }
}

/// What is kept of the beginning of a file that can be read to and fro.
const HEAD: usize = 64;
/// FLAC's smallest block.
const SMALLEST_BLOCK: u16 = 16;
/// Faults in a row, or before anything sounded, after which nothing is hoped for.
const MOST_FAULTS: u64 = 100;
/// The longest hole that is filled: a second of the highest rate.
const LONGEST_HOLE: usize = 192_000;
/// The most that is copied out of a pipe.
const LARGEST_PIPED: u64 = 4 << 30;
