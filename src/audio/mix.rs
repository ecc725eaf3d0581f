//! Several speakers into one stream, by sample index.

use std::collections::VecDeque;

/// Sums mono streams that share one time line. What is added may come in any order; what has been taken is settled.
///
/// ```
/// let mut mixer = roomtone::audio::Mixer::default();
/// mixer.add(0, &[100, 100]);
/// mixer.add(1, &[50, 50]);
/// let mut out = Vec::new();
/// mixer.take_until(4, &mut out);
/// assert_eq!(out, [100, 150, 50, 0]);
/// ```
#[derive(Debug, Default)]
pub struct Mixer {
    /// The index of the first sample that is still open.
    settled: u64,
    sums: VecDeque<i32>,
    /// Samples that came too late to be mixed.
    late_samples: u64,
}

impl Mixer {
    /// Adds `samples`, the first of which stands at index `at`. Gives how many of them, at the beginning, are late: what is
    /// settled does not change.
    pub fn add(&mut self, at: u64, samples: &[i16]) -> usize {
        let late = self.settled.saturating_sub(at).min(samples.len() as u64) as usize;
        self.late_samples += late as u64;
        let samples = &samples[late..];
        let from = at.saturating_sub(self.settled) as usize;
        if self.sums.len() < from + samples.len() {
            self.sums.resize(from + samples.len(), 0);
        }
        for (sum, sample) in self.sums.range_mut(from..).zip(samples) {
            *sum += i32::from(*sample);
        }
        late
    }

    /// Settles everything before index `end` and appends it to `out`, silence where nobody spoke.
    pub fn take_until(&mut self, end: u64, out: &mut Vec<i16>) {
        let wanted = end.saturating_sub(self.settled) as usize;
        let ready = wanted.min(self.sums.len());
        out.extend(self.sums.drain(..ready).map(limit));
        out.resize(out.len() + wanted - ready, 0);
        self.settled += wanted as u64;
    }

    /// Settles everything before index `start` without taking it, so that a long silence costs nothing.
    pub fn skip_to(&mut self, start: u64) {
        let skipped = start.saturating_sub(self.settled);
        self.sums.drain(..(skipped as usize).min(self.sums.len()));
        self.settled += skipped;
    }

    /// The index that follows the last sample added.
    pub fn end(&self) -> u64 {
        self.settled + self.sums.len() as u64
    }

    /// The index up to which all has been taken.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// Samples that came after their place was settled.
    pub fn late_samples(&self) -> u64 {
        self.late_samples
    }
}

/// Leaves what is below the knee as it is and bends only what loud speakers add beyond it, so nothing wraps and nothing
/// is cut flat. The curve meets the straight part with equal slope and never reaches full scale.
fn limit(sum: i32) -> i16 {
    let magnitude = sum.unsigned_abs() as f32;
    if magnitude <= KNEE {
        return sum as i16;
    }
    let over = (magnitude - KNEE) / (CEILING - KNEE);
    let bent = KNEE + (CEILING - KNEE) * (over / (1.0 + over));
    (bent * sum.signum() as f32) as i16
}

/// Below this the mix is the plain sum: 1 dB under full scale.
const KNEE: f32 = 29_200.0;
const CEILING: f32 = 32_767.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn loud_sums_neither_wrap_nor_reach_past_full_scale() {
        let mut last = 0;
        for sum in (0..200_000).step_by(97) {
            let out = limit(sum);
            assert!(out >= last, "{sum} gives {out} after {last}");
            assert_eq!(limit(-sum), -out);
            last = out;
        }
        assert!(last > 32_000);
    }

    proptest! {
        #[test]
        fn order_of_arrival_does_not_matter(
            parts in proptest::collection::vec((0u64..500, proptest::collection::vec(-900i16..900, 1..50)), 1..12),
        ) {
            let (mut forward, mut backward) = (Mixer::default(), Mixer::default());
            prop_assert!(parts.iter().all(|(at, samples)| forward.add(*at, samples) == 0));
            prop_assert!(parts.iter().rev().all(|(at, samples)| backward.add(*at, samples) == 0));
            let (mut one, mut two) = (Vec::new(), Vec::new());
            let end = forward.end();
            forward.take_until(end, &mut one);
            backward.take_until(end / 2, &mut two);
            backward.take_until(end, &mut two);
            prop_assert_eq!(one, two);
        }
    }
}
