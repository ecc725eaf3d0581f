//! How long REST calls took, by what was called and how it ended.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use crate::stats::{Latency, LatencyCounts};

/// See the module's head.
#[derive(Debug, Default)]
pub struct RestStats(Mutex<BTreeMap<(String, String), Latency>>);

impl RestStats {
    /// For each call, such as `POST room/ID/peer`, and its end, an HTTP status or `none`: how long attempts took.
    pub fn counts(&self) -> Vec<(String, String, LatencyCounts)> {
        let calls = self.0.lock().expect("no holder panics");
        calls.iter().map(|((call, end), latency)| (call.clone(), end.clone(), latency.counts())).collect()
    }

    pub(super) fn note(&self, method: &str, path: &str, status: Option<u16>, took: Duration) {
        let end = status.map_or("none".to_owned(), |status| status.to_string());
        let mut calls = self.0.lock().expect("no holder panics");
        calls.entry((format!("{method} {}", without_ids(path)), end)).or_default().note(took);
    }
}

/// `room/ID/peer/ID` for all rooms and peers: in Fishjam's paths every other part is an id.
fn without_ids(path: &str) -> String {
    let parts = path.split('/').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { "ID" } else { part }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_without_their_ids() {
        let stats = RestStats::default();
        stats.note("POST", "room/a/peer/b/refresh_token", Some(201), Duration::from_millis(3));
        stats.note("POST", "room/c/peer/d/refresh_token", Some(201), Duration::from_millis(3));
        stats.note("GET", "room", None, Duration::ZERO);
        let counts = stats.counts();
        assert_eq!((counts[0].0.as_str(), counts[0].1.as_str()), ("GET room", "none"));
        assert_eq!(counts[1].0, "POST room/ID/peer/ID/refresh_token");
        assert_eq!(counts[1].2.counts.iter().sum::<u64>(), 2);
    }
}
