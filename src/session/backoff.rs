//! How long to wait before trying again: longer each time, and never the same for two agents.

use std::time::Duration;

/// An exponential back-off with jitter: each wait is drawn from the upper half of a span that doubles up to a limit,
/// so that a thousand agents cut off at once do not come back at once.
///
/// ```
/// let mut backoff = roomtone::session::Backoff::with_seed(7);
/// let first = backoff.next_wait();
/// assert!(first.as_millis() <= 200);
/// (0..20).for_each(|_| drop(backoff.next_wait()));
/// assert!(backoff.next_wait().as_millis() >= 2_500);
/// ```
#[derive(Debug)]
pub struct Backoff {
    rng: fastrand::Rng,
    attempts: u32,
}

impl Backoff {
    /// A back-off whose draws follow from `seed`.
    pub fn with_seed(seed: u64) -> Backoff {
        Backoff { rng: fastrand::Rng::with_seed(seed), attempts: 0 }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = wait(FIRST, LONGEST, self.attempts, self.rng.f64());
        self.attempts += 1;
        wait
    }

    /// It worked: start again with short waits.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Waits since the last reset.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// A wait from the upper half of a span that has doubled so often; `drawn`, from 0 to 1, says where in it.
pub(crate) fn wait(first: Duration, longest: Duration, doublings: u32, drawn: f64) -> Duration {
    let span = first.saturating_mul(1 << doublings.min(20)).min(longest);
    span.mul_f64(0.5 + drawn / 2.0)
}

/// Most cuts are over at once.
const FIRST: Duration = Duration::from_millis(200);
/// Long enough to spare a server in trouble, short enough that people do not leave.
const LONGEST: Duration = Duration::from_secs(5);
