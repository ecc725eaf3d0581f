//! The options of `scribe`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use roomtone::{
    agent::OptionsError,
    archive::recording::Format,
    conversation::{
        EngineError,
        listening::{ActivitySettings, ListeningSettings, NoiseFilter, Parts, PlatformVoice, VoiceActivity},
        transcript::Redaction,
    },
    speech::{
        Chain, ChainLink, TranscriberSettings,
        engines::{EngineConfig, Folder, open, open_detector, open_noise_filter},
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
    pub(super) activity: Activity,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Activity {
    /// What hears it: `earshot` or `silero`.
    detector: String,
    /// Whether noise is taken out before that.
    denoise: bool,
    threshold: f32,
    threshold_off: f32,
    #[serde(deserialize_with = "units::duration::deserialize")]
    start: Duration,
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub(super) end: Duration,
    #[serde(deserialize_with = "units::duration::deserialize")]
    pre_roll: Duration,
    gate_dbfs: f64,
    platform: PlatformVoice,
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
            activity: Activity::default(),
            folder: None,
            record: None,
            names: false,
            redact: Redaction::default(),
            retain: None,
            least_free: 1 << 30,
        }
    }
}

impl Default for Activity {
    fn default() -> Activity {
        let ActivitySettings { threshold, threshold_off, start, end, gate_dbfs, platform, .. } =
            ActivitySettings::default();
        let pre_roll = ListeningSettings::default().pre_roll;
        Activity {
            detector: "earshot".into(),
            denoise: false,
            threshold,
            threshold_off,
            start,
            end,
            pre_roll,
            gate_dbfs,
            platform,
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
        let activity = &self.activity;
        if !(0.0..=1.0).contains(&activity.threshold_off)
            || !(activity.threshold_off..=1.0).contains(&activity.threshold)
        {
            return value("activity.threshold", "thresholds are from 0 to 1, and threshold_off is the lower one");
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(5)).contains(&activity.end) {
            return value("activity.end", "is from \"100ms\" to \"5s\"");
        }
        if activity.start > Duration::from_millis(400) || activity.pre_roll > Duration::from_secs(2) {
            return value("activity.start", "is \"400ms\" at most, and pre_roll is \"2s\"");
        }
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
        let folder = Folder::of_user();
        let mut links = Vec::new();
        for engine in &self.engines {
            let problem = |error: EngineError| OptionsError::Value { key: "engines", problem: error.to_string() };
            let pool = open(engine, &folder).await.map_err(problem)?;
            if !pool.about().languages.include(&self.language) {
                let (name, known) = (&engine.name, &pool.about().languages);
                let problem = format!("{:?} is not among the languages of {name} ({known})", self.language);
                return Err(OptionsError::Value { key: "language", problem });
            }
            links.push(ChainLink::new(pool, engine.within));
        }
        Ok(Chain::new(links))
    }

    /// How the room is listened to.
    pub(super) fn transcriber(&self) -> Result<TranscriberSettings, OptionsError> {
        let Activity { threshold, threshold_off, start, end, pre_roll, gate_dbfs, platform, .. } = self.activity;
        let activity = ActivitySettings {
            threshold,
            threshold_off,
            start,
            end,
            gate_dbfs,
            platform,
            ..ActivitySettings::default()
        };
        let parts = Arc::new(Chosen::new(&self.activity)?);
        Ok(TranscriberSettings {
            listening: ListeningSettings { activity, pre_roll, parts, ..ListeningSettings::default() },
            partials: Some(self.partials).filter(|partials| !partials.is_zero()),
            language: Some(self.language.as_str().into()),
            ..TranscriberSettings::default()
        })
    }
}

/// The parts that the options name.
struct Chosen {
    detector: Arc<dyn Fn() -> Box<dyn VoiceActivity> + Send + Sync>,
    noise: Option<fn() -> Box<dyn NoiseFilter>>,
}

impl Chosen {
    fn new(activity: &Activity) -> Result<Chosen, OptionsError> {
        let value = |key| move |problem| OptionsError::Value { key, problem };
        let detector = open_detector(&activity.detector, &Folder::of_user()).map_err(value("activity.detector"))?;
        let noise = match activity.denoise {
            true => Some(open_noise_filter().map_err(value("activity.denoise"))?),
            false => None,
        };
        Ok(Chosen { detector, noise })
    }
}

impl Parts for Chosen {
    fn voice_activity(&self) -> Box<dyn VoiceActivity> {
        (self.detector)()
    }

    fn noise_filter(&self) -> Option<Box<dyn NoiseFilter>> {
        self.noise.map(|make| make())
    }
}
