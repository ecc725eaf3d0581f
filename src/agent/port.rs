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
    AudioRequirements, Room,
    frame::Source,
    inbox::{Inbox, InboxMessage, Opened},
    notes::Request,
    updates::{Telling, Updates},
    voice::{VoicePort, voice_link},
};
use crate::{
    audio::{
        Hz,
        overflow::{OverflowWriter, overflow},
        ring::{RingWriter, ring},
    },
    event::{Event, PeerId, RoomId},
    stats::Latency,
};

/// Makes an agent's room and the port behind it. The agent's voice has the rate it wants, or 16 kHz and no track.
pub(crate) fn room_link(id: RoomId, me: PeerId, requirements: &AudioRequirements) -> (Room, RoomPort) {
    let (messages, inbox) = mpsc::channel(NOTICES);
    let (requests, commands) = mpsc::channel(REQUESTS);
    let reached = Arc::new(Latency::default());
    let (voice, voice_port) = voice_link(requirements.speak_rate);
    let (background, background_port) = requirements.background_rate.map(|rate| voice_link(Some(rate))).unzip();
    let begun = tokio::time::Instant::now();
    let room = Room::new(
        id,
        me,
        begun,
        Inbox::new(inbox, requirements.hear_rate, requirements.fill_gaps, reached.clone()),
        voice,
        background,
        requests,
    );
    let port = RoomPort {
        messages: Some(messages),
        backlog: VecDeque::new(),
        updates: Updates::default(),
        next_key: 0,
        depths: Depths::default(),
        voice: voice_port,
        background: background_port.map(Box::new),
        requests: commands,
        reached,
        begun,
    };
    (room, port)
}

/// The driver's end of the link.
pub(crate) struct RoomPort {
    /// Gone once the agent's inbox was closed.
    messages: Option<mpsc::Sender<InboxMessage>>,
    /// Events that found the channel full, in order; while there are any, everything queues behind them.
    backlog: VecDeque<InboxMessage>,
    updates: Updates,
    next_key: u32,
    depths: Depths,
    /// What the agent says.
    pub(crate) voice: VoicePort,
    /// What it lets sound beside that.
    pub(crate) background: Option<Box<VoicePort>>,
    /// Pictures it asks for, and what it writes down.
    pub(crate) requests: mpsc::Receiver<Request>,
    /// How long what it is told takes to reach it.
    pub(crate) reached: Arc<Latency>,
    begun: tokio::time::Instant,
}

/// One track that the agent hears.
pub(crate) struct TrackPort {
    key: u32,
    ring: RingWriter,
    capacity_samples: usize,
    overflow: OverflowWriter,
}

impl TrackPort {
    /// A chunk that is a large part of the ring goes beside it: it would wait for room for too long.
    fn is_large(&self, samples: usize) -> bool {
        3 * samples > self.capacity_samples
    }
}

/// How the bounded places between the driver and its agent were filled, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depths {
    /// The most samples of a track that lay in its ring, which holds 500 ms.
    pub hearing_samples: usize,
    /// Samples that found a ring or the notices full, and are lost: the agent did not fetch them in time.
    pub lost_samples: u64,
    /// The most notices that waited for the agent, of 4,096.
    pub messages: usize,
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
    pub(crate) fn tell(&mut self, event: Event) -> Result<(), Unread> {
        match self.updates.on_event(event) {
            Telling::Event(event) => self.push(InboxMessage::Event(event)),
            Telling::Update(slot) => self.push(InboxMessage::Update(slot)),
            Telling::Merged => Ok(()),
        }
    }

    /// Tells that the agent will be told to leave `within` this time.
    pub(crate) fn drain(&mut self, within: Duration) -> Result<(), Unread> {
        self.push(InboxMessage::Draining(within))
    }

    /// Tells that the agent is to fall silent.
    #[cfg(feature = "console")]
    pub(crate) fn silence(&mut self) -> Result<(), Unread> {
        self.push(InboxMessage::Silence)
    }

    /// Lets the agent's inbox note how long what is told at `now` takes to reach it. Nothing is told if it is full.
    pub(crate) fn stamp(&mut self, now: Instant) {
        if let Some(messages) = self.messages.as_ref().filter(|_| self.backlog.is_empty()) {
            messages.try_send(InboxMessage::Stamp(now)).ok();
        }
    }

    /// Opens a track whose samples come at `rate`.
    pub(crate) fn open(&mut self, source: Source, rate: Hz) -> Result<TrackPort, Unread> {
        let key = self.next_key;
        self.next_key += 1;
        let capacity_samples = rate.samples_in(HEARING);
        let (writer, reader) = ring(capacity_samples);
        // Each chunk takes a message, so these bound it.
        let (overflow, overflow_out) = overflow(NOTICES);
        let opened = Opened { source: Arc::new(source), rate, ring: reader, overflow: overflow_out };
        self.push(InboxMessage::Opened { key, track: Box::new(opened) })?;
        Ok(TrackPort { key, ring: writer, capacity_samples, overflow })
    }

    /// Whether a chunk of so many samples could be passed on now, whole, and what comes next in its own time finds room,
    /// too.
    pub(crate) fn has_room(&self, track: &mut TrackPort, samples: usize) -> bool {
        let agent_is_gone = self.messages.as_ref().is_none_or(|messages| messages.is_closed());
        let fits = match track.is_large(samples) {
            true => track.overflow.waiting_samples() == 0,
            false => track.ring.free() >= 3 * samples,
        };
        agent_is_gone || self.takes_sound() && fits
    }

    /// Whether one more notice of sound leaves the room that events must have.
    fn takes_sound(&self) -> bool {
        self.backlog.is_empty() && self.messages.as_ref().is_some_and(|messages| messages.capacity() > FOR_EVENTS)
    }

    /// Tells of sound, for which there is room. This is the only sender; a closed channel needs no sound.
    fn tell_of_sound(&mut self, message: InboxMessage) {
        let Some(messages) = &self.messages else { return };
        self.depths.messages = self.depths.messages.max(NOTICES - messages.capacity());
        messages.try_send(message).ok();
    }

    /// Passes on a chunk of a track. Returns how many samples were lost because the agent is behind.
    pub(crate) fn hear(&mut self, track: &mut TrackPort, index: u64, heard: Duration, samples: &[i16]) -> usize {
        let lost = if self.messages.as_ref().is_some_and(|messages| messages.is_closed()) {
            // An agent that has returned loses nothing.
            0
        } else if !self.takes_sound() {
            samples.len()
        } else if track.is_large(samples.len()) {
            let most = track.capacity_samples * (ASIDE.as_millis() / HEARING.as_millis()) as usize;
            let fits = track.overflow.waiting_samples() + samples.len() <= most;
            if fits && self.pass_beside(track, index, heard, samples) { 0 } else { samples.len() }
        } else {
            let taken = track.ring.write(samples);
            let depth = track.capacity_samples - track.ring.free();
            self.depths.hearing_samples = self.depths.hearing_samples.max(depth);
            if taken > 0 {
                self.tell_of_sound(InboxMessage::Sound { key: track.key, index, samples: taken as u32, heard });
            }
            samples.len() - taken
        };
        self.depths.lost_samples += lost as u64;
        lost
    }

    /// Passes on a chunk that nothing will follow soon. If it has no room in the ring, it goes beside it.
    pub(crate) fn hear_whole(&mut self, track: &mut TrackPort, index: u64, heard: Duration, samples: &[i16]) -> usize {
        let is_closed = self.messages.as_ref().is_none_or(|messages| messages.is_closed());
        if is_closed || track.ring.free() >= samples.len() || !self.takes_sound() {
            return self.hear(track, index, heard, samples);
        }
        let lost = if self.pass_beside(track, index, heard, samples) { 0 } else { samples.len() };
        self.depths.lost_samples += lost as u64;
        lost
    }

    /// Passes on a chunk beside the ring. Says whether it found room there.
    fn pass_beside(&mut self, track: &mut TrackPort, index: u64, heard: Duration, samples: &[i16]) -> bool {
        let took = track.overflow.push(index, samples);
        if took {
            self.tell_of_sound(InboxMessage::Overflow { key: track.key, heard });
        }
        took
    }

    /// Nothing comes of a track for the moment. Says whether that could be told.
    pub(crate) fn pause(&mut self, track: &TrackPort) -> bool {
        let takes = self.takes_sound();
        if takes {
            self.tell_of_sound(InboxMessage::Paused { key: track.key });
        }
        takes
    }

    /// When the room's time began.
    pub(crate) fn begun(&self) -> Instant {
        self.begun.into_std()
    }

    /// Ends a track.
    pub(crate) fn close(&mut self, track: TrackPort) -> Result<(), Unread> {
        self.push(InboxMessage::Closed { key: track.key })
    }

    /// Ends the inbox: the agent is told what the channel holds and then `None`, and waits for its voice no longer.
    pub(crate) fn end(&mut self) {
        self.flush();
        self.voice.close();
        if let Some(background) = &self.background {
            background.close();
        }
        self.messages = None;
    }

    /// Moves queued events on as the agent reads. Call it every block while [`is_behind`](Self::is_behind).
    pub(crate) fn flush(&mut self) {
        while let (Some(messages), Some(message)) = (&self.messages, self.backlog.pop_front()) {
            match messages.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Full(message)) => {
                    self.backlog.push_front(message);
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

    fn push(&mut self, message: InboxMessage) -> Result<(), Unread> {
        self.backlog.push_back(message);
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
/// How much of a track may wait beside its ring, where chunks are large: two of the largest.
const ASIDE: Duration = Duration::from_secs(2);
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
    use crate::{
        agent::Input,
        audio::Hz,
        event::{Changes, LinkEvent, Metadata, Peer, PeerEvent, PeerKind, Plane},
    };

    fn link(hear_rate: Hz) -> (Room, RoomPort) {
        room_link("room".into(), "me".into(), &AudioRequirements { hear_rate, ..AudioRequirements::default() })
    }

    fn ada() -> Source {
        Source { peer: "ada".into(), kind: PeerKind::Person, track: "t".into() }
    }

    #[tokio::test]
    async fn a_gap_is_told_of_and_filled_as_far_as_the_agent_wants() {
        let requirements = AudioRequirements {
            fill_gaps: Duration::from_millis(50),
            hear_rate: Hz::K24,
            ..AudioRequirements::default()
        };
        let (mut room, mut port) = room_link("room".into(), "me".into(), &requirements);
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
                Input::Event(_) | Input::Draining { .. } | Input::Silence | Input::Pause(_) => {}
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
                Input::Event(_) | Input::Draining { .. } | Input::Silence | Input::Pause(_) => {
                    unreachable!("none was told")
                }
            }
        }
        assert_eq!((next, missing), (15 * 960, 10 * 960));
    }

    #[tokio::test]
    async fn of_updates_that_lie_the_newest_is_told_and_none_before_its_time() {
        let (mut room, mut port) = link(Hz::K16);
        let ada = || Peer::new("ada".into(), PeerKind::Person);
        let update = |n: u32| -> Event {
            let changes = Changes::Whole(Metadata::new(n.into()));
            PeerEvent::Updated { peer: ada(), changes }.into()
        };
        (0..100_000).for_each(|n| port.tell(update(n)).unwrap());
        let left = || Event::from(PeerEvent::left(ada()));
        port.tell(left()).unwrap();
        (0..3).for_each(|n| port.tell(update(n)).unwrap());
        let mut told = Vec::new();
        for _ in 0..3 {
            let Some(Input::Event(event)) = room.next().await else { panic!("an event") };
            told.push(event);
        }
        assert_eq!(told, [update(99_999), left(), update(2)]);
        port.tell(update(3)).unwrap();
        port.end();
        assert!(matches!(room.next().await, Some(Input::Event(event)) if event == update(3)));
        assert!(room.next().await.is_none());
    }

    #[tokio::test]
    async fn chunks_of_a_second_are_ordinary() {
        let (mut room, mut port) = link(Hz::K16);
        let mut track = port.open(ada(), Hz::K16).unwrap();
        let mut lost = 0;
        for second in 0..10 {
            lost += port.hear(&mut track, second * 16_000, Duration::from_secs(second), &[7; 16_000]);
            let Some(Input::Audio(frame)) = room.next().await else { panic!("a frame") };
            assert_eq!((frame.index(), frame.samples().len()), (second * 16_000, 16_000));
        }
        assert_eq!(lost, 0);
        // One that nobody fetches is bounded, too.
        let heard = |n: u64| (n * 16_000, Duration::from_secs(n));
        lost += (10..20).map(heard).map(|(index, at)| port.hear(&mut track, index, at, &[7; 16_000])).sum::<usize>();
        assert_eq!(lost, 8 * 16_000);
    }

    #[tokio::test]
    async fn an_agent_that_never_reads_is_given_up_and_a_slow_one_is_not() {
        let (mut room, mut port) = link(Hz::K16);
        let event = || Event::from(LinkEvent::Retrying { plane: Plane::Signal });
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
