//! How long something took, often: counts in fixed steps, without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A histogram of durations.
#[derive(Debug, Default)]
pub struct Latency {
    counts: [AtomicU64; STEPS.len() + 1],
    total_us: AtomicU64,
}

/// What a [`Latency`] has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LatencyCounts {
    /// How many lasted no longer than each of [`STEPS`], and longer than the one before; those beyond all come last.
    pub counts: [u64; STEPS.len() + 1],
    /// All of them together.
    pub total: Duration,
}

impl Latency {
    /// Counts one.
    pub fn note(&self, took: Duration) {
        self.counts[step(took)].fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> LatencyCounts {
        let counts = std::array::from_fn(|step| self.counts[step].load(Ordering::Relaxed));
        LatencyCounts { counts, total: Duration::from_micros(self.total_us.load(Ordering::Relaxed)) }
    }
}

impl LatencyCounts {
    /// Counts one.
    pub fn note(&mut self, took: Duration) {
        self.counts[step(took)] += 1;
        self.total += took;
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Within which of [`STEPS`] such a share of them lie, from 0 to 1; [`Duration::MAX`] beyond the last, `None` of nothing.
    pub fn within(&self, share: f64) -> Option<Duration> {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let steps = STEPS.into_iter().chain([Duration::MAX]);
        let found = steps.zip(self.counts).find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.filter(|_| wanted > 0).map(|(step, _)| step)
    }

    /// The mean; `None` of nothing.
    pub fn mean(&self) -> Option<Duration> {
        self.total.checked_div(u32::try_from(self.count()).ok()?)
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &LatencyCounts) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.total += other.total;
    }
}

fn step(took: Duration) -> usize {
    STEPS.iter().position(|step| took <= *step).unwrap_or(STEPS.len())
}

/// The steps of every [`Latency`].
pub const STEPS: [Duration; 12] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
];
