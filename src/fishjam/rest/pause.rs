//! A server that asks to be left alone is left alone by every call of its client.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// See the module's head.
#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// No calls before `at`.
    pub(super) fn until(&self, at: Instant) {
        let mut until = self.0.lock().expect("no holder panics");
        *until = (*until).max(Some(at));
    }

    /// How long that is still.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = (*self.0.lock().expect("no holder panics"))?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}
