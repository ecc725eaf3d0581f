//! The driver's end of a voice.

use std::{
    sync::{
        Arc,
        atomic::{
            Ordering::{Acquire, Relaxed, Release, SeqCst},
            fence,
        },
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::Shared;
use crate::audio::{Hz, overflow::OverflowReader, ring::RingReader};

/// Fetches what the agent plays, and tells it what has become of that.
pub(crate) struct VoicePort {
    rate: Hz,
    ring: RingReader,
    overflow: OverflowReader,
    fetched: u64,
    interrupts_seen: u64,
    shared: Arc<Shared>,
}

impl VoicePort {
    pub(super) fn new(rate: Hz, ring: RingReader, overflow: OverflowReader, shared: Arc<Shared>) -> VoicePort {
        VoicePort { rate, ring, overflow, fetched: 0, interrupts_seen: 0, shared }
    }

    /// The rate at which the agent plays.
    pub(crate) fn rate(&self) -> Hz {
        self.rate
    }

    /// Appends up to `most` samples to `out` and returns how many. What was said after an interrupt waits until
    /// [`take_interrupt`](Self::take_interrupt) has taken note of it.
    pub(crate) fn fetch(&mut self, most: usize, out: &mut Vec<i16>) -> usize {
        self.advance(most, Some(out))
    }

    /// Drops what was played before this moment and has not been heard, as if the agent had interrupted itself.
    #[cfg(feature = "console")]
    pub(crate) fn interrupt(&self) {
        self.shared.interrupt_at.store(self.shared.written.load(Acquire), Release);
        self.shared.interrupts.fetch_add(1, Release);
    }

    /// Whether the agent interrupted since the last call. If so, what it had queued by then is gone.
    pub(crate) fn take_interrupt(&mut self) -> bool {
        let interrupts = self.shared.interrupts.load(Acquire);
        if interrupts == self.interrupts_seen {
            return false;
        }
        self.interrupts_seen = interrupts;
        let stale = self.shared.interrupt_at.load(Acquire).saturating_sub(self.fetched);
        self.advance(stale as usize, None);
        true
    }

    /// The position of the next sample to be fetched.
    pub(crate) fn position(&self) -> u64 {
        self.fetched
    }

    /// Samples that wait to be fetched.
    pub(crate) fn waiting(&self) -> u64 {
        // A sample is seen a moment before the count that includes it.
        self.shared.written.load(Acquire).saturating_sub(self.fetched)
    }

    /// At `now`, `samples` from position `start` on were sent, and sound from `begins` on.
    pub(crate) fn on_sent(&self, now: Instant, begins: Instant, start: u64, samples: u64) {
        self.shared.playhead().add(now, begins, start, samples);
    }

    /// What was sent and has not been heard at `now` never will be.
    pub(crate) fn on_cut(&self, now: Instant) {
        self.shared.playhead().cut(now);
    }

    /// How long ago the agent played what was timed last, if that was not asked for yet. It has been looked at, and sent if it
    /// was due.
    pub(crate) fn take_delay(&self) -> Option<Duration> {
        let played_us = self.shared.played_us.load(Relaxed);
        if played_us == 0 {
            return None;
        }
        self.shared.played_us.store(0, Relaxed);
        Some(self.shared.begun.elapsed().saturating_sub(Duration::from_micros(played_us - 1)))
    }

    /// Everything before `position` was sent or dropped.
    pub(crate) fn settle(&self, position: u64) {
        self.shared.settled.store(position, Release);
        self.announce();
    }

    /// Lets an agent that waits for its voice look again.
    pub(crate) fn announce(&self) {
        self.shared.progress.notify_waiters();
    }

    /// The agent's time in the room is over: it waits for its voice no longer.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Release);
        self.announce();
    }

    /// Ready when the agent has played or interrupted since it was ready last.
    pub(crate) fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.driver.get().is_none() {
            self.shared.driver.set(cx.waker().clone()).ok();
            fence(SeqCst);
        }
        debug_assert!(self.shared.driver.get().is_some_and(|driver| driver.will_wake(cx.waker())), "one task polls");
        let has_work = self.shared.has_work.load(Relaxed) && self.shared.has_work.swap(false, Acquire);
        if has_work { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads or drops up to `most` samples, from the ring and the pieces in the order of their positions.
    fn advance(&mut self, most: usize, mut out: Option<&mut Vec<i16>>) -> usize {
        let mut moved = 0;
        while moved < most {
            // In this order: whoever sees a sample in the ring sees every piece and every interrupt before it.
            let in_ring = self.ring.waiting();
            let chunk_at = self.overflow.front().map(|chunk| chunk.at);
            let barrier = self.pending_interrupt().filter(|_| out.is_some()).unwrap_or(usize::MAX);
            let most = (most - moved).min(barrier);
            let step = match chunk_at {
                Some(at) if at <= self.fetched => {
                    let chunk = self.overflow.front().expect("it is the front until it is popped");
                    let begun = (self.fetched - at) as usize;
                    let step = (chunk.samples.len() - begun).min(most);
                    if let Some(out) = &mut out {
                        out.extend_from_slice(&chunk.samples[begun..begun + step]);
                    }
                    if begun + step == chunk.samples.len() {
                        self.overflow.pop();
                    }
                    step
                }
                ahead => {
                    let ahead = ahead.map_or(usize::MAX, |at| (at - self.fetched) as usize);
                    let step = in_ring.min(ahead).min(most);
                    match &mut out {
                        Some(out) => {
                            let start = out.len();
                            out.resize(start + step, 0);
                            self.ring.read(&mut out[start..]);
                        }
                        None => drop(self.ring.skip(step)),
                    }
                    step
                }
            };
            if step == 0 {
                break;
            }
            moved += step;
            self.fetched += step as u64;
        }
        if moved > 0 {
            self.shared.fetched.store(self.fetched, Release);
            self.announce();
        }
        moved
    }

    /// How many samples ahead the agent has interrupted, if that has not been taken note of yet.
    fn pending_interrupt(&self) -> Option<usize> {
        let pending = self.shared.interrupts.load(Acquire) != self.interrupts_seen;
        pending.then(|| self.shared.interrupt_at.load(Acquire).saturating_sub(self.fetched) as usize)
    }
}
