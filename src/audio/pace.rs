//! When to send what: the agent's voice leaves in real time, a set lead ahead of what is heard.
//!
//! A Fishjam buffers what it gets and plays it in real time. It would take a whole speech at once, but then an
//! interruption would depend on the far end and nobody could say what was heard. So the pacer keeps a small lead
//! there, models the server's play-out, and knows what has been played without being told.

use std::time::{Duration, Instant};

use super::format::Hz;

/// The pacer of one outgoing track. It owns no clock: every call brings `now`.
///
/// ```
/// use std::time::{Duration, Instant};
/// use roomtone::audio::{Hz, Pacer};
/// let start = Instant::now();
/// let mut pacer = Pacer::new(Hz::K24, Duration::from_millis(40));
/// assert_eq!(pacer.next_send(480), None); // at once
/// assert_eq!(pacer.on_sent(start, 960), start); // 40 ms, which sound from now on
/// assert_eq!(pacer.next_send(480), Some(start + Duration::from_millis(20)));
/// assert_eq!(pacer.played(start + Duration::from_millis(20)), 480);
/// ```
#[derive(Debug)]
pub struct Pacer {
    rate: Hz,
    lead: Duration,
    /// When the first sample of the run was played; `None` before the first and after an interrupt.
    run_start: Option<Instant>,
    /// Samples sent in this run.
    run_sent: u64,
    /// Samples played in the runs before this one.
    played_before: u64,
}

impl Pacer {
    /// A pacer that lets the server be at most `lead` ahead of what is heard, and [`EARLY`], but always one packet.
    pub fn new(rate: Hz, lead: Duration) -> Pacer {
        Pacer { rate, lead, run_start: None, run_sent: 0, played_before: 0 }
    }

    /// The rate of what is sent.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// `samples` were sent at `now`. Returns when the first of them sounds.
    pub fn on_sent(&mut self, now: Instant, samples: u64) -> Instant {
        let carries_on = self.runs_dry_at().filter(|dry| now <= *dry + RESTART_AFTER);
        let begins = carries_on.unwrap_or_else(|| {
            self.played_before += self.run_sent;
            self.run_sent = 0;
            self.run_start = Some(now);
            now
        });
        self.run_sent += samples;
        begins
    }

    /// The server was told to drop what it has not played. Returns how many samples that were.
    pub fn on_interrupt(&mut self, now: Instant) -> u64 {
        let dropped = self.ahead(now);
        self.played_before += self.run_sent - dropped;
        self.run_sent = 0;
        self.run_start = None;
        dropped
    }

    /// Whether the lead has room for a packet of `samples` at `now`, or will have within [`EARLY`].
    pub fn may_send(&self, now: Instant, samples: u64) -> bool {
        self.next_send(samples).is_none_or(|at| at <= now + EARLY)
    }

    /// When to look again for a packet of `samples`: [`EARLY`] before its time, and a timer brings it there.
    pub fn look_at(&self, samples: u64) -> Option<Instant> {
        self.next_send(samples).map(|at| at.checked_sub(EARLY).unwrap_or(at))
    }

    /// When the lead has room for a packet of `samples`; `None` where nothing was sent that it could be ahead of.
    pub fn next_send(&self, samples: u64) -> Option<Instant> {
        let room = self.lead.saturating_sub(self.rate.duration_of(samples));
        self.runs_dry_at().and_then(|dry| dry.checked_sub(room))
    }

    /// When the server will have played all that it got.
    pub fn runs_dry_at(&self) -> Option<Instant> {
        self.run_start.map(|start| start + self.rate.duration_of(self.run_sent))
    }

    /// Samples sent and not yet played.
    pub fn ahead(&self, now: Instant) -> u64 {
        let Some(start) = self.run_start else { return 0 };
        let elapsed = self.rate.samples_in(now.saturating_duration_since(start)) as u64;
        self.run_sent.saturating_sub(elapsed)
    }

    /// Samples played since the pacer was made. What an interrupt dropped never counts.
    pub fn played(&self, now: Instant) -> u64 {
        self.played_before + self.run_sent - self.ahead(now)
    }
}

/// How long before its time a packet may leave. Timers ring at the end of their millisecond: one that is set to a
/// packet's time would make each packet late, by half a millisecond and whatever the machine adds.
pub const EARLY: Duration = Duration::from_millis(1);
/// A Fishjam starts a new run when sound comes more than this after the old run's end; before that it carries on.
pub const RESTART_AFTER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends all that the pacer allows, in 20 ms packets, looking every millisecond.
    fn send_all(pacer: &mut Pacer, start: Instant, packets: usize) -> Vec<u128> {
        let (mut sent, mut now) = (Vec::new(), start);
        while sent.len() < packets {
            while sent.len() < packets && pacer.may_send(now, 480) {
                pacer.on_sent(now, 480);
                sent.push((now - start).as_millis());
            }
            now += MS;
        }
        sent
    }

    #[test]
    fn a_burst_fills_the_lead_and_then_leaves_in_real_time() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Hz::K24, 200 * MS);
        let times = send_all(&mut pacer, start, 500);
        assert!(times[..10].iter().all(|at| *at == 0));
        for (n, at) in times.iter().enumerate().skip(10) {
            assert_eq!(*at, n as u128 * 20 - 181, "packet {n}");
        }
        assert_eq!(pacer.next_send(480), Some(start + 9_820 * MS));
        assert_eq!(pacer.look_at(480), Some(start + 9_819 * MS));
    }

    #[test]
    fn interrupt_keeps_count_of_what_was_heard() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Hz::K24, 200 * MS);
        send_all(&mut pacer, start, 10);
        assert_eq!(pacer.on_interrupt(start + 50 * MS), 4_800 - 1_200);
        assert_eq!(pacer.played(start + 500 * MS), 1_200);
        pacer.on_sent(start + 500 * MS, 480);
        assert_eq!(pacer.played(start + 600 * MS), 1_680);
    }

    #[test]
    fn a_late_packet_carries_on_and_a_very_late_one_starts_anew() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Hz::K24, 200 * MS);
        pacer.on_sent(start, 480);
        pacer.on_sent(start + 110 * MS, 480);
        assert_eq!(pacer.runs_dry_at(), Some(start + 40 * MS));
        pacer.on_sent(start + 141 * MS, 480);
        assert_eq!(pacer.runs_dry_at(), Some(start + 161 * MS));
        assert_eq!(pacer.played(start + 151 * MS), 960 + 240);
    }
}
