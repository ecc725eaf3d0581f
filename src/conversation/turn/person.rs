//! One person as the turn machine sees them.

use std::time::Duration;

use super::{Covers, EndDelay, Said};
use crate::event::PeerId;

/// See the module's head.
#[derive(Clone, Default)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) detector: Detector,
    pub(super) voice: Voice,
    /// When what is open began.
    pub(super) begins: Duration,
    /// The newest that was understood of it.
    pub(super) text: Option<Understood>,
    /// What stands of that: a tentative beginning does not.
    stands: String,
    pub(super) hint: Option<f32>,
    /// A turn that was the agent's already, until the same person went on before anything was heard.
    pub(super) carried: Option<Said>,
    /// What they say calls an agent back.
    pub(super) calls: bool,
    pauses: Pauses,
}

/// What a detector says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Detector {
    #[default]
    Quiet,
    Fires,
    /// It fires, and it was decided that nobody speaks.
    Dismissed,
}

/// What they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Voice {
    /// Nothing that is not dealt with.
    #[default]
    Silent,
    Speaks,
    /// Nothing since then.
    Paused(Duration),
}

#[derive(Clone)]
pub(super) struct Understood {
    pub(super) text: String,
    pub(super) covers: Covers,
    /// 0 is certain; nothing where the engine does not know.
    pub(super) confidence: Option<f32>,
}

/// The pauses that somebody makes within a turn: a mean and how far they lie from it, the newer ones more.
#[derive(Debug, Clone, Copy, Default)]
struct Pauses {
    count: u32,
    mean_s: f64,
    spread_s: f64,
}

impl std::fmt::Debug for Person {
    /// What was said, and who is called what, stays private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({:?}, {:?})", self.detector, self.voice)
    }
}

impl Person {
    pub(super) fn is_open(&self) -> bool {
        self.voice != Voice::Silent
    }

    /// Whether the agent had better be silent until it is known what this is.
    pub(super) fn may_be_speaking(&self) -> bool {
        self.detector == Detector::Fires || self.is_open()
    }

    pub(super) fn on_began(&mut self, at: Duration, now: Duration) {
        if !self.is_open() {
            (self.begins, self.voice) = (at, Voice::Speaks);
        }
        self.on_went_on(now);
    }

    pub(super) fn on_paused(&mut self, at: Duration) {
        self.detector = Detector::Quiet;
        if self.is_open() {
            self.voice = Voice::Paused(at);
        }
    }

    pub(super) fn on_went_on(&mut self, now: Duration) {
        let Voice::Paused(since) = self.voice else { return };
        self.pauses.learn(now.saturating_sub(since));
        self.voice = Voice::Speaks;
        self.hint = None;
        if let Some(understood) = self.text.as_mut().filter(|understood| understood.covers != Covers::Tentative) {
            understood.covers = Covers::Beginning;
        }
    }

    pub(super) fn on_text(&mut self, text: String, covers: Covers, confidence: Option<f32>) {
        if self.is_open() {
            if covers != Covers::Tentative {
                self.stands = text.trim().to_owned();
            }
            self.text = Some(Understood { text, covers, confidence });
        }
    }

    /// One that comes when what it is about is dealt with, and before somebody speaks again, says nothing about what comes next.
    pub(super) fn on_hint(&mut self, complete: f32) {
        if self.is_open() {
            self.hint = Some(complete);
        }
    }

    /// What was said is dealt with.
    pub(super) fn close(&mut self) {
        self.voice = Voice::Silent;
        self.text = None;
        self.stands.clear();
        self.hint = None;
        self.carried = None;
        self.calls = false;
        if self.detector == Detector::Fires {
            self.detector = Detector::Dismissed;
        }
    }

    /// What was understood, if it covers all that was said.
    pub(super) fn whole_text(&self) -> Option<&Understood> {
        self.text.as_ref().filter(|text| text.covers.is_whole())
    }

    /// What was said so far.
    pub(super) fn said(&self, id: &PeerId, now: Duration) -> Said {
        let ends = if let Voice::Paused(at) = self.voice { at } else { now };
        let stood_in = self.text.as_ref().is_some_and(|text| text.covers != Covers::All);
        let said = Said { speaker: id.clone(), text: self.stands.clone(), begins: self.begins, ends, stood_in };
        match &self.carried {
            None => said,
            Some(before) => Said { text: joined(&before.text, &said.text), begins: before.begins, ..said },
        }
    }

    /// How long this person is silent before the agent takes the turn.
    pub(super) fn end_delay(&self, delay: &EndDelay) -> Duration {
        match self.hint {
            Some(complete) if complete >= 2.0 / 3.0 => delay.complete,
            Some(complete) if complete <= 1.0 / 3.0 => delay.incomplete,
            _ if delay.learned => delay.unsure.max(self.pauses.usual().min(delay.incomplete)),
            _ => delay.unsure,
        }
    }
}

fn joined(before: &str, text: &str) -> String {
    [before, text].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

impl Pauses {
    fn learn(&mut self, pause: Duration) {
        self.count += 1;
        let newest = (1.0 / f64::from(self.count)).max(NEWEST);
        // The first one is what is usual, as far as is known.
        let away = if self.count == 1 { 0.0 } else { pause.as_secs_f64() - self.mean_s };
        if self.count == 1 {
            self.mean_s = pause.as_secs_f64();
        }
        self.mean_s += away * newest;
        self.spread_s += (away.abs() - self.spread_s) * newest;
    }

    /// Most pauses are over by then; nothing is said of somebody who made few.
    fn usual(&self) -> Duration {
        match self.count {
            0..LEAST_PAUSES => Duration::ZERO,
            _ => Duration::from_secs_f64((self.mean_s + 1.5 * self.spread_s).max(0.0)),
        }
    }
}

/// How much the newest pause counts, and how many make a habit.
const NEWEST: f64 = 0.15;
const LEAST_PAUSES: u32 = 3;
