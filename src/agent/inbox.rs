//! All that an agent is told, in one order.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    frame::{AudioFrame, Gap, Pause, Source},
    updates::Slot,
};
use crate::{
    audio::{Hz, Resampler, overflow::OverflowReader, ring::RingReader, scratch},
    event::Event,
    stats::Latency,
};

/// One thing that an agent is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// Something happened in the room.
    Event(Event),
    /// The agent's host is going to end: the agent may finish what it is doing and return. It is told to leave at the
    /// latest when this time has passed.
    Draining {
        /// How long it may go on.
        within: Duration,
    },
    /// Somebody who may say so, such as whoever sits at a console, wants the agent to fall silent. What it had queued by then
    /// is dropped already; what else it was about to say it should leave out.
    Silence,
    /// Someone's sound.
    Audio(AudioFrame),
    /// Someone's sound is missing, right before the next frame of the same track.
    Gap(Gap),
    /// Nothing has come of someone's track for a while; told once for each while, to agents that want it.
    Pause(Pause),
}

/// The receiving end of a room. [`Room::next`](super::Room::next) reads it and keeps the peers up to date; it is a
/// field of its own so that an agent can wait for it while it borrows the voice.
pub struct Inbox {
    messages: mpsc::Receiver<InboxMessage>,
    /// By key; there are few.
    tracks: Vec<(u32, Incoming)>,
    /// What one notice gave beyond its first input.
    ready: VecDeque<Input>,
    rate: Hz,
    /// How much silence is put into a gap.
    fill_samples: u64,
    /// How long a notice took to be read.
    reached: Arc<Latency>,
}

/// What the room's driver tells, one after the other.
pub(super) enum InboxMessage {
    // Boxed, as they are seldom: thousands of the small ones may wait.
    Event(Box<Event>),
    Draining(Duration),
    #[cfg_attr(not(feature = "console"), allow(dead_code))]
    Silence,
    /// The newest of its kind, which may have been told already.
    Update(Slot),
    Opened {
        key: u32,
        track: Box<Opened>,
    },
    Sound {
        key: u32,
        index: u64,
        samples: u32,
        heard: Duration,
    },
    /// A chunk beside the ring, which has no room for it.
    Overflow {
        key: u32,
        heard: Duration,
    },
    Paused {
        key: u32,
    },
    Closed {
        key: u32,
    },
    /// Sent at this time.
    Stamp(Instant),
}

/// A track that is heard from now on.
pub(super) struct Opened {
    pub(super) source: Arc<Source>,
    pub(super) rate: Hz,
    pub(super) ring: RingReader,
    pub(super) overflow: OverflowReader,
}

/// One track that is heard.
struct Incoming {
    source: Arc<Source>,
    ring: RingReader,
    overflow: OverflowReader,
    resampler: Resampler,
    /// The wire index that follows the last sample read.
    next_index: Option<u64>,
    /// The index of the next sample given to the agent, at the agent's rate.
    next_out: u64,
    /// When which index was heard, on the wire's clock. Index 0 may have been before the room's time began.
    anchor: (Duration, u64),
    fill_samples: u64,
}

impl Inbox {
    pub(super) fn new(
        messages: mpsc::Receiver<InboxMessage>,
        rate: Hz,
        fill_gaps: Duration,
        reached: Arc<Latency>,
    ) -> Inbox {
        let fill_samples = rate.samples_in(fill_gaps) as u64;
        Inbox { messages, tracks: Vec::new(), ready: VecDeque::new(), rate, fill_samples, reached }
    }

    /// Waits for the next input. `None` means that the agent's time in the room is over.
    ///
    /// Dropping the future loses nothing, so it may stand in a `select!`.
    pub async fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(input) = self.ready.pop_front() {
                return Some(input);
            }
            match self.messages.recv().await? {
                InboxMessage::Event(event) => return Some(Input::Event(*event)),
                InboxMessage::Draining(within) => return Some(Input::Draining { within }),
                InboxMessage::Silence => return Some(Input::Silence),
                InboxMessage::Stamp(sent) => self.reached.note(sent.elapsed()),
                InboxMessage::Update(slot) => {
                    if let Some(event) = slot.take() {
                        return Some(Input::Event(event));
                    }
                }
                InboxMessage::Opened { key, track } => {
                    self.tracks.push((key, Incoming::new(*track, self.rate, self.fill_samples)));
                }
                InboxMessage::Sound { key, index, samples, heard } => {
                    if let Some(track) = track_of(&mut self.tracks, key) {
                        let read = |ring: &mut RingReader, out: &mut Vec<i16>| read(ring, samples as usize, out);
                        track.hear(index, samples.into(), heard, read, &mut self.ready);
                    }
                }
                InboxMessage::Overflow { key, heard } => {
                    let track = track_of(&mut self.tracks, key);
                    if let Some((track, chunk)) =
                        track.and_then(|track| track.overflow.pop().map(|chunk| (track, chunk)))
                    {
                        let samples = &chunk.samples;
                        let copy = |_: &mut RingReader, out: &mut Vec<i16>| out.extend_from_slice(samples);
                        track.hear(chunk.at, samples.len() as u64, heard, copy, &mut self.ready);
                    }
                }
                InboxMessage::Paused { key } => {
                    if let Some(track) = track_of(&mut self.tracks, key) {
                        return Some(Input::Pause(track.pause()));
                    }
                }
                InboxMessage::Closed { key } => {
                    if let Some(place) = self.tracks.iter().position(|(known, _)| *known == key) {
                        let (_, mut track) = self.tracks.swap_remove(place);
                        track.finish(&mut self.ready);
                    }
                }
            }
        }
    }
}

fn track_of(tracks: &mut [(u32, Incoming)], key: u32) -> Option<&mut Incoming> {
    tracks.iter_mut().find(|(known, _)| *known == key).map(|(_, track)| track)
}

impl Incoming {
    fn new(opened: Opened, rate: Hz, fill_samples: u64) -> Incoming {
        let Opened { source, rate: wire_rate, ring, overflow } = opened;
        let resampler = Resampler::new(wire_rate, rate);
        let (next_index, next_out, anchor) = (None, 0, (Duration::ZERO, 0));
        Incoming { source, ring, overflow, resampler, next_index, next_out, anchor, fill_samples }
    }

    /// Queues one chunk, which `read` appends, as a frame, after a gap if the index jumped.
    fn hear(
        &mut self,
        index: u64,
        samples: u64,
        heard: Duration,
        read: impl FnOnce(&mut RingReader, &mut Vec<i16>),
        ready: &mut VecDeque<Input>,
    ) {
        let expected = self.next_index.unwrap_or(0);
        if index > expected {
            self.finish(ready);
            self.skip_to(index, ready);
        }
        self.anchor = (heard, index);
        self.next_index = Some(index + samples);
        let mut out = scratch::take();
        if self.resampler.from() == self.resampler.to() {
            read(&mut self.ring, &mut out);
        } else {
            scratch::with_samples(|raw| {
                read(&mut self.ring, raw);
                self.resampler.push(raw, &mut out);
            });
        }
        self.give(out, ready);
    }

    fn pause(&self) -> Pause {
        Pause { source: self.source.clone(), index: self.next_out, since: self.heard_at_next() }
    }

    /// When the next sample that is given to the agent would have been heard.
    fn heard_at_next(&self) -> Duration {
        let (at, index) = self.anchor;
        let given = self.resampler.to().duration_of(self.next_out);
        (at + given).saturating_sub(self.resampler.from().duration_of(index))
    }

    /// Brings out what the resampler still holds.
    fn finish(&mut self, ready: &mut VecDeque<Input>) {
        let mut tail = scratch::take();
        self.resampler.flush(&mut tail);
        self.give(tail, ready);
    }

    /// Tells of a gap, and fills it with silence as far as the agent wants that.
    fn skip_to(&mut self, index: u64, ready: &mut VecDeque<Input>) {
        let rate = self.resampler.to();
        let resumes = self.resampler.from().convert(index, rate);
        let samples = resumes.saturating_sub(self.next_out);
        if samples > 0 {
            let source = self.source.clone();
            ready.push_back(Input::Gap(Gap { source, index: self.next_out, samples, rate }));
            let (mut to_fill, block) = (samples.min(self.fill_samples) as usize, rate.block_samples());
            while to_fill > 0 {
                let mut silence = scratch::take();
                silence.resize(to_fill.min(block), 0);
                to_fill -= silence.len();
                self.give(silence, ready);
            }
            self.next_out = resumes;
        }
    }

    fn give(&mut self, samples: Vec<i16>, ready: &mut VecDeque<Input>) {
        if samples.is_empty() {
            return;
        }
        let (rate, heard) = (self.resampler.to(), self.heard_at_next());
        let index = self.next_out;
        self.next_out += samples.len() as u64;
        ready.push_back(Input::Audio(AudioFrame::new(&self.source, index, heard, rate, samples)));
    }
}

/// Reads what a notice has announced.
fn read(ring: &mut RingReader, samples: usize, out: &mut Vec<i16>) {
    out.resize(samples, 0);
    let got = ring.read(out);
    debug_assert_eq!(got, samples, "a notice follows its samples");
}
