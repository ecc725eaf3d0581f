//! A recording of what one peer says, on the room's own time line.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::AtRate;
use crate::{
    audio::{Hz, Sound},
    event::TrackId,
};

/// Records one peer from the moment it was made. Sample `n` sounded `n / rate` seconds after that moment, silence
/// included, so two taps that begin together are aligned. Tracks that sound at once are summed.
pub(in crate::sandbox) struct Tap {
    rate: Hz,
    begun: Instant,
    samples: Vec<i16>,
    /// Where what was taken down of each track ends.
    ends: BTreeMap<TrackId, usize>,
}

impl Tap {
    pub(in crate::sandbox) fn new(rate: Hz, begun: Instant) -> Tap {
        Tap { rate, begun, samples: Vec::new(), ends: BTreeMap::new() }
    }

    pub(in crate::sandbox) fn rate(&self) -> Hz {
        self.rate
    }

    /// Takes a block of a track down. What continues stands right behind what the track said last: resampled blocks
    /// differ in length, and the rounding of times must not tear a run.
    pub(in crate::sandbox) fn record(&mut self, track: &TrackId, sounds_at: Instant, continues: bool, block: &AtRate) {
        let last_end = self.ends.get(track).copied().map(|end| self.write(end, &block.tail));
        let by_time = sounds_at.checked_duration_since(self.begun).map(|offset| self.rate.index_at(offset) as usize);
        if let Some(start) = last_end.filter(|_| continues).or(by_time) {
            let end = self.write(start, &block.samples);
            self.ends.insert(track.clone(), end);
        }
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

    /// Adds samples from `start` on, as far as the tap goes, and gives where they end.
    fn write(&mut self, start: usize, samples: &[i16]) -> usize {
        let end = start + samples.len();
        if end <= self.rate.samples_in(LONGEST) {
            self.samples.resize(self.samples.len().max(end), 0);
            for (slot, sample) in self.samples[start..end].iter_mut().zip(samples) {
                *slot = slot.saturating_add(*sample);
            }
        }
        end
    }
}

/// The most that a tap records.
const LONGEST: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tracks_at_once_are_summed_in_their_places() {
        let begun = Instant::now();
        let mut tap = Tap::new(Hz::K16, begun);
        let block = |sample| AtRate { tail: Vec::new(), samples: vec![sample; 320] };
        let at = |n: u64| begun + Duration::from_millis(20 * n);
        for n in 0..3 {
            tap.record(&"a".into(), at(n), n > 0, &block(1));
            tap.record(&"b".into(), at(n + 1), n > 0, &block(10));
        }
        let sound = tap.recording(at(0));
        assert_eq!(sound.samples.len(), 4 * 320);
        assert_eq!([0, 1, 2, 3].map(|n| sound.samples[n * 320]), [1, 11, 11, 10]);
    }
}
