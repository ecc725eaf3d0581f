//! WAV files that are whole at every moment: a program that is killed leaves a file that plays up to its last flush.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::format::Hz;

/// A 16-bit WAV file in the making. Memory does not grow with its length.
pub struct WavFile {
    path: PathBuf,
    writer: hound::WavWriter<BufWriter<File>>,
    /// Samples of one channel between two renewals of the header: one second.
    flush_every: u64,
    since_flush: u64,
    channels: u16,
}

impl WavFile {
    /// Creates the file, replacing what is there.
    ///
    /// # Errors
    /// [`WavError`] when the file cannot be created.
    pub fn create(path: &Path, rate: Hz, channels: u16) -> Result<WavFile, WavError> {
        let file = File::create(path).map_err(|cause| WavError::new(path, cause.into()))?;
        WavFile::in_file(file, path, rate, channels)
    }

    /// Writes into `file`, which is empty and lies at `path`. The file is one that plays from here on.
    ///
    /// # Errors
    /// [`WavError`] when the disk refuses.
    pub fn in_file(file: File, path: &Path, rate: Hz, channels: u16) -> Result<WavFile, WavError> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate.0,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let fail = |cause| WavError::new(path, cause);
        let mut writer = hound::WavWriter::new(BufWriter::new(file), spec).map_err(fail)?;
        writer.flush().map_err(fail)?;
        Ok(WavFile { path: path.to_owned(), writer, flush_every: u64::from(rate.0), since_flush: 0, channels })
    }

    /// Appends samples, channels interleaved.
    ///
    /// # Errors
    /// [`WavError`] when the disk refuses.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), WavError> {
        let is_first = self.is_empty();
        let written = self.write_all(samples);
        self.since_flush += samples.len() as u64 / u64::from(self.channels);
        let flushed = if is_first || self.since_flush >= self.flush_every { self.flush() } else { Ok(()) };
        written.map_err(|cause| WavError::new(&self.path, cause)).and(flushed)
    }

    /// Brings what was written to the disk, with a header that says so.
    ///
    /// # Errors
    /// [`WavError`] when the disk refuses.
    pub fn flush(&mut self) -> Result<(), WavError> {
        if std::mem::take(&mut self.since_flush) == 0 {
            return Ok(());
        }
        self.writer.flush().map_err(|cause| WavError::new(&self.path, cause))
    }

    /// Adds samples of a mono file to those that were written, from sample `at` on; what is behind its end is left out.
    ///
    /// # Errors
    /// [`WavError`] when the disk refuses.
    pub fn add_at(&mut self, at: u64, samples: &[i16]) -> Result<(), WavError> {
        let fail = |cause: io::Error| WavError::new(&self.path, cause.into());
        self.writer.flush().map_err(|cause| WavError::new(&self.path, cause))?;
        let length = self.len_samples().saturating_sub(at).min(samples.len() as u64) as usize;
        let file = OpenOptions::new().read(true).write(true).open(&self.path).map_err(fail)?;
        let (mut bytes, place) = (vec![0; 2 * length], HEAD_BYTES + 2 * at);
        file.read_exact_at(&mut bytes, place).map_err(fail)?;
        for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *pair = i16::from_le_bytes(*pair).saturating_add(*sample).to_le_bytes();
        }
        file.write_all_at(&bytes, place).map_err(fail)
    }

    fn write_all(&mut self, samples: &[i16]) -> hound::Result<()> {
        if !self.has_room_for(samples.len() as u64 / u64::from(self.channels)) {
            return Err(hound::Error::IoError(io::Error::other("a WAV file holds 4 GiB at most")));
        }
        for run in samples.chunks(RUN) {
            let mut writer = self.writer.get_i16_writer(run.len() as u32);
            run.iter().for_each(|sample| writer.write_sample(*sample));
            writer.flush()?;
        }
        Ok(())
    }

    /// Samples of one channel so far.
    pub fn len_samples(&self) -> u64 {
        u64::from(self.writer.duration())
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len_samples() == 0
    }

    /// Whether so many samples of each channel more fit into what the format can count, 4 GiB: 37 hours of 16 kHz mono.
    /// If not, begin another file.
    pub fn has_room_for(&self, samples: u64) -> bool {
        let bytes = self.len_samples().saturating_add(samples).saturating_mul(u64::from(self.channels) * 2);
        bytes <= u64::from(u32::MAX) - HEAD_BYTES
    }

    /// Completes the file.
    ///
    /// # Errors
    /// [`WavError`] when the disk refuses.
    pub fn finish(self) -> Result<(), WavError> {
        self.writer.finalize().map_err(|cause| WavError::new(&self.path, cause))
    }
}

/// Writes a whole recording.
///
/// # Errors
/// [`WavError`] when the disk refuses.
pub fn write(path: &Path, rate: Hz, channels: u16, samples: &[i16]) -> Result<(), WavError> {
    let mut file = WavFile::create(path, rate, channels)?;
    file.write(samples)?;
    file.finish()
}

/// A WAV file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {cause}", path.display())]
pub struct WavError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    #[source]
    pub cause: hound::Error,
}

impl WavError {
    fn new(path: &Path, cause: hound::Error) -> WavError {
        WavError { path: path.to_owned(), cause }
    }
}

/// Samples handed to the writer at a time; bounds its buffer.
const RUN: usize = 48_000;
/// What is in front of the samples of a file of one or two channels.
const HEAD_BYTES: u64 = 44;

/// A WAV file in memory, mono, 16 bit.
pub(crate) fn bytes(rate: Hz, samples: &[i16]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate.0,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("memory takes all");
    samples.iter().for_each(|sample| writer.write_sample(*sample).expect("memory takes all"));
    writer.finalize().expect("memory takes all");
    file.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Sound;

    #[test]
    fn it_plays_from_its_first_block_on_and_late_sound_is_added() {
        let path = std::env::temp_dir().join(format!("roomtone-wav-{}.wav", std::process::id()));
        let mut file = WavFile::create(&path, Hz::K16, 1).unwrap();
        file.write(&[100; 320]).unwrap();
        assert_eq!(Sound::read(&path).unwrap().samples, [100; 320], "as if it were killed now");
        file.write(&[100; 320]).unwrap();
        file.add_at(600, &[7; 100]).unwrap();
        file.write(&[100; 320]).unwrap();
        file.finish().unwrap();
        let samples = Sound::read(&path).unwrap().samples;
        std::fs::remove_file(&path).unwrap();
        assert_eq!(samples, [vec![100; 600], vec![107; 40], vec![100; 320]].concat());
    }
}
