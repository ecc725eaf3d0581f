//! A recording of what one peer says, on the room's own time line.

use std::time::{Duration, Instant};

use super::AtRate;
use crate::audio::{Hz, Sound};

/// Records one peer from the moment it was made. Sample `n` sounded `n / rate` seconds after that moment, silence
/// included, so two taps that begin together are aligned.
pub(in crate::sandbox) struct Tap {
    rate: Hz,
    begun: Instant,
    samples: Vec<i16>,
}

impl Tap {
    pub(in crate::sandbox) fn new(rate: Hz, begun: Instant) -> Tap {
        Tap { rate, begun, samples: Vec::new() }
    }

    pub(in crate::sandbox) fn rate(&self) -> Hz {
        self.rate
    }

    /// Takes a block down. What continues stands right behind what was taken down last: resampled blocks differ in
    /// length, and the rounding of times must not tear a run.
    pub(in crate::sandbox) fn record(&mut self, sounds_at: Instant, continues: bool, block: &AtRate) {
        self.samples.extend(&block.tail);
        if self.samples.len() > self.rate.samples_in(LONGEST) {
            return;
        }
        if continues && !self.samples.is_empty() {
            self.samples.extend(&block.samples);
        } else {
            self.place(sounds_at, &block.samples);
        }
    }

    fn place(&mut self, sounds_at: Instant, samples: &[i16]) {
        let Some(offset) = sounds_at.checked_duration_since(self.begun).filter(|offset| *offset < LONGEST) else {
            return;
        };
        let start = self.rate.index_at(offset) as usize;
        if self.samples.len() < start + samples.len() {
            self.samples.resize(start + samples.len(), 0);
        }
        self.samples[start..start + samples.len()].copy_from_slice(samples);
    }

    /// When the last recorded sound ended.
    pub(in crate::sandbox) fn quiet_since(&self) -> Option<Instant> {
        let length = self.rate.duration_of(self.samples.len() as u64);
        (!self.samples.is_empty()).then(|| self.begun + length)
    }

    /// What was recorded up to `now`, silence at the end included.
    pub(in crate::sandbox) fn recording(&self, now: Instant) -> Sound {
        let mut samples = self.samples.clone();
        let length = self.rate.samples_in(now.saturating_duration_since(self.begun).min(LONGEST));
        samples.resize(samples.len().max(length), 0);
        Sound { rate: self.rate, samples }
    }
}

/// The most that a tap records.
const LONGEST: Duration = Duration::from_secs(3_600);
