//! What a session does about a link that broke: renews the token, waits and connects again, or gives up.

use std::time::{Duration, Instant};

use super::{Phase, Session};
use crate::{
    net::limits,
    session::{Captures, Ending, Output, Report, TokenFault},
    signal::CloseReason,
};

impl Session {
    pub(super) fn crashes_too_often(&mut self, now: Instant) -> bool {
        self.crashes.retain(|at| now - *at < CRASH_WINDOW);
        self.crashes.push_back(now);
        self.crashes.len() >= MOST_CRASHES
    }

    pub(super) fn refresh_token(&mut self, now: Instant, reason: &CloseReason) {
        self.go_down(now, reason.to_string());
        self.phase = Phase::Refreshing { deadline: now + REFRESH };
        self.outputs.push_back(Output::RefreshToken);
    }

    pub(super) fn on_token(&mut self, now: Instant, result: Result<(), TokenFault>) {
        if !matches!(self.phase, Phase::Refreshing { .. }) {
            return;
        }
        match result {
            Ok(()) => {
                self.token_is_fresh = true;
                self.report(Report::TokenRefreshed);
                self.connect(now);
            }
            Err(TokenFault::Gone) => self.end(Ending::PeerRemoved),
            Err(TokenFault::Refused(why)) => self.end(Ending::TokenRefused(why)),
            Err(TokenFault::Later(why)) => self.retry(now, why),
        }
    }

    /// The link is gone: mend it.
    pub(super) fn lose(&mut self, now: Instant, reason: String) {
        // A link that breaks at once each time must not be opened at once each time.
        if self.has_been_stable(now) {
            self.backoff.reset();
        }
        self.live_since = None;
        if self.joined && self.down_since.is_none() {
            self.go_down(now, reason.clone());
        }
        self.retry(now, reason);
    }

    pub(super) fn go_down(&mut self, now: Instant, reason: String) {
        if self.down_since.is_none() {
            self.down_since = Some(now);
            self.report(Report::Lost { reason });
        }
        self.answer(Captures::on_link_down);
    }

    pub(super) fn has_been_stable(&self, now: Instant) -> bool {
        self.live_since.is_some_and(|since| now - since >= limits::STABLE)
    }

    /// Waits and connects again, unless that has gone on for too long.
    pub(super) fn retry(&mut self, now: Instant, reason: String) {
        self.retry_after(now, Duration::ZERO, reason);
    }

    /// The same, and waits `at_least` so long.
    pub(super) fn retry_after(&mut self, now: Instant, at_least: Duration, reason: String) {
        let away = self.down_since.map_or(Duration::ZERO, |since| now - since);
        let patience = if self.joined { self.options.link_patience } else { self.options.join_patience };
        let wait = self.backoff.next_wait().max(at_least);
        if away + wait > patience {
            let attempts = self.backoff.attempts();
            self.end(Ending::LinkGone { attempts, after: away, last: reason });
            return;
        }
        self.report(Report::Retrying { attempt: self.backoff.attempts(), wait, reason });
        self.phase = Phase::Waiting { until: now + wait };
    }
}

/// How long REST may take for a new token, its own retries included.
pub(super) const REFRESH: Duration = Duration::from_secs(15);
/// Crashes within the window before it is no longer bad luck.
const MOST_CRASHES: usize = 4;
const CRASH_WINDOW: Duration = Duration::from_secs(60);
