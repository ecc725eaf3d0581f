//! The sample clock of one incoming track.
//!
//! A Fishjam's chunks carry no time and no number: what was not sent leaves no trace but the time at which the next
//! chunk comes. The clock turns arrivals into sample indices, so that a hole is a jump of the index and all after it
//! stands where it belongs.

use std::time::Duration;

use super::format::Hz;

/// Gives every chunk of one track its place: the index of its first sample, holes counted.
///
/// ```
/// use std::time::Duration;
/// use roomtone::audio::{Hz, SampleClock};
/// let mut clock = SampleClock::new(Hz::K16);
/// assert_eq!(clock.place(Duration::from_millis(20), 320), 0);
/// assert_eq!(clock.place(Duration::from_millis(47), 320), 320); // a little late is jitter
/// assert_eq!(clock.place(Duration::from_millis(1_020), 320), 16_000); // a second later is a hole
/// ```
#[derive(Debug)]
pub struct SampleClock {
    rate: Hz,
    /// When index 0 was heard, on the room's clock.
    origin: Option<Duration>,
    /// The index that follows the last chunk.
    next: u64,
    /// The link was down since the last chunk: what is missing is certainly lost.
    was_down: bool,
}

impl SampleClock {
    /// A clock for a track of `rate` that has not been heard yet.
    pub fn new(rate: Hz) -> SampleClock {
        SampleClock { rate, origin: None, next: 0, was_down: false }
    }

    /// Places a chunk of `samples` that has arrived at `now` on the room's clock, and returns its first index.
    pub fn place(&mut self, now: Duration, samples: usize) -> u64 {
        let began = now.saturating_sub(self.rate.duration_of(samples as u64));
        let origin = *self.origin.get_or_insert(began);
        let expected = origin + self.rate.duration_of(self.next);
        let late = began.saturating_sub(expected);
        if expected.saturating_sub(began) > JITTER / 2 {
            // The first chunk was late, or a stall was taken for a hole: from here on the clock is right again.
            self.origin = Some(began.saturating_sub(self.rate.duration_of(self.next)));
        }
        let tolerance = if self.was_down { JITTER_AFTER_LOSS } else { JITTER };
        if late > tolerance {
            self.next += self.rate.samples_in(late) as u64;
        }
        self.was_down = false;
        let index = self.next;
        self.next += samples as u64;
        index
    }

    /// The link broke: the time until the next chunk is a hole, however short.
    pub fn on_link_down(&mut self) {
        self.was_down = true;
    }

    /// When the sample at `index` was heard, on the room's clock.
    pub fn heard_at(&self, index: u64) -> Duration {
        self.origin.unwrap_or_default() + self.rate.duration_of(index)
    }
}

/// Lateness that is still taken for a slow network rather than for silence: what a stalled TCP link catches up with.
const JITTER: Duration = Duration::from_millis(400);
/// The same right after the link was down, when nothing can catch up.
const JITTER_AFTER_LOSS: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_stall_that_catches_up_leaves_no_hole() {
        let mut clock = SampleClock::new(Hz::K16);
        clock.place(20 * MS, 320);
        for n in 1..=10 {
            assert_eq!(clock.place(220 * MS, 320), n * 320);
        }
    }

    #[test]
    fn a_late_first_chunk_does_not_hide_a_later_hole() {
        let mut clock = SampleClock::new(Hz::K16);
        // A second of backlog comes at once, then all is in time.
        let mut next = 0;
        for _ in 0..50 {
            next = clock.place(1_020 * MS, 320) + 320;
        }
        for n in 1..=50 {
            next = clock.place((1_020 + 20 * n) * MS, 320) + 320;
        }
        let hole = clock.place(2_020 * MS + 620 * MS, 320) - next;
        // To within the 200 ms by which the clock may be early.
        assert!((6_400..=9_600).contains(&hole), "a hole of 600 ms is {hole} samples");
    }

    #[test]
    fn after_a_cut_even_a_short_hole_counts() {
        let mut clock = SampleClock::new(Hz::K16);
        clock.place(20 * MS, 320);
        clock.on_link_down();
        assert_eq!(clock.place(140 * MS, 320), 320 + 1_600);
        assert_eq!(clock.heard_at(1_920), 120 * MS);
    }
}
