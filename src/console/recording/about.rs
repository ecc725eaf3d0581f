//! `session.toml`: which agent it was, with which options.

use std::{io::Write, path::Path};

use serde::{Deserialize, Serialize};
use toml::Table;

use super::RecordingError;
use crate::files::create_new;

/// What a session is made of beside what comes from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// The version that kept it.
    pub(super) roomtone: String,
    pub(super) agent: String,
    /// What random numbers begin with.
    pub(super) seed: u64,
    /// How far ahead of what is heard the voice was queued.
    pub(super) lead_ms: u64,
    #[serde(default)]
    pub(super) options: Table,
}

impl About {
    pub(super) fn new(agent: &str, options: &Table) -> About {
        let (roomtone, seed) = (env!("CARGO_PKG_VERSION").to_owned(), u64::from(fastrand::u32(..)));
        About { roomtone, agent: agent.to_owned(), seed, lead_ms: 0, options: options.clone() }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), RecordingError> {
        let path = folder.join(NAME);
        let text = toml::to_string(self).map_err(|error| RecordingError::of(&path, error))?;
        let mut file = create_new(&path).map_err(|error| RecordingError::of(&path, error))?;
        file.write_all(text.as_bytes()).map_err(|error| RecordingError::of(&path, error))
    }

    pub(super) fn read(folder: &Path) -> Result<About, RecordingError> {
        let path = folder.join(NAME);
        let text = crate::text::of_file(&path).map_err(RecordingError)?;
        toml::from_str(&text).map_err(|error| RecordingError::of(&path, error.to_string().trim().replace('\n', " ")))
    }
}

pub(super) const NAME: &str = "session.toml";
