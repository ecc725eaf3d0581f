//! What can be wrong with a sound file, and what to do about it.

use std::{fmt, io, path::PathBuf};

use symphonia::core::errors::Error as Fault;

use crate::{audio::Hz, text};

/// A file that could not be read as sound.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a sound file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// It cannot be opened.
    #[error("cannot be opened ({0}); give the path of a sound file")]
    Open(io::Error),
    /// It is a folder.
    #[error("is a folder; give the path of a sound file")]
    Folder,
    /// It cannot be read on.
    #[error("cannot be read ({0})")]
    Read(#[from] io::Error),
    /// It has no bytes.
    #[error("is an empty file; give a recording")]
    NoBytes,
    /// It is something that is known, and not read.
    #[error("is {0}, which is not read")]
    Known(&'static str),
    /// It is none of the formats that are known, or broken.
    #[error("is not sound that can be read: {0}")]
    NotSound(String),
    /// Its sample rate makes no sense.
    #[error("has a sample rate of {0}; give a recording of 4000 to 384000 Hz")]
    Rate(Hz),
    /// It holds no sample.
    #[error("holds no sound; give a recording that is longer than nothing")]
    Empty,
    /// It has Opus in it and the program was built without.
    #[error("has Opus in it, and this build has no Opus; build with the feature `opus`")]
    NoOpus,
}

impl From<Fault> for Cause {
    fn from(fault: Fault) -> Cause {
        match fault {
            Fault::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Cause::NotSound("it breaks off before its first sound".into())
            }
            Fault::IoError(error) => Cause::Read(error),
            fault => Cause::NotSound(fault.to_string()),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = text::printable(&self.path.display().to_string(), 400);
        write!(f, "{path}: {}", text::line(&self.cause.to_string()))?;
        match self.cause {
            Cause::Known(_) | Cause::NotSound(_) | Cause::NoOpus => write!(
                f,
                "; give a WAV, FLAC, MP3, Ogg, M4A, WebM, AIFF or CAF file, or convert it: ffmpeg -i {} -ac 1 out.wav",
                quoted(&path)
            ),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// As a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}
