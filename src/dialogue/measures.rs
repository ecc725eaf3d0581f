//! What is measured of the conversations of this process.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{TurnFigures, TurnPart};
use crate::{
    conversation::turn::TurnEvent,
    stats::{Latency, LatencyCounts},
};

/// What all conversations of this process came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DialogueMeasures {
    /// Conversations that go on.
    pub sessions: u64,
    /// Turns of people, by how they ended: `answered`, `aside`, `empty`, `not-understood`, `left`.
    pub turns: BTreeMap<String, u64>,
    /// Speech into the agent's, by what came of it: `interrupted`, or why it went on: `back-channel`, `noise`,
    /// `nothing-understood`, `left`.
    pub barge_ins: BTreeMap<String, u64>,
    /// Replies that did not come in time, or did not end.
    pub overdue: u64,
    /// Sentences that no voice said.
    pub unsaid: u64,
    /// Conversations that were left to people, each time.
    pub handed_over: u64,
    /// From the last sound of a person to the first of the agent.
    pub answer: LatencyCounts,
    /// The parts of that, by name.
    pub parts: Vec<(&'static str, LatencyCounts)>,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) sessions: AtomicU64,
    turns: Mutex<BTreeMap<String, u64>>,
    barge_ins: Mutex<BTreeMap<String, u64>>,
    overdue: AtomicU64,
    pub(super) unsaid: AtomicU64,
    handed_over: AtomicU64,
    answer: Latency,
    parts: [Latency; TurnPart::ALL.len()],
}

pub(super) static COUNTERS: std::sync::LazyLock<Counters> = std::sync::LazyLock::new(Counters::default);

impl Counters {
    pub(super) fn on_event(&self, event: &TurnEvent) {
        match event {
            TurnEvent::TurnEnded { how, .. } => count(&self.turns, how),
            TurnEvent::AgentInterrupted { .. } => count(&self.barge_ins, &"interrupted"),
            TurnEvent::AgentResumed { because, .. } => count(&self.barge_ins, because),
            TurnEvent::HandedOver => drop(self.handed_over.fetch_add(1, Ordering::Relaxed)),
            TurnEvent::ReplyOverdue { .. } => drop(self.overdue.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
    }

    pub(super) fn on_figures(&self, figures: &TurnFigures) {
        self.answer.note(figures.total());
        for (part, ms) in &figures.parts_ms {
            self.parts[*part as usize].note(Duration::from_secs_f64(ms / 1e3));
        }
    }
}

/// By the name that notes and logs have for it.
fn count(counts: &Mutex<BTreeMap<String, u64>>, what: &impl serde::Serialize) {
    let name = serde_json::to_value(what).ok().and_then(|value| value.as_str().map(str::to_owned));
    *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name.unwrap_or_default()).or_default() += 1;
}

/// What was measured in this process.
pub fn measures() -> DialogueMeasures {
    let counters = &*COUNTERS;
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let of = |counts: &Mutex<BTreeMap<String, u64>>| counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    DialogueMeasures {
        sessions: get(&counters.sessions),
        turns: of(&counters.turns),
        barge_ins: of(&counters.barge_ins),
        overdue: get(&counters.overdue),
        unsaid: get(&counters.unsaid),
        handed_over: get(&counters.handed_over),
        answer: counters.answer.counts(),
        parts: TurnPart::ALL.iter().map(|part| (part.name(), counters.parts[*part as usize].counts())).collect(),
    }
}
