//! Whether an engine is left alone: one that fails twice in a row is, for a while, so that its time is not waited for again and
//! again; then one job tries it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Of one engine in one chain.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    failures: u32,
    opened: Option<Instant>,
}

impl Breaker {
    pub(super) fn is_left_alone(&self) -> bool {
        self.lock().opened.is_some_and(|at| at.elapsed() < REST)
    }

    /// Whether it is asked now: it is well, or has rested and this is the one that tries it.
    pub(super) fn is_to_be_asked(&self) -> bool {
        let mut state = self.lock();
        match state.opened {
            None => true,
            Some(at) if at.elapsed() < REST => false,
            Some(_) => {
                state.opened = Some(Instant::now());
                true
            }
        }
    }

    pub(super) fn on_success(&self, engine: &str) {
        let was_left_alone = std::mem::take(&mut *self.lock()).opened.is_some();
        if was_left_alone {
            tracing::info!(engine, "the engine is well again");
        }
    }

    pub(super) fn on_failure(&self, engine: &str, error: &dyn std::fmt::Display) {
        let mut state = self.lock();
        state.failures += 1;
        if state.failures == FAILURES {
            state.opened = Some(Instant::now());
            tracing::warn!(engine, "the engine is left alone for {} s: {error}", REST.as_secs());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which links of a chain are asked, in their order, each looked at when its turn comes: with every engine left alone the first
/// is asked all the same, as no answer is worse than a late one.
pub(super) fn to_be_asked<L>(links: &[L], breaker: impl Fn(&L) -> &Breaker) -> impl Iterator<Item = &L> {
    let all_left_alone = links.iter().all(|link| breaker(link).is_left_alone());
    let first = links.first().filter(|_| all_left_alone);
    links.iter().filter(move |link| breaker(link).is_to_be_asked()).chain(first)
}

/// Failures in a row after which an engine is left alone, and for how long.
const FAILURES: u32 = 2;
const REST: Duration = Duration::from_secs(10);
