//! Stretches of speech, out of a detector's verdicts.

use std::time::Duration;

use super::ActivitySettings;
use crate::conversation::Spoken;

/// What hears whether somebody speaks. One for each speaker.
pub trait VoiceActivity: Send {
    /// How many samples it looks at at a time, at [`Spoken::RATE`].
    fn block_samples(&self) -> usize;

    /// How sure it is that the next block is speech, from 0 to 1. Called for each block in its order, in the agent's
    /// task: it should take microseconds.
    fn probability(&mut self, block: &[i16]) -> f32;

    /// What follows has nothing to do with what came before.
    fn reset(&mut self);
}

/// A machine that makes stretches out of verdicts: quiet → candidate → speaking → trailing → quiet. Thresholds have a
/// hysteresis, so that a voice that fades does not flutter, and lengths are counted in samples.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    settings: ActivitySettings,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Quiet,
    /// It may be speech, since `from`; the last block that was lies before `last`.
    Candidate {
        from: u64,
        speech: u64,
        last: u64,
    },
    Speaking,
    /// Nothing was said since `from`; that has lasted for long enough to be told.
    Trailing {
        from: u64,
        told: bool,
    },
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActivityChange {
    /// Somebody speaks, since this sample.
    Began(u64),
    /// Nothing was said since this sample; it may go on.
    Paused(u64),
    /// It goes on.
    WentOn,
    /// Nothing was said since this sample.
    Ended(u64),
}

/// How one block sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub(super) probability: f32,
    pub(super) level_dbfs: f64,
    /// The platform says that somebody speaks; `None` where it says nothing.
    pub(super) platform: Option<bool>,
}

impl Activity {
    /// Quiet.
    pub(super) fn new(settings: ActivitySettings) -> Activity {
        Activity { settings, state: State::Quiet }
    }

    /// Takes the verdict on the `samples` samples from `index` on.
    pub(super) fn handle(&mut self, index: u64, samples: u64, verdict: Verdict) -> Option<ActivityChange> {
        let end = index + samples;
        let starts = self.settings.starts(verdict);
        let goes_on = self.settings.goes_on(verdict);
        let (least, longest_pause) = (samples_in(self.settings.start), samples_in(self.settings.end));
        match self.state {
            State::Quiet if starts => self.state = State::Candidate { from: index, speech: samples, last: end },
            State::Quiet => {}
            State::Candidate { from, speech, .. } if goes_on => {
                self.state = State::Candidate { from, speech: speech + samples, last: end };
            }
            State::Candidate { last, .. } if end - last > CANDIDATE_PAUSE => self.state = State::Quiet,
            State::Candidate { .. } => {}
            State::Speaking if !goes_on => self.state = State::Trailing { from: index, told: false },
            State::Speaking => {}
            State::Trailing { told, .. } if goes_on => {
                self.state = State::Speaking;
                return told.then_some(ActivityChange::WentOn);
            }
            State::Trailing { from, .. } if end - from >= longest_pause => {
                self.state = State::Quiet;
                return Some(ActivityChange::Ended(from));
            }
            State::Trailing { from, told: false } if end - from >= samples_in(self.settings.pause) => {
                self.state = State::Trailing { from, told: true };
                return Some(ActivityChange::Paused(from));
            }
            State::Trailing { .. } => {}
        }
        match self.state {
            State::Candidate { from, speech, .. } if speech >= least => {
                self.state = State::Speaking;
                Some(ActivityChange::Began(from))
            }
            _ => None,
        }
    }

    /// Since which sample there is a pause of which was told.
    pub(super) fn paused_since(&self) -> Option<u64> {
        match self.state {
            State::Trailing { from, told: true } => Some(from),
            _ => None,
        }
    }

    /// Nothing comes any more after sample `index`: whoever speaks has stopped.
    pub(super) fn stop(&mut self, index: u64) -> Option<ActivityChange> {
        let from = match self.state {
            State::Speaking => Some(index),
            State::Trailing { from, .. } => Some(from),
            State::Quiet | State::Candidate { .. } => None,
        };
        self.state = State::Quiet;
        from.map(ActivityChange::Ended)
    }
}

pub(super) fn samples_in(time: Duration) -> u64 {
    Spoken::RATE.samples_in(time) as u64
}

/// A candidate that is not speech for this long was none: 100 ms.
const CANDIDATE_PAUSE: u64 = 1_600;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(verdicts: &[f32]) -> Vec<ActivityChange> {
        let settings = ActivitySettings {
            start: Duration::from_millis(48),
            end: Duration::from_millis(160),
            pause: Duration::from_millis(160),
            ..ActivitySettings::default()
        };
        let mut activity = Activity::new(settings);
        let verdict = |probability: f32| Verdict { probability, level_dbfs: -20.0, platform: None };
        let step = |(n, p): (usize, &f32)| activity.handle(n as u64 * 256, 256, verdict(*p));
        verdicts.iter().enumerate().filter_map(step).collect()
    }

    #[test]
    fn a_click_is_no_speech_and_a_word_is_from_its_first_block() {
        assert_eq!(run(&[[0.0; 5].as_slice(), &[0.9], &[0.0; 20]].concat()), []);
        let began = run(&[[0.0; 5].as_slice(), &[0.9; 5], &[0.0; 20]].concat());
        assert_eq!(began, [ActivityChange::Began(5 * 256), ActivityChange::Ended(10 * 256)]);
    }

    #[test]
    fn a_pause_is_told_before_it_ends_an_utterance_and_so_is_what_follows() {
        let settings = ActivitySettings {
            start: Duration::from_millis(48),
            pause: Duration::from_millis(64),
            end: Duration::from_millis(320),
            ..ActivitySettings::default()
        };
        let mut activity = Activity::new(settings);
        let verdict = |probability: f32| Verdict { probability, level_dbfs: -20.0, platform: None };
        let said = [[0.9; 10].as_slice(), &[0.0; 3], &[0.9; 5], &[0.0; 6], &[0.9; 5], &[0.0; 30]].concat();
        let changes = said.iter().zip(0_u64..).filter_map(|(p, n)| activity.handle(n * 256, 256, verdict(*p)));
        let changes: Vec<ActivityChange> = changes.collect();
        use ActivityChange::{Began, Ended, Paused, WentOn};
        assert_eq!(changes, [Began(0), Paused(18 * 256), WentOn, Paused(29 * 256), Ended(29 * 256)]);
    }

    #[test]
    fn between_the_thresholds_nothing_begins_and_nothing_ends() {
        assert_eq!(run(&[0.4; 40]), []);
        assert_eq!(run(&[[0.9; 5].as_slice(), &[0.4; 40]].concat()), [ActivityChange::Began(0)]);
    }

    #[test]
    fn a_breath_does_not_end_an_utterance() {
        let said = [[0.9; 10].as_slice(), &[0.0; 9], &[0.9; 10], &[0.0; 30]].concat();
        assert_eq!(run(&said), [ActivityChange::Began(0), ActivityChange::Ended(29 * 256)]);
    }

    #[test]
    fn what_is_too_quiet_is_not_meant() {
        let mut activity = Activity::new(ActivitySettings::default());
        let verdict = Verdict { probability: 1.0, level_dbfs: -70.0, platform: None };
        assert!((0..100).all(|n| activity.handle(n * 256, 256, verdict).is_none()));
    }
}
