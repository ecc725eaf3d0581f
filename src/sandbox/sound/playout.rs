//! How a Fishjam plays an agent's track: in real time out of a queue, with the rules of its media engine.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Block, BlockSound};
use crate::audio::{
    BLOCK, Hz,
    codec::{CodecError, Decoder, Encoding},
    pace::RESTART_AFTER,
};

/// The play-out of one track.
pub(in crate::sandbox) struct Playout {
    decoder: Decoder,
    rate: Hz,
    queue: VecDeque<i16>,
    /// When the next queued sample sounds; kept after the queue ran dry, since what comes soon carries on.
    next_at: Option<Instant>,
    /// When the last block that was taken ended.
    last_end: Option<Instant>,
    /// The track was removed and ends once the queue is empty.
    ending: bool,
    dropped_samples: u64,
}

impl Playout {
    pub(in crate::sandbox) fn new(encoding: Encoding, rate: Hz) -> Result<Playout, CodecError> {
        // Opus sounds at 48 kHz, whatever it was encoded from.
        let rate = if encoding == Encoding::Opus { Hz::K48 } else { rate };
        Ok(Playout {
            decoder: Decoder::new(encoding, rate)?,
            rate,
            queue: VecDeque::new(),
            next_at: None,
            last_end: None,
            ending: false,
            dropped_samples: 0,
        })
    }

    pub(in crate::sandbox) fn rate(&self) -> Hz {
        self.rate
    }

    /// Sound arrives from the agent. Gives how many samples of it wait in the queue now.
    pub(in crate::sandbox) fn on_data(&mut self, now: Instant, data: &[u8]) -> Result<usize, CodecError> {
        if self.ending {
            return Ok(0);
        }
        let mut samples = Vec::new();
        self.decoder.decode_into(data, &mut samples)?;
        if self.end_at().is_none_or(|end| now > end + RESTART_AFTER) {
            self.next_at = Some(now);
        }
        let room = self.rate.samples_in(LONGEST_QUEUE).saturating_sub(self.queue.len());
        let taken = samples.len().min(room);
        self.dropped_samples += (samples.len() - taken) as u64;
        self.queue.extend(&samples[..taken]);
        Ok(taken)
    }

    /// The last `samples` of what is queued.
    pub(in crate::sandbox) fn newest(&self, samples: usize) -> impl Iterator<Item = i16> {
        self.queue.range(self.queue.len() - samples..).copied()
    }

    /// What is queued and has not sounded is dropped.
    pub(in crate::sandbox) fn on_interrupt(&mut self) {
        self.queue.clear();
        self.next_at = None;
    }

    /// The track ends once all has been played.
    pub(in crate::sandbox) fn on_remove(&mut self) {
        self.ending = true;
        let whole = self.queue.len().div_ceil(self.block()) * self.block();
        self.queue.resize(whole, 0);
    }

    pub(in crate::sandbox) fn is_over(&self) -> bool {
        self.ending && self.queue.is_empty()
    }

    /// When the next whole block sounds.
    pub(in crate::sandbox) fn due(&self) -> Option<Instant> {
        self.next_at.filter(|_| self.queue.len() >= self.block())
    }

    pub(in crate::sandbox) fn take(&mut self, now: Instant) -> Option<Block> {
        let sounds_at = self.due().filter(|due| *due <= now)?;
        let block = self.block();
        let samples = self.queue.drain(..block).collect();
        self.next_at = Some(sounds_at + BLOCK);
        let continues = self.last_end == Some(sounds_at);
        self.last_end = self.next_at;
        Some(Block { sounds_at, continues, sound: BlockSound::Raw(samples) })
    }

    /// How much is queued.
    pub(in crate::sandbox) fn queued(&self) -> Duration {
        self.rate.duration_of(self.queue.len() as u64)
    }

    /// Samples that came when the queue was full.
    pub(in crate::sandbox) fn dropped_samples(&self) -> u64 {
        self.dropped_samples
    }

    fn end_at(&self) -> Option<Instant> {
        self.next_at.map(|at| at + self.queued())
    }

    fn block(&self) -> usize {
        self.rate.block_samples()
    }
}

/// The engine's cap on what it queues for a track.
const LONGEST_QUEUE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn drain(playout: &mut Playout, now: Instant) -> Vec<Instant> {
        std::iter::from_fn(|| playout.take(now)).map(|block| block.sounds_at).collect()
    }

    #[test]
    fn a_burst_sounds_in_real_time_and_a_tail_waits_for_more() {
        let start = Instant::now();
        let mut playout = Playout::new(Encoding::Pcm16, Hz::K16).unwrap();
        playout.on_data(start, &[0; 640 * 3 + 100]).unwrap();
        assert_eq!(drain(&mut playout, start), [start]);
        assert_eq!(drain(&mut playout, start + 100 * MS), [start + 20 * MS, start + 40 * MS]);
        assert_eq!(playout.due(), None);
        playout.on_remove();
        assert!(!playout.is_over());
        assert_eq!(drain(&mut playout, start + 100 * MS), [start + 60 * MS]);
        assert!(playout.is_over());
    }

    #[test]
    fn late_sound_carries_on_within_100_ms_and_starts_anew_after() {
        let start = Instant::now();
        let mut playout = Playout::new(Encoding::Pcm16, Hz::K16).unwrap();
        playout.on_data(start, &[0; 640]).unwrap();
        drain(&mut playout, start);
        playout.on_data(start + 110 * MS, &[0; 640]).unwrap();
        assert_eq!(drain(&mut playout, start + 110 * MS), [start + 20 * MS]);
        playout.on_data(start + 141 * MS, &[0; 640]).unwrap();
        assert_eq!(drain(&mut playout, start + 141 * MS), [start + 141 * MS]);
    }

    #[test]
    fn an_interrupt_drops_the_queue_and_ten_minutes_are_the_most() {
        let start = Instant::now();
        let mut playout = Playout::new(Encoding::Pcm16, Hz::K16).unwrap();
        let minute = vec![0; 16_000 * 60 * 2];
        for _ in 0..11 {
            playout.on_data(start, &minute).unwrap();
        }
        assert_eq!(playout.queued(), Duration::from_secs(600));
        assert_eq!(playout.dropped_samples(), 16_000 * 60);
        playout.on_interrupt();
        assert_eq!(playout.due(), None);
        playout.on_data(start + 50 * MS, &[0; 640]).unwrap();
        assert_eq!(playout.due(), Some(start + 50 * MS));
    }
}
