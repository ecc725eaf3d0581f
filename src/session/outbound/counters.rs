//! What was said, in numbers.

use std::time::Duration;

/// What was said, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboundCounters {
    /// Packets sent.
    pub packets: u64,
    /// Those in which there was more than silence.
    pub loud_packets: u64,
    /// Samples sent, at the wire's rate.
    pub samples: u64,
    /// Samples of silence among them: the resampler's delay before an utterance, the rest of the packet after it.
    pub padding_samples: u64,
    /// Times the agent cut its own voice off.
    pub interrupts: u64,
    /// Samples that had been sent and were never heard, by interrupts and broken links.
    pub unheard_samples: u64,
    /// Times the server had nothing to play for 5 to 100 ms, because the agent was slow, or this machine. After more
    /// than that a new utterance begins.
    pub underruns: u64,
    /// The most samples that the agent had queued, at its own rate, when a packet was looked for.
    pub deepest_queue: u64,
    /// Packets that were there before they were due, so that the pacer alone said when they leave.
    pub paced_packets: u64,
    /// Those of them that left no more than 2 ms late. None leaves more than 1 ms early.
    pub paced_within_2_ms: u64,
    /// How far from its time the worst of them left.
    pub paced_worst: Duration,
}

impl OutboundCounters {
    /// A packet that waited for its time left so far from it.
    pub(super) fn count_pacing(&mut self, off: Duration) {
        self.paced_packets += 1;
        self.paced_within_2_ms += u64::from(off <= Duration::from_millis(2));
        self.paced_worst = self.paced_worst.max(off);
    }
}
