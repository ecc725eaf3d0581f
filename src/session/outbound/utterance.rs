//! Where the samples that leave stand among those that the agent gave.
//!
//! ```text
//! the agent gives      start |---- taken ----|
//! what stands before it       |head|                               as late as the resampler is, and what a first packet lacks
//! the wire carries            |000000aaaaaaaa|aaaaaaaa|aaa00000|    whole packets: silence at its head, and behind its end
//!                                     wire -> |
//! of the agent's, sent        start |-- sent --|                    what `played()` goes by
//! ```

use crate::audio::Resampler;

/// What is said without a pause.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Utterance {
    /// The agent's position at which it begins.
    start: u64,
    /// Agent samples fetched.
    taken: u64,
    /// Agent samples that have left, as nearly as rates allow.
    sent: u64,
    /// Wire samples of silence before its first.
    head: u64,
    /// Wire samples that have left, the silence at its head included.
    wire: u64,
}

/// What a packet held of the agent's samples.
pub(super) struct Left {
    /// The agent's position of the first.
    pub(super) start: u64,
    /// How many.
    pub(super) samples: u64,
    /// Wire samples of silence before them.
    pub(super) silence: u64,
}

impl Utterance {
    /// One that begins at this position of the agent's, behind so many wire samples of silence.
    pub(super) fn at(start: u64, head: u64) -> Utterance {
        Utterance { start, head, ..Utterance::default() }
    }

    /// Nothing of it waits and nothing is on the wire: what comes next begins one.
    pub(super) fn is_new(&self) -> bool {
        self.pending() == 0 && self.wire == 0
    }

    /// Something of it has left, so that what follows carries it on.
    pub(super) fn is_on_the_wire(&self) -> bool {
        self.wire > 0
    }

    /// Agent samples that were fetched and have not left.
    pub(super) fn pending(&self) -> u64 {
        self.taken - self.sent
    }

    /// The agent gave more of it.
    pub(super) fn on_fetched(&mut self, samples: u64) {
        self.taken += samples;
    }

    /// A packet of so many wire samples left.
    pub(super) fn on_sent(&mut self, packet: u64, resampler: &Resampler) -> Left {
        let voiced = (self.wire + packet).saturating_sub(self.head);
        let reached = resampler.to().convert(voiced, resampler.from()).clamp(self.sent, self.taken);
        let left = Left {
            start: self.start + self.sent,
            samples: reached - self.sent,
            silence: self.head.saturating_sub(self.wire).min(packet),
        };
        self.sent = reached;
        self.wire += packet;
        left
    }

    /// All of it that was fetched has left: the position behind it. What comes next is another utterance, unless no silence
    /// was put between the agent's own samples.
    pub(super) fn finish(&mut self, resampler: &Resampler) -> u64 {
        let is_seamless = resampler.delay_samples() == 0 && self.wire == self.head + self.taken;
        self.wire = if is_seamless { self.wire } else { 0 };
        self.start + self.sent
    }
}
