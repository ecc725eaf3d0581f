//! How long a sound takes to come back: from the moment at which a person's burst leaves for the agents to the moment
//! at which an agent's packet brings one. A load test reads it; it costs a look at each block's loudest sample.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

/// What came back, in all rooms, since the last [`reset`](Self::reset).
#[derive(Default)]
pub(super) struct Echoes {
    chunks: AtomicU64,
    packets: AtomicU64,
    missed: AtomicU64,
    waits: Mutex<Vec<Duration>>,
}

/// One room's part: the burst that has not come back yet.
#[derive(Default)]
pub(super) struct Listening {
    said_at: Option<Instant>,
    person_is_loud: bool,
    agent_is_loud: bool,
}

/// What came back, in figures.
#[derive(Debug, Clone, Serialize)]
pub(super) struct EchoReport {
    /// Blocks that left for agents.
    chunks: u64,
    /// Packets that came from agents.
    packets: u64,
    /// Bursts that came back.
    echoes: usize,
    /// Bursts that had not come back when the next one left.
    missed: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Echoes {
    pub(super) fn reset(&self) {
        self.chunks.store(0, Relaxed);
        self.packets.store(0, Relaxed);
        self.missed.store(0, Relaxed);
        self.waits().clear();
    }

    pub(super) fn report(&self) -> EchoReport {
        let mut waits = self.waits().clone();
        waits.sort_unstable();
        let at = |share: f64| {
            let place = (waits.len() as f64 * share) as usize;
            waits.get(place.min(waits.len().saturating_sub(1))).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
        };
        EchoReport {
            chunks: self.chunks.load(Relaxed),
            packets: self.packets.load(Relaxed),
            echoes: waits.len(),
            missed: self.missed.load(Relaxed),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }

    /// A chunk of a person's sound leaves for an agent.
    pub(super) fn on_chunk(&self, room: &mut Listening, now: Instant, samples: &[i16]) {
        self.chunks.fetch_add(1, Relaxed);
        let was_loud = std::mem::replace(&mut room.person_is_loud, is_loud(samples.iter().copied()));
        if room.person_is_loud && !was_loud {
            let missed = room.said_at.replace(now).is_some();
            self.missed.fetch_add(u64::from(missed), Relaxed);
        }
    }

    /// A packet of an agent's voice has come.
    pub(super) fn on_packet(&self, room: &mut Listening, now: Instant, samples: impl IntoIterator<Item = i16>) {
        self.packets.fetch_add(1, Relaxed);
        let loud = is_loud(samples);
        let was_loud = std::mem::replace(&mut room.agent_is_loud, loud);
        if let Some(said_at) = room.said_at.take_if(|_| loud && !was_loud) {
            let mut waits = self.waits();
            if waits.len() < MOST_WAITS {
                waits.push(now - said_at);
            }
        }
    }

    fn waits(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.waits.lock().expect("no holder panics")
    }
}

fn is_loud(samples: impl IntoIterator<Item = i16>) -> bool {
    samples.into_iter().any(|sample| sample.unsigned_abs() > LOUD)
}

/// What a burst reaches and the quiet before it does not: 12 dB under full scale.
const LOUD: u16 = 8_192;
/// Waits that are kept: 800 rooms with a burst a second for twenty minutes.
const MOST_WAITS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_onset_of_a_burst_counts_and_each_once() {
        let (echoes, mut room, start) = (Echoes::default(), Listening::default(), Instant::now());
        let (quiet, loud) = ([100; 320], [12_000; 320]);
        let at = |ms| start + Duration::from_millis(ms);
        echoes.on_packet(&mut room, at(0), loud);
        echoes.on_packet(&mut room, at(1), quiet);
        echoes.on_chunk(&mut room, at(20), &quiet);
        echoes.on_chunk(&mut room, at(40), &loud);
        echoes.on_chunk(&mut room, at(60), &loud);
        echoes.on_packet(&mut room, at(63), quiet);
        echoes.on_packet(&mut room, at(83), loud);
        echoes.on_packet(&mut room, at(103), loud);
        let report = echoes.report();
        assert_eq!((report.chunks, report.packets, report.echoes, report.missed), (3, 5, 1, 0));
        assert_eq!((report.p50_ms, report.max_ms), (43.0, 43.0));
        echoes.on_chunk(&mut room, at(110), &quiet);
        echoes.on_chunk(&mut room, at(130), &loud);
        echoes.on_chunk(&mut room, at(150), &quiet);
        echoes.on_chunk(&mut room, at(170), &loud);
        assert_eq!(echoes.report().missed, 1);
        echoes.reset();
        assert_eq!(echoes.report().echoes, 0);
    }
}
