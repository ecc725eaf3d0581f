//! Opus and Vorbis in Ogg: one stream, several that were joined, cut off, or with broken pages and packets.

use std::io::Read;

use super::{
    Cause, Decode, Format,
    packet::PacketDecoder,
    pages::{Page, next_page},
    window::Window,
};

/// See the module's head.
pub(super) struct Ogg<R> {
    window: Window<R>,
    link: Option<Link>,
    /// Streams beside it that are no sound.
    others: Vec<u32>,
    dropped: u64,
}

/// One of the streams that were joined.
struct Link {
    serial: u32,
    decoder: PacketDecoder,
    /// The beginning of a packet that goes on on the next page.
    part: Vec<u8>,
    /// Frames that were decoded, those cut off at the beginning included.
    decoded: i64,
    /// The granule at which it began.
    origin: Option<i64>,
}

impl<R: Read> Ogg<R> {
    pub(super) fn new(window: Window<R>) -> Ogg<R> {
        Ogg { window, link: None, others: Vec::new(), dropped: 0 }
    }

    /// A stream begins.
    fn begin(&mut self, page: &Page) -> Result<(), Cause> {
        match PacketDecoder::new(&page.body) {
            Some(decoder) => {
                let (decoder, part) = (decoder?, Vec::new());
                self.link = Some(Link { serial: page.serial, decoder, part, decoded: 0, origin: None });
            }
            None => self.others.push(page.serial),
        }
        Ok(())
    }
}

impl<R: Read + Send> Decode for Ogg<R> {
    fn next(&mut self, out: &mut Vec<f32>) -> Result<Option<Format>, Cause> {
        while out.is_empty() {
            let Some(page) = next_page(&mut self.window, &mut self.dropped)? else { return Ok(None) };
            if page.begins {
                self.begin(&page)?;
            } else if let Some(link) = self.link.as_mut().filter(|_| !self.others.contains(&page.serial)) {
                self.dropped += link.on_page(&page, out)?;
            }
        }
        Ok(self.link.as_ref().map(|link| link.decoder.format().clone()))
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Link {
    /// Decodes the packets of a page. Gives how many could not be.
    fn on_page(&mut self, page: &Page, out: &mut Vec<f32>) -> Result<u64, Cause> {
        if self.serial != page.serial {
            // The first page of the next stream is lost: where that began is not known.
            (self.serial, self.decoded, self.origin) = (page.serial, 0, Some(i64::MIN));
            self.part.clear();
        }
        let mut is_torn = page.continues && self.part.is_empty();
        if !page.continues {
            self.part.clear();
        }
        let (mut at, mut frames, mut dropped) = (0, 0, 0);
        for length in page.lacing.iter().map(|length| usize::from(*length)) {
            self.part.extend_from_slice(&page.body[at..at + length]);
            at += length;
            if length < 255 {
                let packet = std::mem::take(&mut self.part);
                if std::mem::take(&mut is_torn) {
                    dropped += 1;
                } else if !packet.is_empty() && !self.decoder.take_head(&packet)? {
                    let (there, is_fine) = self.decoder.decode(&packet, out);
                    frames += there as i64;
                    dropped += u64::from(!is_fine);
                }
            }
        }
        self.decoded += frames;
        self.cut_end(page, frames, out);
        Ok(dropped)
    }

    /// The last page says where the sound ends. It is believed as far as what is on it.
    fn cut_end(&mut self, page: &Page, frames: i64, out: &mut Vec<f32>) {
        if page.granule <= 0 {
            return;
        }
        let first = if page.ends { 0 } else { (page.granule - self.decoded).max(0) };
        let origin = *self.origin.get_or_insert(first);
        let over = origin.saturating_add(self.decoded).saturating_sub(page.granule);
        if page.ends && (1..=frames).contains(&over) {
            let channels = self.decoder.format().downmix.channels();
            out.truncate(out.len().saturating_sub(over as usize * channels));
        }
    }
}
