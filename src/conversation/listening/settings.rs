//! What can be set about listening.

use std::{fmt, sync::Arc, time::Duration};

use super::{Earshot, NoiseFilter, VoiceActivity, activity::Verdict};

/// When speech begins and ends.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivitySettings {
    /// From which probability on speech begins.
    pub threshold: f32,
    /// Below which it pauses.
    pub threshold_off: f32,
    /// How much speech makes a beginning.
    pub start: Duration,
    /// How long a pause is before it is told of, for those who decide by themselves whether it is the end.
    pub pause: Duration,
    /// How long a pause ends an utterance.
    pub end: Duration,
    /// What is quieter than this is nobody who speaks to the room: root mean square, in dB below full scale.
    pub gate_dbfs: f64,
    /// What the platform's own voice activity is good for.
    pub platform: PlatformVoice,
}

impl Default for ActivitySettings {
    fn default() -> ActivitySettings {
        ActivitySettings {
            threshold: 0.5,
            threshold_off: 0.35,
            start: Duration::from_millis(64),
            pause: Duration::from_millis(192),
            end: Duration::from_millis(500),
            gate_dbfs: -55.0,
            platform: PlatformVoice::Assist,
        }
    }
}

/// What the platform's own voice activity is good for, where it tells any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlatformVoice {
    /// Nothing.
    Ignore,
    /// While it says that somebody speaks, the lower threshold is enough to begin.
    #[default]
    Assist,
    /// Nothing begins unless it says so, too.
    Require,
}

impl ActivitySettings {
    pub(super) fn starts(&self, verdict: Verdict) -> bool {
        let threshold = match (self.platform, verdict.platform) {
            (PlatformVoice::Assist, Some(true)) => self.threshold_off,
            (PlatformVoice::Require, Some(false)) => return false,
            _ => self.threshold,
        };
        verdict.level_dbfs >= self.gate_dbfs && verdict.probability >= threshold
    }

    pub(super) fn goes_on(&self, verdict: Verdict) -> bool {
        verdict.probability >= self.threshold_off && verdict.level_dbfs >= self.gate_dbfs - GATE_HYSTERESIS_DB
    }
}

/// How a room is listened to.
#[derive(Clone)]
pub struct ListeningSettings {
    /// When speech begins and ends.
    pub activity: ActivitySettings,
    /// How much of what came before is part of an utterance.
    pub pre_roll: Duration,
    /// How long an utterance may become; then it is cut at the quietest place of its last seconds.
    pub longest: Duration,
    /// Whether what a detector takes for speech is looked at again, so that call tones and hold music are none.
    pub keep_music_out: bool,
    /// What makes the parts of each speaker.
    pub parts: Arc<dyn Parts>,
}

impl Default for ListeningSettings {
    fn default() -> ListeningSettings {
        ListeningSettings {
            activity: ActivitySettings::default(),
            pre_roll: Duration::from_millis(400),
            longest: Duration::from_secs(15),
            keep_music_out: true,
            parts: Arc::new(DefaultParts),
        }
    }
}

impl fmt::Debug for ListeningSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListeningSettings { activity, pre_roll, longest, keep_music_out, .. } = self;
        f.debug_struct("ListeningSettings")
            .field("activity", activity)
            .field("pre_roll", pre_roll)
            .field("longest", longest)
            .field("keep_music_out", keep_music_out)
            .finish_non_exhaustive()
    }
}

/// Makes what each speaker needs.
pub trait Parts: Send + Sync {
    /// What hears whether somebody speaks.
    fn voice_activity(&self) -> Box<dyn VoiceActivity> {
        Box::new(Earshot::default())
    }

    /// What takes noise away before that, if anything does.
    fn noise_filter(&self) -> Option<Box<dyn NoiseFilter>> {
        None
    }
}

struct DefaultParts;

impl Parts for DefaultParts {}

/// A voice that has passed the gate may fall this far below it.
const GATE_HYSTERESIS_DB: f64 = 6.0;
