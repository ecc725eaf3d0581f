//! Sound that waits for its track to be announced, bounded by number, bytes and time.

use std::{collections::VecDeque, time::Duration};

use crate::event::{PeerId, TrackId};

/// A chunk as it came.
pub(super) struct HeldChunk {
    pub(super) at: Duration,
    pub(super) peer: PeerId,
    pub(super) track: TrackId,
    pub(super) data: Vec<u8>,
}

/// See the module's head.
#[derive(Default)]
pub(super) struct Held {
    chunks: VecDeque<HeldChunk>,
    bytes: usize,
    /// When the oldest has waited for long enough.
    due: Option<Duration>,
}

impl Held {
    /// Keeps a chunk. Says how many were given up for it, which may be itself.
    pub(super) fn push(&mut self, chunk: HeldChunk) -> u64 {
        if chunk.data.len() > BYTES {
            return 1;
        }
        let mut lost = 0;
        while self.chunks.len() >= CHUNKS || self.bytes + chunk.data.len() > BYTES {
            let oldest = self.chunks.pop_front().expect("one that is kept takes room");
            self.bytes -= oldest.data.len();
            lost += 1;
        }
        self.due.get_or_insert(chunk.at + HOLD);
        self.bytes += chunk.data.len();
        self.chunks.push_back(chunk);
        lost
    }

    /// Gives all of them, oldest first. Those that have nowhere to go come back by [`push`](Self::push), and wait anew.
    pub(super) fn take(&mut self) -> VecDeque<HeldChunk> {
        self.bytes = 0;
        std::mem::take(&mut self.chunks)
    }

    /// A track is over: what came of it unannounced is nobody's.
    pub(super) fn forget(&mut self, track: &TrackId) {
        self.chunks.retain(|chunk| chunk.track != *track);
        self.bytes = self.chunks.iter().map(|chunk| chunk.data.len()).sum();
    }

    /// Whose chunks have waited for as long as they may by `now`, each once.
    pub(super) fn take_overdue(&mut self, now: Duration) -> Vec<(PeerId, TrackId)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut overdue: Vec<(PeerId, TrackId)> = Vec::new();
        for chunk in self.chunks.iter().filter(|chunk| chunk.at + HOLD <= now) {
            if !overdue.iter().any(|(peer, track)| *peer == chunk.peer && *track == chunk.track) {
                overdue.push((chunk.peer.clone(), chunk.track.clone()));
            }
        }
        let next = self.chunks.iter().map(|chunk| chunk.at + HOLD).find(|due| *due > now);
        // What cannot be taken in is not looked at again and again.
        self.due = next.or((!self.chunks.is_empty()).then_some(now + HOLD));
        overdue
    }

    /// When [`take_overdue`](Self::take_overdue) may have something.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due.filter(|_| !self.chunks.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// How long a chunk waits for its track to be announced; a REST answer takes far less.
const HOLD: Duration = Duration::from_secs(2);
/// How many chunks wait at most: 2 s of 20 speakers,
const CHUNKS: usize = 2_048;
/// and how much of them: as much of 20 speakers at 48 kHz.
const BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(ms: u64, track: &str, bytes: usize) -> HeldChunk {
        HeldChunk { at: Duration::from_millis(ms), peer: "ada".into(), track: track.into(), data: vec![0; bytes] }
    }

    #[test]
    fn it_is_bounded_in_bytes_and_number_and_loses_the_oldest() {
        let mut held = Held::default();
        assert_eq!(held.push(chunk(0, "t", BYTES + 1)), 1);
        assert_eq!(held.push(chunk(0, "t", BYTES)), 0);
        assert_eq!(held.push(chunk(1, "t", 640)), 1);
        assert_eq!((2..10_000).map(|ms| held.push(chunk(ms, "t", 1))).sum::<u64>(), 9_999 - CHUNKS as u64);
        assert_eq!(held.take().front().unwrap().at, Duration::from_millis(10_000 - CHUNKS as u64));
    }

    #[test]
    fn whoever_has_waited_long_enough_is_named_once() {
        let mut held = Held::default();
        for (ms, track) in [(0, "a"), (20, "a"), (40, "b"), (1_000, "c")] {
            held.push(chunk(ms, track, 640));
        }
        let ms = Duration::from_millis;
        assert_eq!((held.due(), held.take_overdue(ms(1_999)).len()), (Some(ms(2_000)), 0));
        assert_eq!(held.take_overdue(ms(2_100)), [("ada".into(), "a".into()), ("ada".into(), "b".into())]);
        assert_eq!(held.due(), Some(ms(3_000)));
        held.forget(&"c".into());
        held.take();
        assert_eq!((held.due(), held.is_empty()), (None, true));
    }
}
