//! What is measured of engines.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    conversation::Nonsense,
    stats::{Latency, LatencyCounts},
};

/// What is counted of one engine. Shared by all who use it.
#[derive(Debug, Default)]
pub struct EngineStats {
    /// Utterances that were understood.
    pub(super) finals: AtomicU64,
    /// Beginnings of utterances that were.
    pub(super) partials: AtomicU64,
    /// Of those how many gave way to something more urgent.
    pub(super) shed_partials: AtomicU64,
    /// Utterances that were not understood in time, failed, or found the queue full.
    pub(super) late: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Workers that were made anew.
    pub(super) restarts: AtomicU64,
    /// Words of what was understood for good.
    pub(super) words: AtomicU64,
    /// How much speech was given to it, and how long it computed on that.
    pub(super) speech_us: AtomicU64,
    pub(super) busy_us: AtomicU64,
    pub(super) queue: Latency,
    pub(super) engine: Latency,
    pub(super) to_final: Latency,
    pub(super) partial_interval: Latency,
    /// Texts that cannot have been said.
    pub(super) nonsense: Mutex<BTreeMap<Nonsense, u64>>,
    /// Sessions that are served, and how many can be.
    pub(super) sessions: AtomicU64,
    pub(super) capacity: AtomicU64,
}

/// The same, at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineMeasures {
    /// The engine's name.
    pub name: Arc<str>,
    /// Utterances that were understood.
    pub finals: u64,
    /// Beginnings of utterances that were.
    pub partials: u64,
    /// Beginnings that gave way to something more urgent.
    pub shed_partials: u64,
    /// What was lost, by why: `late`, `failed`, `full`.
    pub lost: BTreeMap<&'static str, u64>,
    /// Texts that were dropped because they cannot have been said, by why.
    pub nonsense: BTreeMap<&'static str, u64>,
    /// Workers that were made anew.
    pub restarts: u64,
    /// Words of what was understood for good.
    pub words: u64,
    /// How much speech was given to it.
    pub speech: Duration,
    /// How long it computed on that.
    pub busy: Duration,
    /// How long utterances waited before the engine took them.
    pub queue: LatencyCounts,
    /// How long it took over one.
    pub engine: LatencyCounts,
    /// From the end of the activity to the final text.
    pub to_final: LatencyCounts,
    /// How much speech lies between two partial results of an utterance.
    pub partial_interval: LatencyCounts,
    /// Sessions that it serves.
    pub sessions: u64,
    /// Sessions that it can serve in time.
    pub capacity: u64,
}

impl EngineStats {
    pub(super) fn count(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn count_nonsense(&self, what: Nonsense) {
        *self.nonsense.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    fn measures(&self, name: &Arc<str>) -> EngineMeasures {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let nonsense = self.nonsense.lock().unwrap_or_else(PoisonError::into_inner);
        EngineMeasures {
            name: name.clone(),
            finals: get(&self.finals),
            partials: get(&self.partials),
            shed_partials: get(&self.shed_partials),
            lost: [("late", get(&self.late)), ("failed", get(&self.failed)), ("full", get(&self.refused))].into(),
            nonsense: nonsense.iter().map(|(what, n)| (what.name(), *n)).collect(),
            restarts: get(&self.restarts),
            words: get(&self.words),
            speech: Duration::from_micros(get(&self.speech_us)),
            busy: Duration::from_micros(get(&self.busy_us)),
            queue: self.queue.counts(),
            engine: self.engine.counts(),
            to_final: self.to_final.counts(),
            partial_interval: self.partial_interval.counts(),
            sessions: get(&self.sessions),
            capacity: get(&self.capacity),
        }
    }
}

impl EngineMeasures {
    /// Seconds of computing for each second of speech; `None` before there was any.
    pub fn real_time_factor(&self) -> Option<f64> {
        (!self.speech.is_zero()).then(|| self.busy.as_secs_f64() / self.speech.as_secs_f64())
    }
}

/// Engines that were loaded in this process, by name: one that is loaded again goes on counting.
static ENGINES: Mutex<BTreeMap<Arc<str>, Arc<EngineStats>>> = Mutex::new(BTreeMap::new());

/// Which engine was asked.
#[derive(Debug, Clone)]
pub struct AskedEngine {
    /// Its name, as in logs and metrics.
    pub name: Arc<str>,
    stats: Arc<EngineStats>,
}

impl AskedEngine {
    pub(super) fn named(name: Arc<str>) -> AskedEngine {
        AskedEngine { stats: register(name.clone()), name }
    }

    /// What is counted of it.
    pub fn stats(&self) -> &EngineStats {
        &self.stats
    }
}

pub(super) fn register(name: Arc<str>) -> Arc<EngineStats> {
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().clone()
}

/// What was measured of the engines that were loaded in this process.
pub fn measures() -> Vec<EngineMeasures> {
    let engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    engines.iter().map(|(name, stats)| stats.measures(name)).collect()
}
