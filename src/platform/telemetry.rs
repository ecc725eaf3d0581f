//! How a platform's calls went.

use std::{collections::BTreeMap, time::Duration};

use crate::stats::LatencyCounts;

/// What was counted since the process began.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// How long calls took.
    pub calls: Vec<CallLatency>,
    /// Since when calls are not served, if they are not.
    pub failing: Option<Failing>,
    /// For how long no call has been served; `None` where none was made, or the platform has no calls.
    pub unserved_for: Option<Duration>,
    /// What could not be read of the platform's answers and notifications, by what it was.
    pub unreadable: BTreeMap<&'static str, u64>,
    /// Whether everything is told, for each platform whose link is kept here.
    pub up: BTreeMap<&'static str, bool>,
    /// Events that were told.
    pub events: u64,
    /// Events that a watcher was too slow for: it was told that it missed some, and looked again.
    pub missed_events: u64,
}

/// How long one kind of call took.
#[derive(Debug, Clone)]
pub struct CallLatency {
    /// The call, as in `POST /room`.
    pub call: String,
    /// How it ended, as in `200` or `timeout`.
    pub end: String,
    /// How long each took.
    pub counts: LatencyCounts,
}

/// Calls are not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// For how long.
    pub lasts: Duration,
    /// What the last one said.
    pub why: String,
    /// The credentials are refused.
    pub is_refused: bool,
}
