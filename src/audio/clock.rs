//! The sample clock of one incoming track.
//!
//! A Fishjam's chunks carry no time and no number: what was not sent leaves no trace but the time at which the next
//! chunk comes. The clock turns arrivals into sample indices, so that a hole is a jump of the index and all after it
//! stands where it belongs.
//!
//! What comes late may have been held up on its way, or there may have been nothing to send. The two are told apart by
//! what follows: a backlog catches up, a speaker who paused does not.

use std::time::Duration;

use super::format::Hz;

/// Gives every chunk of one track its place: the index of its first sample, holes counted.
///
/// ```
/// use std::time::Duration;
/// use roomtone::audio::{Hz, SampleClock};
/// let ms = Duration::from_millis;
/// let mut clock = SampleClock::new(Hz::K16);
/// assert_eq!(clock.place(ms(20), 320), 0);
/// assert_eq!(clock.place(ms(47), 320), 320); // a little late is jitter
/// assert_eq!(clock.place(ms(1_020), 320), 16_000); // a second later is a hole
/// assert_eq!(clock.heard_at(16_000), ms(1_000));
/// ```
#[derive(Debug)]
pub struct SampleClock {
    rate: Hz,
    /// When index 0 was heard, after [`EPOCH`], as nearly as the first run of samples tells. It follows the publisher's
    /// drift.
    origin: Option<Duration>,
    /// By how much the present run began earlier than its index says: its first chunk was late, so that the hole before
    /// it was taken for too long. The next hole makes up for it.
    ahead: Duration,
    /// When the last hole ended.
    run_began: Option<Duration>,
    /// What [`heard_at`](Self::heard_at) counts from: the origin as it was when this run of samples began, so that a
    /// run is not torn by what is learnt about the origin.
    anchor: Duration,
    /// The index that follows the last chunk.
    next: u64,
    /// The link was down since the last chunk: what is missing is certainly lost.
    was_down: bool,
    window: Window,
}

/// The time in which the punctual chunk is looked for: the one that tells how late all of them are.
#[derive(Debug, Default)]
struct Window {
    began: Duration,
    chunks: u32,
    least_late: Duration,
}

impl SampleClock {
    /// A clock for a track of `rate` that has not been heard yet.
    pub fn new(rate: Hz) -> SampleClock {
        let window = Window::default();
        let (ahead, anchor) = (Duration::ZERO, Duration::ZERO);
        SampleClock { rate, origin: None, ahead, run_began: None, anchor, next: 0, was_down: false, window }
    }

    /// Samples per second.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// Places a chunk of `samples` that has arrived at `now` on the room's clock, and returns its first index.
    pub fn place(&mut self, now: Duration, samples: usize) -> u64 {
        let late = self.lateness(now, samples);
        let tolerance = if self.was_down { JITTER_AFTER_LOSS } else { JITTER };
        if late > tolerance {
            self.skip(now, late);
        }
        self.follow(now, samples)
    }

    /// Whether a chunk of `samples` that has arrived at `now` is so late that it may be the first of a backlog, or the
    /// first after a pause. Who can wait for what follows, holds it for [`BACKLOG`] and places it with
    /// [`place_backlog`](Self::place_backlog).
    pub fn is_ambiguous(&self, now: Duration, samples: usize) -> bool {
        !self.was_down && (JITTER..LONGEST_STALL).contains(&self.lateness(now, samples))
    }

    /// Whether `samples` that were held since a chunk was ambiguous, the last of which came at `now`, have caught up.
    pub fn has_caught_up(&self, now: Duration, samples: usize) -> bool {
        self.lateness(now, samples) <= JITTER_AFTER_LOSS
    }

    /// Makes room for what was held since a chunk was [ambiguous](Self::is_ambiguous): `samples` in all, the last of
    /// which came at `now`. If they have not caught up by then, there was a hole before them. Place them with
    /// [`follow`](Self::follow).
    pub fn place_backlog(&mut self, now: Duration, samples: usize) {
        let late = self.lateness(now, samples);
        // All of it is late, but for the end: the window must not close before that.
        self.window = Window { began: now, ..Window::default() };
        if late > JITTER_AFTER_LOSS {
            self.skip(now, late);
        }
    }

    /// Places a chunk right behind the last, and learns from when it came.
    pub fn follow(&mut self, now: Duration, samples: usize) -> u64 {
        let proven = EPOCH + now - self.rate.duration_of(self.next + samples as u64);
        if self.origin.is_none() {
            self.origin = Some(proven);
            self.anchor = proven;
        }
        // Nothing can arrive before it was said: a run began no later than each of its chunks proves.
        let early = self.run_origin().saturating_sub(proven);
        match self.run_began {
            Some(began) if now.saturating_sub(began) < WINDOW => self.ahead += early,
            // The very first chunk was late, or it is the publisher's clock that is fast.
            _ => self.origin = self.origin.map(|origin| origin - early),
        }
        self.watch(now, proven.saturating_sub(self.run_origin()));
        if self.anchor.abs_diff(self.run_origin()) > ALIGNED_WITHIN {
            self.anchor = self.run_origin();
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

    /// When the sample at `index` was heard, on the room's clock. Within a run of samples the time is that of the
    /// samples, exactly; where the publisher's clock drifts, or the first chunk was late, it is set right in steps of
    /// 20 ms.
    pub fn heard_at(&self, index: u64) -> Duration {
        (self.anchor + self.rate.duration_of(index)).saturating_sub(EPOCH)
    }

    /// When index 0 would have been heard, had all been as in the present run.
    fn run_origin(&self) -> Duration {
        self.origin.unwrap_or(EPOCH) - self.ahead
    }

    /// How much later than expected the end of `samples` that begin at the next index arrives at `now`.
    fn lateness(&self, now: Duration, samples: usize) -> Duration {
        let expected = self.rate.duration_of(self.next + samples as u64);
        self.origin.map_or(Duration::ZERO, |_| (EPOCH + now).saturating_sub(self.run_origin() + expected))
    }

    /// A hole, which ends where the next chunk begins.
    fn skip(&mut self, now: Duration, length: Duration) {
        self.next += self.rate.samples_in(length.saturating_sub(std::mem::take(&mut self.ahead))) as u64;
        self.run_began = Some(now);
        self.anchor = self.run_origin();
        self.window = Window { began: now, ..Window::default() };
    }

    /// Looks at how late even the most punctual chunk of a second is. A lot is a pause that was taken for jitter; a
    /// little is the publisher's clock, which the origin follows.
    fn watch(&mut self, now: Duration, late: Duration) {
        let window = &mut self.window;
        window.least_late = if window.chunks == 0 { late } else { window.least_late.min(late) };
        window.chunks += 1;
        if now.saturating_sub(window.began) < WINDOW || window.chunks < ENOUGH_CHUNKS {
            return;
        }
        let least = window.least_late;
        *window = Window { began: now, ..Window::default() };
        if least > ALIGNED_WITHIN {
            self.skip(now, least);
        } else if let Some(origin) = &mut self.origin {
            *origin += least.min(DRIFT);
        }
    }
}

/// What is added to the room's clock within: a track whose clock is fast seems to have begun before the room.
const EPOCH: Duration = Duration::from_secs(1 << 32);
/// Lateness that is still taken for a slow network rather than for silence, until it has lasted for a second.
const JITTER: Duration = Duration::from_millis(400);
/// The same right after the link was down, when nothing can catch up.
const JITTER_AFTER_LOSS: Duration = Duration::from_millis(40);
/// How long more of a backlog is waited for after a part of it has come: a round trip of a good network.
pub const BACKLOG: Duration = Duration::from_millis(60);
/// A backlog of more than this is not waited for: the link would have been given up.
const LONGEST_STALL: Duration = Duration::from_secs(25);
/// How far times may be off before they are set right.
const ALIGNED_WITHIN: Duration = Duration::from_millis(20);
/// How long the punctual chunk is looked for, and among how many.
const WINDOW: Duration = Duration::from_secs(1);
const ENOUGH_CHUNKS: u32 = 10;
/// The most that a publisher's clock is followed in one window: 1,000 ppm, ten times what crystals do.
const DRIFT: Duration = Duration::from_millis(1);

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
    fn a_backlog_of_seconds_leaves_no_hole_if_it_is_waited_for() {
        let mut clock = SampleClock::new(Hz::K16);
        clock.place(20 * MS, 320);
        assert!(clock.is_ambiguous(3_020 * MS, 320));
        // 150 chunks came within 5 ms.
        clock.place_backlog(3_025 * MS, 150 * 320);
        assert_eq!(clock.follow(3_020 * MS, 320), 320);
        // After a pause of as long, one chunk comes in the time.
        let mut clock = SampleClock::new(Hz::K16);
        clock.place(20 * MS, 320);
        clock.place_backlog(3_020 * MS, 320);
        assert_eq!(clock.follow(3_020 * MS, 320), 48_000);
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
        assert_eq!(clock.place(2_020 * MS + 620 * MS, 320) - next, 9_600);
    }

    #[test]
    fn after_a_cut_even_a_short_hole_counts() {
        let mut clock = SampleClock::new(Hz::K16);
        clock.place(20 * MS, 320);
        clock.on_link_down();
        assert_eq!(clock.place(140 * MS, 320), 320 + 1_600);
        assert_eq!(clock.heard_at(1_920), 120 * MS);
    }

    #[test]
    fn a_short_pause_counts_once_it_is_clear_that_nothing_catches_up() {
        let mut clock = SampleClock::new(Hz::K16);
        (1..=100).for_each(|n| assert_eq!(clock.place(20 * n * MS, 320), (u64::from(n) - 1) * 320));
        // 200 ms of nothing, within what the network may do.
        assert_eq!(clock.place(2_220 * MS, 320), 32_000);
        let mut next = 0;
        (1..=100).for_each(|n| next = clock.place((2_220 + 20 * n) * MS, 320) + 320);
        assert_eq!(next, Hz::K16.samples_in(4_220 * MS) as u64);
    }

    /// A publisher whose clock is off by `ppm`, over a network that delays each chunk by up to 30 ms, for an hour with
    /// pauses of 700 ms in it. Returns the samples it sent, the samples of the holes, and the clock.
    fn an_hour(ppm: i64) -> (u64, u64, SampleClock) {
        let (mut clock, mut rng) = (SampleClock::new(Hz::K16), fastrand::Rng::with_seed(7));
        let (mut sent, mut holes, mut said_us, mut last_us) = (0u64, 0u64, 0u64, 0u64);
        for n in 1..=180_000u64 {
            said_us += (20_000 + n as i64 * ppm / 50 - (n as i64 - 1) * ppm / 50) as u64;
            if n % 30_000 == 0 {
                said_us += 700_000;
            }
            last_us = last_us.max(said_us + rng.u64(0..30_000));
            let index = clock.place(Duration::from_micros(last_us), 320);
            holes += index - sent - holes;
            sent += 320;
        }
        (sent, holes, clock)
    }

    #[test]
    fn an_hour_counts_every_sample_and_every_hole_once() {
        let (sent, holes, clock) = an_hour(0);
        assert_eq!(clock.next, sent + holes);
        // Six pauses of 700 ms. Each is known to within the jitter, and what one got too much the next gives back.
        let paused = 6 * Hz::K16.samples_in(700 * MS) as u64;
        assert!(holes.abs_diff(paused) < 480, "{holes} samples of {paused}");
        let end = Duration::from_secs(3_600) + 6 * 700 * MS;
        assert!(clock.heard_at(clock.next).abs_diff(end) < 25 * MS, "{:?}", clock.heard_at(clock.next));
    }

    #[test]
    fn a_clock_that_drifts_makes_no_holes_and_is_followed() {
        for ppm in [-200, -50, 50, 200] {
            let (_, holes, clock) = an_hour(ppm);
            let paused = 6 * Hz::K16.samples_in(700 * MS) as u64;
            assert!(holes.abs_diff(paused) < 480, "{ppm} ppm: {holes} samples of {paused}");
            let end = Duration::from_secs_f64(3_600.0 * (1.0 + ppm as f64 / 1e6)) + 6 * 700 * MS;
            assert!(clock.heard_at(clock.next).abs_diff(end) < 40 * MS, "{ppm} ppm: {:?}", clock.heard_at(clock.next));
        }
    }
}
