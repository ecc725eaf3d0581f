//! Which sample of a voice is being heard when, worked out rather than reported.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::format::Hz;

/// The way of a voice through time: stretches of samples, each with the moment at which its first one sounds.
/// Positions count samples from the first that was ever played.
///
/// ```
/// use std::time::{Duration, Instant};
/// use roomtone::audio::{Hz, Playhead};
/// let (start, ms) = (Instant::now(), Duration::from_millis(1));
/// let mut playhead = Playhead::new(Hz::K16);
/// playhead.add(start, start + 5 * ms, 0, 320); // 20 ms, in 5 ms
/// assert_eq!(playhead.heard(start), 0);
/// assert_eq!(playhead.heard(start + 15 * ms), 160);
/// playhead.cut(start + 15 * ms);
/// assert_eq!(playhead.heard(start + 30 * ms), 160);
/// ```
#[derive(Debug, Clone)]
pub struct Playhead {
    rate: Hz,
    /// In the order of time. A voice without pauses has one.
    stretches: VecDeque<Stretch>,
    /// The position before the first stretch sounds.
    before: u64,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    begins: Instant,
    start: u64,
    samples: u64,
}

impl Playhead {
    /// A voice of `rate` that has said nothing.
    pub fn new(rate: Hz) -> Playhead {
        Playhead { rate, stretches: VecDeque::new(), before: 0 }
    }

    /// At `now` it became known that `samples` from position `start` on sound from `begins` on. They come behind all
    /// that was added before.
    pub fn add(&mut self, now: Instant, begins: Instant, start: u64, samples: u64) {
        if samples == 0 {
            return;
        }
        while let Some(over) = self.stretches.front().filter(|first| self.end_of(first) <= now) {
            self.before = over.start + over.samples;
            self.stretches.pop_front();
        }
        let (rate, follows) = (self.rate, |last: &Stretch| last.start + last.samples == start);
        match self.stretches.back_mut().filter(|last| follows(last)) {
            Some(last) if begins <= last.begins + rate.duration_of(last.samples) + SEAMLESS => last.samples += samples,
            _ => self.stretches.push_back(Stretch { begins, start, samples }),
        }
    }

    /// Nothing that has not been heard at `now` will be.
    pub fn cut(&mut self, now: Instant) {
        self.before = self.heard(now);
        self.stretches.clear();
    }

    /// The position that is being heard at `now`: samples before it have been heard, but for those that were cut.
    pub fn heard(&self, now: Instant) -> u64 {
        let begun = self.stretches.iter().rev().find(|stretch| stretch.begins <= now);
        begun.map_or(self.before, |stretch| {
            let elapsed = self.rate.samples_in(now - stretch.begins) as u64;
            stretch.start + elapsed.min(stretch.samples)
        })
    }

    /// When the last sample will have been heard; `None` if there is none to come or to remember.
    pub fn silent_at(&self) -> Option<Instant> {
        self.stretches.back().map(|last| self.end_of(last))
    }

    fn end_of(&self, stretch: &Stretch) -> Instant {
        stretch.begins + self.rate.duration_of(stretch.samples)
    }
}

/// Two packets follow each other without a hole if the second sounds no later than this after the first: the rounding
/// of odd rates.
const SEAMLESS: Duration = Duration::from_micros(200);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_stands_still_between_stretches_and_forgets_what_is_over() {
        let start = Instant::now();
        let mut playhead = Playhead::new(Hz::K16);
        (0..50).for_each(|n| playhead.add(start, start + n * 20 * MS, u64::from(n) * 320, 320));
        assert_eq!(playhead.stretches.len(), 1, "packets without a hole are one stretch");
        assert_eq!(playhead.silent_at(), Some(start + 1_000 * MS));
        playhead.add(start + 900 * MS, start + 1_500 * MS, 16_000, 320);
        assert_eq!(playhead.heard(start + 999 * MS), 15_984);
        assert_eq!(playhead.heard(start + 1_400 * MS), 16_000);
        assert_eq!(playhead.heard(start + 1_510 * MS), 16_160);
        playhead.add(start + 1_600 * MS, start + 1_700 * MS, 20_000, 320);
        assert_eq!(playhead.stretches.len(), 1);
        assert_eq!((playhead.heard(start + 1_650 * MS), playhead.heard(start + 1_710 * MS)), (16_320, 20_160));
    }
}
