//! How a live agent stays in the present: after a stall it hears the best part of what came late, and catches up with
//! the rest at a pause.
//!
//! An agent that plays as it hears says each second of sound for a second. So what reaches it faster than time passes
//! makes it late by as much, for the rest of its session. How much that is, is counted here: what has been passed on, less
//! the time that has passed, and never less than nothing, as silence between utterances plays no part.

use std::{collections::VecDeque, time::Duration};

use super::track::WaitingChunk;
use crate::audio::{Hz, is_silent};

/// See the module's head.
pub(super) struct Present {
    /// How far the agent may be behind; `None` for one that wants everything, however late.
    most_behind: Option<Duration>,
    rate: Hz,
    behind: Duration,
    as_of: Duration,
    /// Of a backlog that is being passed on: which of its next chunks are left out.
    leave_out: VecDeque<bool>,
    skipped_samples: u64,
    /// How often chunks of backlogs were chosen from.
    #[cfg(test)]
    pub(super) looked_at: usize,
}

impl Present {
    pub(super) fn new(most_behind: Option<Duration>, rate: Hz) -> Present {
        let (behind, as_of) = (Duration::ZERO, Duration::ZERO);
        Present {
            most_behind,
            rate,
            behind,
            as_of,
            leave_out: VecDeque::new(),
            skipped_samples: 0,
            #[cfg(test)]
            looked_at: 0,
        }
    }

    /// So many samples were passed on at `now`.
    pub(super) fn on_passed(&mut self, now: Duration, samples: usize) {
        if self.most_behind.is_some() {
            self.behind = self.behind_at(now) + self.length(samples);
            self.as_of = now;
        }
    }

    /// Whether so many samples more would take the agent too far from the present.
    pub(super) fn is_left_by(&self, now: Duration, samples: usize) -> bool {
        self.most_behind.is_some_and(|most| self.behind_at(now) + self.length(samples) > most)
    }

    /// Whether these samples are left out, as the agent is behind and nobody speaks in them.
    pub(super) fn skips(&mut self, now: Duration, samples: &[i16]) -> bool {
        let skips = self.most_behind.is_some() && self.behind_at(now) > NEAR && is_silent(samples);
        self.skipped_samples += if skips { samples.len() as u64 } else { 0 };
        skips
    }

    /// A backlog is about to be passed on at `now`: chooses what of it is left out. First the pauses, the oldest first,
    /// down to as good as nothing; then, as far as the bound asks for it, the oldest of what is said.
    pub(super) fn choose(&mut self, now: Duration, chunks: &VecDeque<WaitingChunk>) {
        let Some(most) = self.most_behind else { return };
        let samples = chunks.iter().map(|chunk| chunk.samples).sum();
        let mut behind = self.behind_at(now) + self.length(samples);
        self.leave_out.clear();
        self.leave_out.resize(chunks.len(), false);
        for (is_pause, limit) in [(true, NEAR), (false, most)] {
            for (chunk, is_left_out) in chunks.iter().zip(&mut self.leave_out) {
                if behind <= limit {
                    break;
                }
                if chunk.is_silent == is_pause {
                    *is_left_out = true;
                    behind = behind.saturating_sub(self.rate.duration_of(chunk.samples as u64));
                }
            }
        }
        #[cfg(test)]
        {
            self.looked_at += chunks.len();
        }
    }

    /// Whether the next chunk of the backlog, so many samples, is left out.
    pub(super) fn takes_next_away(&mut self, samples: usize) -> bool {
        let is_left_out = self.leave_out.pop_front().unwrap_or(false);
        self.skipped_samples += if is_left_out { samples as u64 } else { 0 };
        is_left_out
    }

    /// The rest of the backlog waits, and is chosen from anew.
    pub(super) fn choose_again(&mut self) {
        self.leave_out.clear();
    }

    /// What was left out since the last call.
    pub(super) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped_samples)
    }

    fn behind_at(&self, now: Duration) -> Duration {
        self.behind.saturating_sub(now.saturating_sub(self.as_of))
    }

    fn length(&self, samples: usize) -> Duration {
        self.rate.duration_of(samples as u64)
    }
}

/// No further behind than this is the present: networks' jitter is kept as a cushion.
const NEAR: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = 320;

    /// A backlog of chunks that are speech or silence, and which of them are left out.
    fn left_out(most: Option<Duration>, behind_ms: u64, speaks: &[bool]) -> Vec<usize> {
        let mut present = Present::new(most, Hz::K16);
        present.on_passed(Duration::ZERO, behind_ms as usize * 16);
        let chunk = |speaks: &bool| WaitingChunk { at: Duration::ZERO, samples: CHUNK, is_silent: !speaks };
        let chunks = speaks.iter().map(chunk).collect();
        present.choose(Duration::ZERO, &chunks);
        (0..speaks.len()).filter(|_| present.takes_next_away(CHUNK)).count();
        let skipped = present.take_skipped() as usize / CHUNK;
        present.choose(Duration::ZERO, &chunks);
        let out: Vec<usize> = (0..speaks.len()).filter(|_| present.takes_next_away(CHUNK)).collect();
        assert_eq!(out.len(), skipped, "what is left out is counted");
        out
    }

    #[test]
    fn pauses_go_first_and_then_the_oldest_speech() {
        let second = Some(Duration::from_secs(1));
        assert!(left_out(second, 0, &[true; 50]).is_empty(), "within the bound all is heard");
        assert_eq!(left_out(second, 0, &[true; 55]), [0, 1, 2, 3, 4]);
        let mut speaks = [true; 20];
        speaks[15..].fill(false);
        assert_eq!(left_out(second, 0, &speaks), [15, 16, 17, 18, 19], "a pause is where it is caught up");
        assert!(left_out(None, 10_000, &[true; 100]).is_empty(), "one that wants all of it gets it");
    }

    #[test]
    fn time_that_passes_brings_it_back_to_the_present() {
        let mut present = Present::new(Some(Duration::from_secs(1)), Hz::K16);
        present.on_passed(Duration::ZERO, 16_000);
        assert!(present.is_left_by(Duration::ZERO, CHUNK));
        assert!(!present.is_left_by(Duration::from_millis(20), CHUNK));
        assert!(present.skips(Duration::from_millis(500), &[0; CHUNK]), "silence, while it is behind");
        assert!(!present.skips(Duration::from_millis(500), &[5_000; CHUNK]));
        assert!(!present.skips(Duration::from_millis(900), &[0; CHUNK]), "the present is near enough");
        assert_eq!(present.take_skipped(), CHUNK as u64);
    }
}
