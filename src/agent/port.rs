//! The driver's side of an agent: what it hears goes in here, what it does comes out.
//!
//! Nothing here waits. Samples go through one ring for each track; all else goes through one bounded channel, in
//! order. When the agent does not keep up, sound is dropped and counted first; events are kept until there are so
//! many that the agent must be taken for dead.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    Room, Wants,
    frame::Source,
    inbox::{Aside, Inbox, Notice},
    latency::Latency,
    notes::Request,
    voice::{VoicePort, voice_link},
};
use crate::{
    audio::{
        Hz,
        ring::{RingWriter, ring},
    },
    event::{PeerId, RoomEvent, RoomId},
};

/// Makes an agent's room and the port behind it. The agent's voice has the rate it wants, or 16 kHz and no track.
pub(crate) fn room_link(id: RoomId, me: PeerId, wants: &Wants) -> (Room, RoomPort) {
    let (notices, inbox) = mpsc::channel(NOTICES);
    let (requests, commands) = mpsc::channel(REQUESTS);
    let reached = Arc::new(Latency::default());
    let (voice, voice_port) = voice_link(wants.speak_rate);
    let room = Room::new(id, me, Inbox::new(inbox, wants.hear_rate, wants.fill_gaps, reached.clone()), voice, requests);
    let port = RoomPort {
        notices: Some(notices),
        backlog: VecDeque::new(),
        next_key: 0,
        depths: Depths::default(),
        voice: voice_port,
        requests: commands,
        reached,
    };
    (room, port)
}

/// The driver's end of the link.
pub(crate) struct RoomPort {
    /// Gone once the agent's inbox was closed.
    notices: Option<mpsc::Sender<Notice>>,
    /// Events that found the channel full, in order; while there are any, everything queues behind them.
    backlog: VecDeque<Notice>,
    next_key: u32,
    depths: Depths,
    /// What the agent says.
    pub(crate) voice: VoicePort,
    /// Pictures it asks for, and what it writes down.
    pub(crate) requests: mpsc::Receiver<Request>,
    /// How long what it is told takes to reach it.
    pub(crate) reached: Arc<Latency>,
}

/// One track that the agent hears.
pub(crate) struct TrackPort {
    key: u32,
    ring: RingWriter,
    capacity_samples: usize,
}

/// How the bounded places between the driver and its agent were filled, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depths {
    /// The most samples of a track that lay in its ring, which holds 500 ms.
    pub hearing_samples: usize,
    /// Samples that found a ring or the notices full, and are lost: the agent did not fetch them in time.
    pub lost_samples: u64,
    /// The most notices that waited for the agent, of 4,096.
    pub notices: usize,
    /// The most events that waited behind the notices, of 1,024.
    pub backlog: usize,
}

/// The agent has let so many events lie that it must be taken for dead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the agent has left {events} events unread; it must call room.next() or return")]
pub(crate) struct Unread {
    events: usize,
}

impl RoomPort {
    /// Tells an event.
    pub(crate) fn tell(&mut self, event: RoomEvent) -> Result<(), Unread> {
        self.push(Notice::Event(Box::new(event)))
    }

    /// Lets the agent's inbox note how long what is told at `now` takes to reach it. Nothing is told if it is full.
    pub(crate) fn stamp(&mut self, now: Instant) {
        if let Some(notices) = self.notices.as_ref().filter(|_| self.backlog.is_empty()) {
            notices.try_send(Notice::Stamp(now)).ok();
        }
    }

    /// Opens a track whose samples come at `rate`.
    pub(crate) fn open(&mut self, source: Source, rate: Hz) -> Result<TrackPort, Unread> {
        let key = self.next_key;
        self.next_key += 1;
        let capacity_samples = rate.samples_in(HEARING);
        let (writer, reader) = ring(capacity_samples);
        self.push(Notice::Opened { key, track: Box::new((Arc::new(source), rate, reader)) })?;
        Ok(TrackPort { key, ring: writer, capacity_samples })
    }

    /// Whether a chunk of so many samples could be passed on now, whole.
    pub(crate) fn has_room(&self, track: &mut TrackPort, samples: usize) -> bool {
        let Some(notices) = self.notices.as_ref().filter(|notices| !notices.is_closed()) else { return true };
        self.backlog.is_empty() && notices.capacity() > FOR_EVENTS && track.ring.free() >= samples
    }

    /// Passes on a chunk of a track. Returns how many samples were lost because the agent is behind.
    pub(crate) fn hear(&mut self, track: &mut TrackPort, index: u64, heard: Duration, samples: &[i16]) -> usize {
        let lost = match &self.notices {
            // An agent that has returned loses nothing.
            Some(notices) if notices.is_closed() => 0,
            Some(notices) if self.backlog.is_empty() && notices.capacity() > FOR_EVENTS => {
                let taken = track.ring.write(samples);
                self.depths.notices = self.depths.notices.max(NOTICES - notices.capacity());
                let depth = track.capacity_samples - track.ring.free();
                self.depths.hearing_samples = self.depths.hearing_samples.max(depth);
                if taken > 0 {
                    let sound = Notice::Sound { key: track.key, index, samples: taken as u32, heard };
                    // Room was seen a line above, and this is the only sender; a closed channel needs no sound.
                    notices.try_send(sound).ok();
                }
                samples.len() - taken
            }
            _ => samples.len(),
        };
        self.depths.lost_samples += lost as u64;
        lost
    }

    /// Passes on a chunk that nothing will follow soon. If it has no room in the ring, it goes beside it.
    pub(crate) fn hear_whole(&mut self, track: &mut TrackPort, index: u64, heard: Duration, samples: &[i16]) -> usize {
        let fits = track.ring.free() >= samples.len();
        match self.notices.as_ref().filter(|notices| !fits && notices.capacity() > FOR_EVENTS) {
            Some(notices) if self.backlog.is_empty() => {
                let aside = Aside { key: track.key, index, heard, samples: samples.to_vec() };
                self.depths.notices = self.depths.notices.max(NOTICES - notices.capacity());
                // As above.
                notices.try_send(Notice::Aside(Box::new(aside))).ok();
                0
            }
            _ => self.hear(track, index, heard, samples),
        }
    }

    /// Ends a track.
    pub(crate) fn close(&mut self, track: TrackPort) -> Result<(), Unread> {
        self.push(Notice::Closed { key: track.key })
    }

    /// Ends the inbox: the agent is told what the channel holds and then `None`, and waits for its voice no longer.
    pub(crate) fn end(&mut self) {
        self.flush();
        self.voice.close();
        self.notices = None;
    }

    /// Moves queued events on as the agent reads. Call it every block while [`is_behind`](Self::is_behind).
    pub(crate) fn flush(&mut self) {
        while let (Some(notices), Some(notice)) = (&self.notices, self.backlog.pop_front()) {
            match notices.try_send(notice) {
                Ok(()) => {}
                Err(TrySendError::Full(notice)) => {
                    self.backlog.push_front(notice);
                    return;
                }
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }

    /// Whether events wait for the agent to read.
    pub(crate) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// How full it was, and what that cost.
    pub(crate) fn depths(&self) -> Depths {
        self.depths
    }

    fn push(&mut self, notice: Notice) -> Result<(), Unread> {
        self.backlog.push_back(notice);
        self.flush();
        self.depths.backlog = self.depths.backlog.max(self.backlog.len());
        match self.backlog.len() {
            events if events > BACKLOG => Err(Unread { events }),
            _ => Ok(()),
        }
    }
}

/// How much of a track an agent may leave unfetched before newer sound is dropped.
const HEARING: Duration = Duration::from_millis(500);
/// Notices that may wait for the agent: 4 s of 20 speakers. The channel's memory grows with use, not with this.
const NOTICES: usize = 4_096;
/// Notices that sound leaves free for events.
const FOR_EVENTS: usize = 512;
/// Events that may wait beyond the channel before the agent is given up.
const BACKLOG: usize = 1_024;
/// Pictures asked for and notes that the driver may not have seen yet. Beyond that, pictures wait and notes are lost.
const REQUESTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::Input, audio::Hz, event::PeerKind};

    fn link(hear_rate: Hz) -> (Room, RoomPort) {
        room_link("room".into(), "me".into(), &Wants { hear_rate, ..Wants::default() })
    }

    fn ada() -> Source {
        Source { peer: "ada".into(), kind: PeerKind::Person, track: "t".into() }
    }

    #[tokio::test]
    async fn a_gap_is_told_of_and_filled_as_far_as_the_agent_wants() {
        let wants = Wants { fill_gaps: Duration::from_millis(50), hear_rate: Hz::K24, ..Wants::default() };
        let (mut room, mut port) = room_link("room".into(), "me".into(), &wants);
        let mut track = port.open(ada(), Hz::K16).unwrap();
        port.hear(&mut track, 0, Duration::ZERO, &[1_000; 320]);
        port.hear(&mut track, 16_000, Duration::from_secs(1), &[1_000; 320]);
        port.hear(&mut track, 16_640, Duration::from_millis(1_040), &[1_000; 320]);
        port.close(track).unwrap();
        port.end();
        let mut seen = Vec::new();
        while let Some(input) = room.next().await {
            match input {
                Input::Audio(frame) => seen.push((frame.index(), frame.samples().len(), frame.samples()[0] == 0)),
                Input::Gap(gap) => {
                    assert_eq!((gap.index, gap.samples), if seen.len() < 5 { (480, 23_520) } else { (24_480, 480) })
                }
                Input::Event(_) => {}
            }
        }
        let fills: Vec<_> = seen.iter().filter(|(_, _, silent)| *silent).collect();
        assert_eq!(fills, [&(480, 480, true), &(960, 480, true), &(1_440, 240, true), &(24_480, 480, true)]);
        assert_eq!(seen.last().map(|(index, samples, _)| index + *samples as u64), Some(25_440));
    }

    #[tokio::test]
    async fn what_an_agent_does_not_fetch_shows_as_a_gap() {
        let (mut room, mut port) = link(Hz::K16);
        let mut track = port.open(ada(), Hz::K16).unwrap();
        let lost: usize =
            (0..60).map(|n| port.hear(&mut track, n * 320, Duration::from_millis(n * 20), &[n as i16; 320])).sum();
        assert_eq!(lost, 35 * 320);
        for n in 0..25 {
            let Some(Input::Audio(frame)) = room.next().await else { panic!("frame {n}") };
            assert_eq!((frame.index(), frame.samples()[0]), (n * 320, n as i16));
        }
        port.hear(&mut track, 60 * 320, Duration::from_millis(1_200), &[60; 320]);
        let Some(Input::Gap(gap)) = room.next().await else { panic!("a gap") };
        assert_eq!((gap.index, gap.samples), (25 * 320, 35 * 320));
        let Some(Input::Audio(frame)) = room.next().await else { panic!("a frame") };
        assert_eq!((frame.index(), frame.heard()), (60 * 320, Duration::from_millis(1_200)));
    }

    #[tokio::test]
    async fn resampled_frames_keep_their_place_across_a_gap() {
        let (mut room, mut port) = link(Hz::K48);
        let mut track = port.open(ada(), Hz::K16).unwrap();
        for n in [0, 1, 2, 13, 14] {
            port.hear(&mut track, n * 320, Duration::from_millis(n * 20), &[500; 320]);
        }
        port.close(track).unwrap();
        port.end();
        let (mut next, mut missing) = (0, 0);
        while let Some(input) = room.next().await {
            match input {
                Input::Gap(gap) => {
                    assert_eq!((gap.index, gap.samples), (3 * 960, 10 * 960));
                    missing += gap.samples;
                    next += gap.samples;
                }
                Input::Audio(frame) => {
                    assert_eq!(frame.index(), next);
                    assert_eq!(frame.heard(), Hz::K48.duration_of(next));
                    next += frame.samples().len() as u64;
                }
                Input::Event(_) => unreachable!("none was told"),
            }
        }
        assert_eq!((next, missing), (15 * 960, 10 * 960));
    }

    #[tokio::test]
    async fn an_agent_that_never_reads_is_given_up_and_a_slow_one_is_not() {
        let (mut room, mut port) = link(Hz::K16);
        let event = || RoomEvent::LinkLost { reason: String::new() };
        (0..NOTICES + BACKLOG).for_each(|_| port.tell(event()).unwrap());
        assert!(port.is_behind());
        for _ in 0..BACKLOG {
            room.next().await.unwrap();
        }
        port.flush();
        assert!(!port.is_behind());
        (0..BACKLOG).for_each(|_| port.tell(event()).unwrap());
        assert_eq!(port.tell(event()), Err(Unread { events: BACKLOG + 1 }));
    }
}
