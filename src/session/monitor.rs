//! A look at a session while it lasts: its counters, and the levels of its sound.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use super::Counters;
use crate::{
    audio::{Loudness, scratch},
    event::{PeerId, TrackId},
};

/// See the module's head. Clones look at the same session.
#[derive(Debug, Clone, Default)]
pub struct SessionMonitor(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    counters: Mutex<Counters>,
    /// Those who want levels.
    taps: AtomicUsize,
    levels: Mutex<BTreeMap<TrackId, Heard>>,
}

#[derive(Debug)]
struct Heard {
    peer: PeerId,
    loudness: Loudness,
}

/// How loud a track was since the last look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The peer that it is about.
    pub peer: PeerId,
    /// Which track.
    pub track: TrackId,
    /// Root mean square, in dB below full scale.
    pub rms_dbfs: f64,
    /// The largest sample, in dB below full scale.
    pub peak_dbfs: f64,
    /// How many samples that is of.
    pub samples: u64,
}

/// Levels are measured while there is one.
#[derive(Debug)]
pub struct LevelMeter(SessionMonitor);

impl SessionMonitor {
    /// The counters, no more than a second old.
    pub fn counters(&self) -> Counters {
        *self.0.counters.lock().expect("no holder panics")
    }

    /// Begins to measure levels, within a second.
    pub fn meter(&self) -> LevelMeter {
        if self.0.taps.fetch_add(1, Ordering::Relaxed) == 0 {
            self.levels().clear();
        }
        LevelMeter(self.clone())
    }

    pub(crate) fn publish(&self, counters: Counters) {
        *self.0.counters.lock().expect("no holder panics") = counters;
    }

    /// Whether anybody wants levels.
    pub(crate) fn is_tapped(&self) -> bool {
        self.0.taps.load(Ordering::Relaxed) > 0
    }

    /// Measures a chunk of PCM16.
    pub(crate) fn measure(&self, peer: &str, track: &str, pcm: &[u8]) {
        let mut levels = self.levels();
        if !levels.contains_key(track) {
            let heard = Heard { peer: peer.into(), loudness: Loudness::default() };
            levels.insert(track.into(), heard);
        }
        let Some(heard) = levels.get_mut(track) else { return };
        scratch::with_samples(|samples| {
            samples.extend(pcm.as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes)));
            heard.loudness.add(samples);
        });
    }

    fn levels(&self) -> MutexGuard<'_, BTreeMap<TrackId, Heard>> {
        self.0.levels.lock().expect("no holder panics")
    }
}

impl LevelMeter {
    /// What was measured since the last call, or since the tap was made.
    pub fn take(&self) -> Vec<Level> {
        let heard = std::mem::take(&mut *self.0.levels());
        let level = |(track, heard): (TrackId, Heard)| Level {
            track,
            rms_dbfs: shown(heard.loudness.rms_dbfs()),
            peak_dbfs: shown(heard.loudness.peak_dbfs()),
            samples: heard.loudness.samples(),
            peer: heard.peer,
        };
        heard.into_iter().map(level).collect()
    }
}

impl Drop for LevelMeter {
    fn drop(&mut self) {
        self.0.0.taps.fetch_sub(1, Ordering::Relaxed);
    }
}

/// In tenths; silence is what one bit would be, halved.
fn shown(dbfs: Option<f64>) -> f64 {
    (dbfs.unwrap_or(f64::MIN).max(-96.3) * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_measures_minus_three() {
        let monitor = SessionMonitor::default();
        assert!(!monitor.is_tapped());
        let meter = monitor.meter();
        assert!(monitor.is_tapped());
        let sine = (0..16_000).map(|n| ((f64::from(n) * 0.1).sin() * 32_767.0) as i16).collect::<Vec<i16>>();
        let pcm: Vec<u8> = sine.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        monitor.measure("ada", "t", &pcm);
        let level = meter.take().remove(0);
        assert_eq!((level.peer.as_str(), level.samples, level.rms_dbfs, level.peak_dbfs), ("ada", 16_000, -3.0, 0.0));
        assert!(meter.take().is_empty());
        drop(meter);
        assert!(!monitor.is_tapped());
    }
}
