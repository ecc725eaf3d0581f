//! Quantities of sound: the sample rate and the block.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The length of a block, and of the packets that roomtone sends: 20 ms, the usual Opus packet of browsers.
pub const BLOCK: Duration = Duration::from_millis(20);

/// A sample rate in samples per second.
///
/// ```
/// use roomtone::audio::{BLOCK, Hz};
/// assert_eq!(Hz::K24.samples_in(BLOCK), 480);
/// assert_eq!(Hz::K16.duration_of(640).as_millis(), 40);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hz(pub u32);

impl Hz {
    /// 16 kHz: what a Fishjam sends to an agent unless asked for more.
    pub const K16: Hz = Hz(16_000);
    /// 24 kHz: the other rate a Fishjam sends and takes as PCM16.
    pub const K24: Hz = Hz(24_000);
    /// 48 kHz: the rate of Opus and of most devices.
    pub const K48: Hz = Hz(48_000);

    /// Whole samples in `length`, rounded down.
    pub fn samples_in(self, length: Duration) -> usize {
        (length.as_nanos() * u128::from(self.0) / 1_000_000_000) as usize
    }

    /// The index of the sample that stands at `time`, rounded to the nearest: the way back from
    /// [`duration_of`](Self::duration_of).
    pub fn index_at(self, time: Duration) -> u64 {
        ((time.as_nanos() * u128::from(self.0) + 500_000_000) / 1_000_000_000) as u64
    }

    /// How long `samples` last, to the nanosecond below.
    pub fn duration_of(self, samples: u64) -> Duration {
        let rate = u64::from(self.0);
        let nanos = (samples % rate) * 1_000_000_000 / rate;
        Duration::new(samples / rate, nanos as u32)
    }

    /// Samples in one [`BLOCK`].
    pub fn block_samples(self) -> usize {
        self.samples_in(BLOCK)
    }

    /// `samples` of this rate counted at rate `to`, rounded to the nearest.
    pub fn convert(self, samples: u64, to: Hz) -> u64 {
        let from = u64::from(self.0);
        (samples * u64::from(to.0) + from / 2) / from
    }
}

impl fmt::Display for Hz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_durations_agree_at_odd_rates() {
        let rate = Hz(44_100);
        assert_eq!(rate.block_samples(), 882);
        assert_eq!(rate.duration_of(44_100 * 3_600), Duration::from_secs(3_600));
        assert_eq!(Hz(11_025).block_samples(), 220);
        assert_eq!(rate.convert(441, Hz::K48), 480);
        (0..50_000).for_each(|n| assert_eq!(rate.index_at(rate.duration_of(n)), n));
    }
}
