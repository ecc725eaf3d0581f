//! The options of `scribe`.

use std::{path::PathBuf, time::Duration};

use roomtone::{
    agent::OptionsError,
    archive::recording::Format,
    conversation::transcript::Redaction,
    speech::{
        Chain, TranscriberSettings,
        engines::{ActivityOptions, EngineConfig, Folder, open_ears},
    },
    units,
};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// The engines, in the order in which they are asked.
    pub(super) engines: Vec<EngineConfig>,
    /// The language that is spoken.
    language: String,
    /// How much more speech makes another partial caption; zero for none.
    #[serde(deserialize_with = "units::duration::deserialize")]
    partials: Duration,
    /// When somebody speaks.
    pub(super) activity: ActivityOptions,
    /// Where transcripts go: a folder for each room in here. Without one captions are notes alone.
    pub(super) folder: Option<PathBuf>,
    /// Whether sound is kept beside them, and in which form.
    pub(super) record: Option<Record>,
    /// Whether people's names are in it.
    pub(super) names: bool,
    /// What is taken out of every caption.
    pub(super) redact: Redaction,
    /// How long files are kept.
    #[serde(deserialize_with = "units::duration::deserialize_some")]
    pub(super) retain: Option<Duration>,
    /// With less room on the disk than this no more sound is kept; with a tenth of it, no more text.
    #[serde(deserialize_with = "units::bytes::deserialize")]
    pub(super) least_free: u64,
}

/// What is kept of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) mix: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            engines: vec![EngineConfig::named("moonshine")],
            language: "en".into(),
            partials: Duration::from_millis(700),
            activity: ActivityOptions::default(),
            folder: None,
            record: None,
            names: false,
            redact: Redaction::default(),
            retain: None,
            least_free: 1 << 30,
        }
    }
}

impl Options {
    /// What has the right type and cannot be.
    pub(super) fn check(&self) -> Result<(), OptionsError> {
        let value = |key, problem: &str| Err(OptionsError::Value { key, problem: problem.into() });
        if self.engines.is_empty() {
            return value("engines", "names no engine; write [\"moonshine\"]");
        }
        if !self.partials.is_zero() && self.partials < Duration::from_millis(200) {
            return value("partials", "is less than \"200ms\"; \"0s\" is for none");
        }
        self.activity.check()?;
        if self.folder.is_none() && (self.record.is_some() || self.retain.is_some()) {
            return value("folder", "is not given, so there is nothing to record into or to retain");
        }
        if self.record.is_some_and(|record| record.format == Format::Opus) && !cfg!(feature = "opus") {
            return value("record.format", "this build has no Opus; use \"wav\"");
        }
        if self.retain.is_some_and(|retain| retain < Duration::from_secs(60)) {
            return value("retain", "is less than a minute; leave `folder` out to keep nothing");
        }
        Ok(())
    }

    /// Loads the engines.
    pub(super) async fn chain(&self) -> Result<Chain, OptionsError> {
        open_ears("engines", &self.engines, &self.language, &Folder::of_user()).await
    }

    /// How the room is listened to.
    pub(super) fn transcriber(&self) -> Result<TranscriberSettings, OptionsError> {
        Ok(TranscriberSettings {
            listening: self.activity.listening(&Folder::of_user())?,
            partials: Some(self.partials).filter(|partials| !partials.is_zero()),
            language: Some(self.language.as_str().into()),
            ..TranscriberSettings::default()
        })
    }
}
