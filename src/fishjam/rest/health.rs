//! Whether REST serves at all, by the calls that are made anyway.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{RestError, RestErrorKind};
pub use crate::platform::Failing;

/// See the module's head.
#[derive(Debug, Default)]
pub struct RestHealth(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When a call was last served.
    served: Option<Instant>,
    failing: Option<(Instant, Failing)>,
}

impl RestHealth {
    /// Whether it fails now.
    pub fn failing(&self) -> Option<Failing> {
        let state = self.0.lock().expect("no holder panics");
        state.failing.clone().map(|(since, failing)| Failing { lasts: since.elapsed(), ..failing })
    }

    /// For how long no call was served.
    pub fn unserved_for(&self) -> Option<Duration> {
        self.0.lock().expect("no holder panics").served.map(|at| at.elapsed())
    }

    pub(super) fn note(&self, error: Option<&RestError>) {
        use RestErrorKind::{Timeout, Unauthorized, Unavailable, Unreachable, Unreadable};
        let fails =
            |error: &&RestError| matches!(error.kind, Unauthorized | Unavailable | Unreachable | Timeout | Unreadable);
        let now = Instant::now();
        let mut state = self.0.lock().expect("no holder panics");
        match error.filter(fails) {
            None => *state = State { served: Some(now), failing: None },
            Some(error) => {
                let since = state.failing.as_ref().map_or(now, |(since, _)| *since);
                let is_refused = error.kind == Unauthorized;
                state.failing = Some((since, Failing { lasts: Duration::ZERO, why: error.to_string(), is_refused }));
            }
        }
    }
}
