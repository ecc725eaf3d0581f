//! Ogg Opus files (RFC 7845), written as they are recorded. [`SoundFile`](super::SoundFile) reads them.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use bytes::BytesMut;
use ogg::{PacketWriteEndInfo, PacketWriter};

use super::{
    format::{BLOCK, Hz},
    opus,
};

/// A mono Ogg Opus file in the making. A page is closed every second and with each flush, so a program that is
/// killed leaves a file that plays up to there, and memory does not grow with its length.
pub struct OggOpusFile {
    writer: PacketWriter<'static, BufWriter<File>>,
    encoder: opus::Encoder,
    /// Samples of less than a block that wait for the rest.
    rest: Vec<i16>,
    packet: BytesMut,
    /// The last packet, which is written once it is known whether a page ends with it.
    pending: Option<(Vec<u8>, u64)>,
    block_samples: usize,
    rate: Hz,
    /// Samples taken, at `rate`.
    taken: u64,
    packets: u64,
}

impl OggOpusFile {
    /// Creates the file, replacing what is there, for samples of `rate` (8, 12, 16, 24 or 48 kHz).
    ///
    /// # Errors
    /// An I/O error when the file cannot be created, or for a rate that Opus does not have.
    pub fn create(path: &Path, rate: Hz) -> io::Result<OggOpusFile> {
        OggOpusFile::in_file(File::create(path)?, rate)
    }

    /// Writes into `file`, which is empty.
    ///
    /// # Errors
    /// An I/O error when the disk refuses, or for a rate that Opus does not have.
    pub fn in_file(file: File, rate: Hz) -> io::Result<OggOpusFile> {
        let encoder = opus::Encoder::new(rate, &Default::default()).map_err(io::Error::other)?;
        let mut file = OggOpusFile {
            writer: PacketWriter::new(BufWriter::new(file)),
            encoder,
            rest: Vec::new(),
            packet: BytesMut::new(),
            pending: None,
            block_samples: rate.block_samples(),
            rate,
            taken: 0,
            packets: 0,
        };
        file.write_heads()?;
        file.writer.inner_mut().flush()?;
        Ok(file)
    }

    /// Appends samples.
    ///
    /// # Errors
    /// An I/O error when the disk refuses.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        self.taken += samples.len() as u64;
        self.rest.extend_from_slice(samples);
        let whole = self.rest.len() - self.rest.len() % self.block_samples;
        for start in (0..whole).step_by(self.block_samples) {
            self.encode_block(start)?;
            if self.packets.is_multiple_of(PACKETS_PER_PAGE) {
                self.flush()?;
            }
        }
        self.rest.drain(..whole);
        Ok(())
    }

    /// Brings what was written to the disk, but for the part of a block that is left over.
    ///
    /// # Errors
    /// An I/O error when the disk refuses.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some((packet, granule)) = self.pending.take() {
            self.writer.write_packet(packet, SERIAL, PacketWriteEndInfo::EndPage, granule)?;
            self.writer.inner_mut().flush()?;
        }
        Ok(())
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Completes the file; the last block is filled up with silence that players cut off again.
    ///
    /// # Errors
    /// An I/O error when the disk refuses.
    pub fn finish(mut self) -> io::Result<()> {
        // One block more than the samples need brings out what the encoder still holds back.
        let held = self.encoder.lookahead_samples();
        let blocks = (self.rest.len() + held).div_ceil(self.block_samples).max(1);
        self.rest.resize(blocks * self.block_samples, 0);
        for block in 0..blocks {
            self.encode_block(block * self.block_samples)?;
        }
        let end = self.pre_skip() + self.rate.convert(self.taken, Hz::K48);
        let (packet, _) = self.pending.take().expect("one block at least was just encoded");
        self.writer.write_packet(packet, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        self.writer.inner_mut().flush()
    }

    fn write_heads(&mut self) -> io::Result<()> {
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend((self.pre_skip() as u16).to_le_bytes());
        head.extend(self.rate.0.to_le_bytes());
        head.extend([0, 0, 0]); // No gain; channel mapping family 0.
        self.writer.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        let vendor = concat!("roomtone ", env!("CARGO_PKG_VERSION"));
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor.as_bytes());
        tags.extend(0u32.to_le_bytes());
        self.writer.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)
    }

    /// Encodes a block; the packet before it goes onto its page.
    fn encode_block(&mut self, start: usize) -> io::Result<()> {
        self.packet.clear();
        let block = &self.rest[start..start + self.block_samples];
        self.encoder.encode_into(block, &mut self.packet).map_err(io::Error::other)?;
        self.packets += 1;
        let granule = self.packets * Hz::K48.samples_in(BLOCK) as u64;
        match self.pending.replace((self.packet.to_vec(), granule)) {
            Some((packet, granule)) => {
                self.writer.write_packet(packet, SERIAL, PacketWriteEndInfo::NormalPacket, granule)
            }
            None => Ok(()),
        }
    }

    /// The encoder's delay, in the 48 kHz that Ogg Opus counts in.
    fn pre_skip(&mut self) -> u64 {
        self.rate.convert(self.encoder.lookahead_samples() as u64, Hz::K48)
    }
}

/// There is one stream in our files.
const SERIAL: u32 = 1;
/// One second.
const PACKETS_PER_PAGE: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_with_its_length_and_sound() {
        let path = std::env::temp_dir().join(format!("roomtone-ogg-{}.opus", std::process::id()));
        let tone: Vec<i16> = (0..16_100).map(|n| (f32::sin(n as f32 * 0.1) * 8_000.0) as i16).collect();
        let mut file = OggOpusFile::create(&path, Hz::K16).unwrap();
        tone.chunks(77).for_each(|chunk| file.write(chunk).unwrap());
        file.finish().unwrap();
        let sound = crate::audio::Sound::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(sound.samples.len(), 48_300);
        // 0.1 rad at 16 kHz is 0.0333 rad at 48 kHz. Opus for speech shifts low tones by a fraction of a millisecond.
        let at = |n: i32| f32::sin(n as f32 * 0.1 / 3.0);
        let likeness = |lag: i32| {
            let (dot, power) = (6_000..42_000).fold((0.0, 0.0), |(dot, power), n| {
                let got = f32::from(sound.samples[(n + lag) as usize]);
                (dot + got * at(n), power + got * got)
            });
            dot / f32::sqrt(power * 18_000.0)
        };
        let best = (-24..=24).map(likeness).fold(0.0, f32::max);
        assert!(best > 0.99, "likeness {best}");
    }
}
