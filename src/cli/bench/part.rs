//! What a process of a bench says and is told, line by line.
//!
//! It prints `{"event":"ready",…}` once everyone is in, waits for a line, measures, prints `{"event":"measured",…}`,
//! waits for the end of its input, and leaves. A process of another make that is measured keeps to the same.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};

use super::{machine, wrong};
use crate::{
    cli::{Failure, say},
    event::RoomId,
    fishjam::Fishjam,
};

/// One line of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Said {
    Ready(Ready),
    Measured(Measured),
    /// Only our own agents say this.
    Left(Left),
}

/// Everyone is in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ready {
    pub(super) sessions: u32,
    pub(super) rss_kib: u64,
    /// With the first session alone.
    pub(super) first_rss_kib: u64,
    /// From the call to the agent being in the room, of those that came one after the other.
    pub(super) join_p50_ms: f64,
    pub(super) join_max_ms: f64,
}

/// What the work took.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Measured {
    pub(super) cpu_s: f64,
    pub(super) seconds: f64,
    pub(super) rss_kib: u64,
}

/// What was lost, and what more there was to see.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Left {
    /// Each loss counter by its name, all sessions together.
    pub(super) losses: std::collections::BTreeMap<String, u64>,
    /// Times that a voice ran dry for a moment.
    pub(super) underruns: u64,
    /// Packets that were due at a time of their own, by how late they left.
    pub(super) paced_packets: u64,
    pub(super) paced_within_2_ms: u64,
    pub(super) paced_worst_ms: f64,
    /// What scribes understood.
    pub(super) speech: Option<Speech>,
    /// Memory after each twentieth of the joins and leaves.
    pub(super) churn_rss_kib: Vec<u64>,
}

/// What scribes understood, all of them together, and how fast.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Speech {
    pub(super) engine: String,
    pub(super) capacity: u64,
    /// Sessions in which nothing was understood.
    pub(super) silent_sessions: usize,
    pub(super) finals: u64,
    pub(super) words: u64,
    pub(super) lost: u64,
    pub(super) partials: u64,
    pub(super) shed_partials: u64,
    pub(super) partial_interval_ms: f64,
    pub(super) final_mean_ms: f64,
    /// Within which step of the histogram nine and ninety-nine of a hundred are.
    pub(super) final_p90_ms: f64,
    pub(super) final_p99_ms: f64,
    pub(super) queue_mean_ms: f64,
    pub(super) real_time_factor: f64,
    /// How long sound took from the socket to the scribe.
    pub(super) sound_p99_ms: f64,
}

/// Prints a line.
pub(super) fn tell(said: &Said) {
    say(&serde_json::to_string(said).expect("plain JSON"));
}

/// Every room of the Fishjam.
pub(super) async fn rooms(fishjam: &Fishjam) -> Result<Vec<RoomId>, Failure> {
    let rooms = fishjam.rest().rooms().await.map_err(|error| wrong(&error))?;
    Ok(rooms.into_iter().map(|room| room.id).collect())
}

/// Says that everyone is in, having taken `joins`, and measures when told to. Returns when it is time to leave.
pub(super) async fn be_measured(sessions: usize, joins: &[Duration], first_rss_kib: u64, seconds: u64) {
    let mut joins: Vec<f64> = joins.iter().map(|join| join.as_secs_f64() * 1e3).collect();
    joins.sort_unstable_by(f64::total_cmp);
    let mut orders = Orders::new();
    tell(&Said::Ready(Ready {
        sessions: sessions as u32,
        rss_kib: machine::resident_kib(),
        first_rss_kib,
        join_p50_ms: joins.get(joins.len() / 2).copied().unwrap_or(0.0),
        join_max_ms: joins.last().copied().unwrap_or(0.0),
    }));
    if !orders.next().await {
        return;
    }
    let (begun, cpu) = (Instant::now(), machine::cpu_time());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let cpu_s = (machine::cpu_time() - cpu).as_secs_f64();
    let (seconds, rss_kib) = (begun.elapsed().as_secs_f64(), machine::resident_kib());
    tell(&Said::Measured(Measured { cpu_s, seconds, rss_kib }));
    orders.next().await;
}

/// What the bench tells a part.
pub(super) struct Orders(Lines<BufReader<Stdin>>);

impl Orders {
    pub(super) fn new() -> Orders {
        Orders(BufReader::new(stdin()).lines())
    }

    /// Waits for a line. `false` means that there will be none.
    pub(super) async fn next(&mut self) -> bool {
        matches!(self.0.next_line().await, Ok(Some(_)))
    }
}
