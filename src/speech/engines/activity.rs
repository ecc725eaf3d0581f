//! How a deploy says when somebody speaks: the options of every agent that listens.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;

use super::{Folder, open_detector, open_noise_filter};
use crate::{
    agent::OptionsError,
    conversation::listening::{ActivitySettings, ListeningSettings, NoiseFilter, Parts, PlatformVoice, VoiceActivity},
    units,
};

/// When somebody speaks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActivityOptions {
    /// What hears it: `earshot` or `silero`.
    pub detector: String,
    /// Whether noise is taken out before that.
    pub denoise: bool,
    /// From which probability on speech begins.
    pub threshold: f32,
    /// Below which it pauses.
    pub threshold_off: f32,
    /// How much speech makes a beginning.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub start: Duration,
    /// How long a pause is before it may be the end of a turn.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub pause: Duration,
    /// How long a pause ends an utterance.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub end: Duration,
    /// How much of what came before is part of an utterance.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub pre_roll: Duration,
    /// What is quieter than this is nobody who speaks to the room.
    pub gate_dbfs: f64,
    /// What the platform's own voice activity is good for.
    pub platform: PlatformVoice,
}

impl Default for ActivityOptions {
    fn default() -> ActivityOptions {
        let ActivitySettings { threshold, threshold_off, start, pause, end, gate_dbfs, platform } =
            ActivitySettings::default();
        let pre_roll = ListeningSettings::default().pre_roll;
        let (detector, denoise) = ("earshot".into(), false);
        ActivityOptions {
            detector,
            denoise,
            threshold,
            threshold_off,
            start,
            pause,
            end,
            pre_roll,
            gate_dbfs,
            platform,
        }
    }
}

impl ActivityOptions {
    /// For agents that answer: speech begins soon, as one that begins for nothing costs them a moment's pause; what is said across
    /// pauses is understood as one, and the turn machine closes it.
    pub fn of_conversations() -> ActivityOptions {
        let (threshold, start, end) = (0.4, Duration::from_millis(48), Duration::from_millis(1_500));
        ActivityOptions { threshold, start, end, ..ActivityOptions::default() }
    }

    /// What has the right type and cannot be.
    ///
    /// # Errors
    /// The option, and what to write.
    pub fn check(&self) -> Result<(), OptionsError> {
        let value = |key, problem: &str| Err(OptionsError::Value { key, problem: problem.into() });
        if !(0.0..=1.0).contains(&self.threshold_off) || !(self.threshold_off..=1.0).contains(&self.threshold) {
            return value("activity.threshold", "thresholds are from 0 to 1, and threshold_off is the lower one");
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(5)).contains(&self.end) {
            return value("activity.end", "is from \"100ms\" to \"5s\"");
        }
        if self.start > Duration::from_millis(400) || self.pre_roll > Duration::from_secs(2) {
            return value("activity.start", "is \"400ms\" at most, and pre_roll is \"2s\"");
        }
        if !(Duration::from_millis(60)..=Duration::from_secs(1)).contains(&self.pause) {
            return value("activity.pause", "is from \"60ms\" to \"1s\"");
        }
        Ok(())
    }

    /// How a room is listened to then.
    ///
    /// # Errors
    /// The detector or the filter that is not there.
    pub fn listening(&self, folder: &Folder) -> Result<ListeningSettings, OptionsError> {
        let ActivityOptions { threshold, threshold_off, start, pause, end, pre_roll, gate_dbfs, platform, .. } = *self;
        let activity = ActivitySettings { threshold, threshold_off, start, pause, end, gate_dbfs, platform };
        let parts = Arc::new(Chosen::new(self, folder)?);
        Ok(ListeningSettings { activity, pre_roll, parts, ..ListeningSettings::default() })
    }
}

/// The parts that the options name.
struct Chosen {
    detector: Arc<dyn Fn() -> Box<dyn VoiceActivity> + Send + Sync>,
    noise: Option<fn() -> Box<dyn NoiseFilter>>,
}

impl Chosen {
    fn new(activity: &ActivityOptions, folder: &Folder) -> Result<Chosen, OptionsError> {
        let value = |key| move |problem| OptionsError::Value { key, problem };
        let detector = open_detector(&activity.detector, folder).map_err(value("activity.detector"))?;
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
