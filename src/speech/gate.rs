//! A bounded queue before an engine: so many jobs at a time, so many that wait, in the order in which they came.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::conversation::EngineError;

/// See the module's head.
#[derive(Debug)]
pub(super) struct Gate {
    places: Semaphore,
    waiting: AtomicUsize,
}

impl Gate {
    pub(super) fn new(most_at_once: usize) -> Gate {
        Gate { places: Semaphore::new(most_at_once.clamp(1, Semaphore::MAX_PERMITS)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`EngineError::Full`] where too many wait, [`EngineError::Late`] where none came free in time.
    pub(super) async fn enter(&self, within: Duration) -> Result<SemaphorePermit<'_>, EngineError> {
        let _waits = Waits::new(&self.waiting)?;
        let place = timeout(within, self.places.acquire()).await.map_err(|_| EngineError::Late)?;
        Ok(place.expect("it is never closed"))
    }
}

/// One that waits, counted as long as it does.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Result<Waits<'a>, EngineError> {
        let waits = Waits(waiting);
        match waiting.fetch_add(1, Ordering::Relaxed) {
            n if n >= MOST_WAITING => Err(EngineError::Full),
            _ => Ok(waits),
        }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const MOST_WAITING: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_bounded_in_number_and_time() {
        let gate = Gate::new(1);
        let held = gate.enter(Duration::ZERO).await.unwrap();
        assert_eq!(gate.enter(Duration::from_secs(2)).await.unwrap_err(), EngineError::Late);
        let all = (0..300).map(|_| gate.enter(Duration::from_secs(1)));
        let all = futures_util::future::join_all(all).await;
        assert_eq!(all.iter().filter(|place| matches!(place, Err(EngineError::Full))).count(), 300 - MOST_WAITING);
        drop(held);
        assert!(gate.enter(Duration::ZERO).await.is_ok());
    }
}
