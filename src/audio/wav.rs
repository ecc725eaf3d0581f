//! WAV files that are whole at every moment: a program that is killed leaves a file that plays up to its last second.

use std::{
    fs::File,
    io::BufWriter,
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
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate.0,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let writer = hound::WavWriter::create(path, spec).map_err(|cause| WavError::new(path, cause))?;
        Ok(WavFile { path: path.to_owned(), writer, flush_every: u64::from(rate.0), since_flush: 0, channels })
    }

    /// Appends samples, channels interleaved.
    ///
    /// # Errors
    /// [`WavError`] when the disk refuses.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), WavError> {
        let written = self.write_all(samples);
        self.since_flush += samples.len() as u64 / u64::from(self.channels);
        let flushed = match self.since_flush >= self.flush_every {
            true => {
                self.since_flush = 0;
                self.writer.flush()
            }
            false => Ok(()),
        };
        written.and(flushed).map_err(|cause| WavError::new(&self.path, cause))
    }

    fn write_all(&mut self, samples: &[i16]) -> hound::Result<()> {
        if self.is_full() {
            return Err(hound::Error::IoError(std::io::Error::other("a WAV file holds 4 GiB at most")));
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

    /// Whether the file is as long as the format lets it be, 4 GiB: 37 hours of 16 kHz mono. Begin another then.
    pub fn is_full(&self) -> bool {
        let bytes = self.len_samples() * u64::from(self.channels) * 2;
        bytes + RUN as u64 * 4 > u64::from(u32::MAX)
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
#[error("cannot write {path}: {cause}")]
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
