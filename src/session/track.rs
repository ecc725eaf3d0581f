//! One track that is heard: where its chunks belong in time, what waits, what is left out.
//!
//! After a long silence the next chunk is ambiguous. Either the speaker has paused, and there is a hole before it; or the
//! network has stood still, and the rest comes right behind it. Neither the chunk nor the clock can tell, so the chunk waits
//! for a moment (the backlog): if more comes than time passes, it was a stall, and what came is played on without a hole; if
//! not, it was a pause.
//!
//! ```text
//! said       |aaaaaaaa|            |bbbbbbbb|        said       |aaaaaaaabbbbbbbb|
//! came        aaaaaaaa              bbbbbbbb         came        aaaaaaaa            bbbbbbbb (all at once)
//! delivered   aaaaaaaa    gap       bbbbbbbb         delivered   aaaaaaaa            bbbbbbbb
//! ```

use std::{collections::VecDeque, time::Duration};

use super::{inbound::InboundError, present::Present};
use crate::{
    agent::{RoomPort, TrackPort},
    audio::{SampleClock, clock::BACKLOG, codec::Decoder, is_silent},
};

pub(super) struct Heard {
    pub(super) decoder: Decoder,
    pub(super) clock: SampleClock,
    /// `None` for a track that the agent does not want.
    pub(super) port: Option<TrackPort>,
    pub(super) backlog: Backlog,
    pub(super) burst: BurstDetector,
    pub(super) present: Present,
    /// The agent has been told that nothing comes, or nothing has come yet.
    pub(super) has_paused: bool,
}

/// By how much sound has come faster than it was said.
#[derive(Default)]
pub(super) struct BurstDetector {
    pub(super) last_at: Duration,
    pub(super) ahead: Duration,
}

/// What came after a long silence, and waits for a moment: either more comes at once and it was held up, or not. Or what
/// came all at once and is more than the agent's ring holds.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) until: Option<Duration>,
    pub(super) chunks: VecDeque<WaitingChunk>,
    /// Theirs, behind those of chunks that have been passed on.
    pub(super) samples: Vec<i16>,
    passed: usize,
    /// By how much more has come than time has passed, when it was last waited for.
    gained: Duration,
    /// Its place is known; it waits for room in the agent's ring.
    pub(super) is_placed: bool,
}

/// A chunk of a backlog.
pub(super) struct WaitingChunk {
    /// When it came.
    pub(super) at: Duration,
    /// How many samples it is.
    pub(super) samples: usize,
    pub(super) is_silent: bool,
}

/// How a backlog is passed on.
#[derive(Clone, Copy)]
pub(super) enum Release {
    /// At this time: as much as the agent's ring has room for.
    AsThereIsRoom(Duration),
    /// All of it: the track ends here, or breaks off.
    Whole,
    /// What the ring has no room for is lost: the agent is too far behind.
    Lossy,
}

impl Heard {
    /// Whether nothing has come for so long, and nothing that has come waits to be passed on.
    pub(super) fn is_quiet_since(&self, now: Duration, pause: Duration) -> bool {
        !self.has_paused && self.backlog.until.is_none() && self.burst.last_at + pause <= now
    }

    /// Passes on a chunk that came `at` some time and is here `now`, or holds it. Says whether it is held.
    pub(super) fn hear(&mut self, at: Duration, now: Duration, samples: &[i16], port: &mut RoomPort) -> bool {
        let Some(open) = &mut self.port else { return false };
        let length = self.clock.rate().duration_of(samples.len() as u64);
        self.burst.note(now, length);
        // What would take the agent too far from the present waits for a moment: it may be part of more, and then the
        // best of it is passed on.
        if self.backlog.until.is_none() && self.present.is_left_by(now, samples.len()) {
            self.backlog.is_placed = true;
            self.backlog.until = Some(now + LOOK_AGAIN);
        }
        // An agent that is too slow for what comes in its own time loses it; a burst it cannot have been quick enough for.
        if self.backlog.until.is_none() && self.burst.ahead > BURST && !port.has_room(open, samples.len()) {
            self.backlog.is_placed = true;
            self.backlog.until = Some(at + LOOK_AGAIN);
        }
        if self.backlog.until.is_none() && !self.clock.is_ambiguous(at, samples.len()) {
            let index = self.clock.place(at, samples.len());
            if !self.present.skips(now, samples) {
                self.present.on_passed(now, samples.len());
                port.hear(open, index, self.clock.heard_at(index), samples);
            }
            return false;
        }
        // As long as more comes than time passes, it is catching up.
        let held = self.clock.rate().duration_of(self.backlog.waiting() as u64);
        if self.backlog.gains(at, held + length, length) && !self.backlog.is_placed {
            self.backlog.until = Some(at + BACKLOG);
        }
        self.backlog.push(at, samples);
        let is_long = self.clock.rate().duration_of(self.backlog.waiting() as u64) > LONGEST_BACKLOG;
        // One whose place is known waits for time to pass, not for more.
        let is_all = !self.backlog.is_placed && self.clock.has_caught_up(at, self.backlog.waiting());
        if is_long || is_all || self.backlog.is_due(at) {
            self.release(if is_long { Release::Lossy } else { Release::AsThereIsRoom(at) }, port);
        }
        self.backlog.until.is_some()
    }

    /// Ends the track for the agent, once it has all that is held, and says how many samples of that were left out.
    pub(super) fn end(mut self, port: &mut RoomPort) -> Result<u64, InboundError> {
        self.release(Release::Whole, port);
        if let Some(open) = self.port {
            port.close(open)?;
        }
        Ok(self.present.take_skipped())
    }

    /// Passes on what is held.
    pub(super) fn release(&mut self, how: Release, port: &mut RoomPort) {
        let (Some(open), backlog) = (&mut self.port, &mut self.backlog) else { return };
        let Some(last) = backlog.chunks.back().map(|chunk| chunk.at) else { return };
        if !std::mem::replace(&mut backlog.is_placed, true) {
            self.clock.place_backlog(last, backlog.waiting());
        }
        let now = if let Release::AsThereIsRoom(now) = how { now } else { last };
        self.present.choose(now, &backlog.chunks);
        while let Some(WaitingChunk { at, samples: length, .. }) = backlog.chunks.front() {
            let (at, length) = (*at, *length);
            let is_left_out = self.present.takes_next_away(length);
            if let Release::AsThereIsRoom(now) = how
                && !is_left_out
                && !port.has_room(open, length)
            {
                self.present.choose_again();
                backlog.until = Some(now + LOOK_AGAIN);
                backlog.forget_passed();
                return;
            }
            let index = self.clock.follow(at, length);
            let samples = backlog.pop(length);
            if is_left_out {
                continue;
            }
            let heard = self.clock.heard_at(index);
            self.present.on_passed(now, length);
            match how {
                Release::Whole => port.hear_whole(open, index, heard, samples),
                Release::AsThereIsRoom(_) | Release::Lossy => port.hear(open, index, heard, samples),
            };
        }
        self.backlog = Backlog::default();
    }
}

impl BurstDetector {
    /// A chunk of `length` came at `now`. What has come too fast is forgotten as quickly again as it is said.
    pub(super) fn note(&mut self, now: Duration, length: Duration) {
        let elapsed = now.saturating_sub(std::mem::replace(&mut self.last_at, now));
        self.ahead = (self.ahead + length).saturating_sub(2 * elapsed);
    }
}

impl Backlog {
    /// A chunk of `length` comes at `at`, and makes it `held` in all. Says whether it catches up: whether so much more has come
    /// than time has passed that it cannot be jitter. What comes in its own time gains nothing, however unevenly it comes.
    fn gains(&mut self, at: Duration, held: Duration, length: Duration) -> bool {
        let Some(WaitingChunk { at: first, .. }) = self.chunks.front() else { return true };
        let gained = held.saturating_sub(at.saturating_sub(*first));
        let is_more = gained >= self.gained.max(length) + length / 2;
        if is_more {
            self.gained = gained;
        }
        is_more
    }

    fn push(&mut self, at: Duration, samples: &[i16]) {
        self.chunks.push_back(WaitingChunk { at, samples: samples.len(), is_silent: is_silent(samples) });
        self.samples.extend_from_slice(samples);
    }

    /// The samples of the first chunk, which is passed on.
    fn pop(&mut self, samples: usize) -> &[i16] {
        self.chunks.pop_front();
        self.passed += samples;
        &self.samples[self.passed - samples..self.passed]
    }

    /// How many samples wait.
    pub(super) fn waiting(&self) -> usize {
        self.samples.len() - self.passed
    }

    /// Gives back the place of what was passed on, once it is worth moving what waits.
    fn forget_passed(&mut self) {
        if self.passed > self.waiting() / 2 {
            self.samples.drain(..std::mem::take(&mut self.passed));
        }
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// A backlog that the agent has no room for is lost beyond this.
const LONGEST_BACKLOG: Duration = Duration::from_secs(30);
/// What comes faster than it was said by more than this is a burst; by less, jitter.
const BURST: Duration = Duration::from_millis(200);
/// How soon a full ring is looked at again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(5);
