//! MP3 and its elder layers: also joined files, changes in the middle, rubbish between frames, and lengths that are
//! declared wrongly or guessed.

use std::io::{self, Read};

use symphonia::core::{
    codecs::audio::{
        AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
        well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3},
    },
    errors::Error as Fault,
    packet::PacketBuilder,
    units::{Duration, Timestamp},
};

use super::{
    Cause, Decode, Format,
    downmix::Downmix,
    kind::id3_bytes,
    mpeg_frame::{Frame, Info},
    window::Window,
};

/// See the module's head.
pub(super) struct Mpeg<R> {
    window: Window<R>,
    decoder: Option<(Frame, Box<dyn AudioDecoder>)>,
    /// Nothing of the first file has sounded yet.
    is_first: bool,
    /// Samples that are still to be cut off.
    to_cut: usize,
    /// Where the file that was joined last ends, by its own count.
    ends_at: Option<usize>,
    /// Samples of that file so far.
    done: usize,
    dropped: u64,
}

impl<R: Read> Mpeg<R> {
    pub(super) fn new(window: Window<R>) -> Mpeg<R> {
        Mpeg { window, decoder: None, is_first: true, to_cut: 0, ends_at: None, done: 0, dropped: 0 }
    }

    /// The next frame, wherever it is.
    fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut is_behind_rubbish = false;
        loop {
            let head = self.window.peek(10)?;
            if head.len() < 4 {
                return Ok(None);
            }
            if let Some(tag) = id3_bytes(head) {
                self.window.skip(tag)?;
            } else if head.starts_with(b"TAG") {
                self.window.skip(128)?;
            } else if let Some(frame) = Frame::parse(head)
                && Frame::confirmed(self.window.peek(frame.bytes + 4)?).is_some()
            {
                self.dropped += u64::from(is_behind_rubbish && !self.is_first);
                return Ok(Some(frame));
            } else {
                is_behind_rubbish = true;
                self.window.eat(1);
            }
        }
    }

    /// A file begins with what its encoder says.
    fn begin(&mut self, frame: &Frame, info: Info) {
        self.decoder = None;
        // Only of the first file what the encoder put in front is cut off: between joined ones it is a moment's silence.
        self.to_cut = if self.is_first { info.delay } else { 0 };
        self.done = 0;
        self.ends_at = (info.frames > 0).then(|| (info.frames * frame.samples).saturating_sub(info.padding));
    }

    fn decoder(&mut self, frame: Frame) -> Result<&mut Box<dyn AudioDecoder>, Fault> {
        let is_same =
            |known: &Frame| (known.layer, known.rate, known.is_mono) == (frame.layer, frame.rate, frame.is_mono);
        if !self.decoder.as_ref().is_some_and(|(known, _)| is_same(known)) {
            let mut parameters = AudioCodecParameters::new();
            parameters.for_codec([CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3][usize::from(frame.layer) - 1]);
            let options = AudioDecoderOptions::default().gapless(false);
            self.decoder = Some((frame, symphonia::default::get_codecs().make_audio_decoder(&parameters, &options)?));
        }
        Ok(&mut self.decoder.as_mut().expect("it was just made").1)
    }

    /// Whether nothing but one more frame at the most, and tags, follow.
    fn is_last(&mut self, frame: usize) -> io::Result<bool> {
        let rest = self.window.peek(2 * frame + 1)?;
        Ok(rest.len() <= 2 * frame || rest.starts_with(b"TAG") && rest.len() <= 128 || rest.starts_with(b"APET"))
    }
}

impl<R: Read + Send> Decode for Mpeg<R> {
    fn next(&mut self, out: &mut Vec<f32>) -> Result<Option<Format>, Cause> {
        let (frame, data) = loop {
            let Some(frame) = self.next_frame()? else { return Ok(None) };
            let data = self.window.take(frame.bytes)?;
            match frame.info(&data) {
                Some(info) => self.begin(&frame, info),
                None => break (frame, data),
            }
        };
        let channels = if frame.is_mono { 1 } else { 2 };
        let packet = PacketBuilder::new().track_id(0).pts(Timestamp::ZERO).dur(Duration::new(frame.samples as u64));
        match self.decoder(frame)?.decode(&packet.data(data).build()) {
            Ok(block) => block.copy_to_vec_interleaved(out),
            // The first frames of a file that was cut out of another lack what came before them.
            Err(Fault::DecodeError(_) | Fault::IoError(_)) => {
                self.dropped += 1;
                out.resize(frame.samples * channels, 0.0);
            }
            Err(fault) => return Err(fault.into()),
        }
        let end = self.done + frame.samples;
        // A count is believed where it ends together with the file, and not where it was guessed.
        if let Some(till) = self.ends_at.filter(|till| *till < end && end <= till + MOST_PADDING)
            && self.is_last(frame.bytes)?
        {
            out.truncate(till.saturating_sub(self.done) * channels);
        }
        self.is_first = false;
        self.done += frame.samples;
        let cut = self.to_cut.min(out.len() / channels);
        out.drain(..cut * channels);
        self.to_cut -= cut;
        Ok(Some(Format { rate: frame.rate, downmix: Downmix::average(channels) }))
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Encoders fill up two frames at the most.
const MOST_PADDING: usize = 2 * 1_152;
