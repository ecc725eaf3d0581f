//! One file of a recording, WAV or Ogg Opus.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    agent::AgentError,
    audio::{Hz, wav::WavFile},
    files,
};

/// The form of a recording's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// WAV, 16 bit.
    #[default]
    Wav,
    /// Ogg Opus.
    Opus,
}

/// See the module's head. A file in which there is nothing when it is dropped is removed.
pub(super) struct Recording {
    path: PathBuf,
    /// Gone once the file is complete.
    sink: Option<Sink>,
}

enum Sink {
    Wav(WavFile),
    #[cfg(feature = "opus")]
    Opus(Box<crate::audio::ogg::OggOpusFile>),
}

impl Recording {
    /// Creates a file in `folder` whose name begins with `name`; nothing that is there is written over.
    pub(super) fn create(folder: &Path, name: &str, format: Format, rate: Hz) -> Result<Recording, AgentError> {
        let extension = if format == Format::Wav { "wav" } else { "opus" };
        let (file, path) = files::create(folder, name, extension)?;
        let mut recording = Recording { path: path.clone(), sink: None };
        recording.sink = Some(match format {
            Format::Wav => Sink::Wav(WavFile::in_file(file, &path, rate, 1)?),
            #[cfg(feature = "opus")]
            Format::Opus => {
                let file = crate::audio::ogg::OggOpusFile::in_file(file, rate);
                Sink::Opus(Box::new(file.map_err(|error| failure(&path, &error))?))
            }
            #[cfg(not(feature = "opus"))]
            Format::Opus => return Err("this build has no Opus".into()),
        });
        Ok(recording)
    }

    /// Whether somebody has removed it.
    pub(super) fn is_gone(&self) -> bool {
        self.sink.is_some() && !self.path.exists()
    }

    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn write(&mut self, samples: &[i16]) -> Result<(), AgentError> {
        match &mut self.sink {
            Some(Sink::Wav(file)) => Ok(file.write(samples)?),
            #[cfg(feature = "opus")]
            Some(Sink::Opus(file)) => file.write(samples).map_err(|error| failure(&self.path, &error)),
            None => Ok(()),
        }
    }

    pub(super) fn write_silence(&mut self, samples: u64) -> Result<(), AgentError> {
        let silence = [0; PIECE_SAMPLES as usize];
        let mut left = samples;
        while left > 0 {
            let piece = left.min(PIECE_SAMPLES);
            self.write(&silence[..piece as usize])?;
            left -= piece;
        }
        Ok(())
    }

    /// Adds samples to what was written already, from sample `at` on. `false` where the format has no way to do that.
    pub(super) fn add_at(&mut self, at: u64, samples: &[i16]) -> Result<bool, AgentError> {
        match &mut self.sink {
            Some(Sink::Wav(file)) => {
                file.add_at(at, samples)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether so many samples more fit into what the format can count.
    pub(super) fn has_room_for(&self, samples: u64) -> bool {
        match &self.sink {
            Some(Sink::Wav(file)) => file.has_room_for(samples),
            #[cfg(feature = "opus")]
            Some(Sink::Opus(_)) => true,
            None => false,
        }
    }

    /// Brings what was written to the disk.
    pub(super) fn flush(&mut self) -> Result<(), AgentError> {
        match &mut self.sink {
            Some(Sink::Wav(file)) => Ok(file.flush()?),
            #[cfg(feature = "opus")]
            Some(Sink::Opus(file)) => file.flush().map_err(|error| failure(&self.path, &error)),
            None => Ok(()),
        }
    }

    pub(super) fn finish(mut self) -> Result<(), AgentError> {
        if self.is_empty() {
            return Ok(());
        }
        match self.sink.take() {
            Some(Sink::Wav(file)) => Ok(file.finish()?),
            #[cfg(feature = "opus")]
            Some(Sink::Opus(file)) => file.finish().map_err(|error| failure(&self.path, &error)),
            None => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        match &self.sink {
            Some(Sink::Wav(file)) => file.is_empty(),
            #[cfg(feature = "opus")]
            Some(Sink::Opus(file)) => file.is_empty(),
            // It is complete, or was never begun.
            None => fs::metadata(&self.path).is_ok_and(|about| about.len() == 0),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.is_empty() {
            fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(feature = "opus")]
fn failure(path: &Path, error: &std::io::Error) -> AgentError {
    format!("cannot write {}: {error}", path.display()).into()
}

/// What is written at a time.
pub(super) const PIECE_SAMPLES: u64 = 4_096;
