//! From the wire to the agent: which chunks it gets, decoded, at which place of which track.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    held::{Held, HeldChunk},
    present::Present,
    subscription_filter::SubscriptionFilter,
    track::{Backlog, BurstDetector, Heard, LOOK_AGAIN, Release},
};
use crate::{
    agent::{Hear, RoomPort, Source},
    audio::{
        Hz, SampleClock,
        codec::{CodecError, Decoder, Encoding},
        is_silent, scratch,
    },
    event::{Peer, PeerId, PeerKind, Roster, TrackId},
    signal::IncomingSound,
};

/// The incoming half of the path.
pub(crate) struct InboundAudio {
    hear: Hear,
    filter: SubscriptionFilter,
    encoding: Encoding,
    /// The rate that decoders give, before the agent's own resampling.
    rate: Hz,
    tracks: BTreeMap<TrackId, Heard>,
    /// Chunks of tracks that nobody has announced yet: sound can overtake the notification on the other socket.
    held: Held,
    /// Tracks that ended lately, whose last chunks may still be on their way.
    ended: VecDeque<(TrackId, Duration)>,
    counters: InboundCounters,
    /// How far the agent may be behind the present, if it is to stay there.
    most_behind: Option<Duration>,
    /// When the first backlog is to be passed on.
    next_release: Option<Duration>,
    /// After how long without sound the agent is told so.
    pause_after: Option<Duration>,
    /// When it is to be looked whether somebody has paused.
    next_pause: Option<Duration>,
}

/// What was heard and what was lost, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboundCounters {
    /// Chunks for the agent. What its rings had no room for is among them; see `Depths`.
    pub chunks: u64,
    /// Those in which there was more than silence.
    pub loud_chunks: u64,
    /// Samples of those chunks.
    pub samples: u64,
    /// Chunks of tracks that were never announced.
    pub unannounced_chunks: u64,
    /// Chunks that came after their track had ended.
    pub late_chunks: u64,
    /// Chunks that could not be decoded.
    pub broken_chunks: u64,
    /// Samples that were left out so that a live agent comes back to the present, as gaps.
    pub skipped_samples: u64,
}

impl InboundAudio {
    /// A path for an agent that hears what `hear` says, from tracks of `encoding` decoded to `rate`.
    pub(crate) fn new(hear: Hear, encoding: Encoding, rate: Hz) -> InboundAudio {
        InboundAudio {
            hear,
            filter: SubscriptionFilter::default(),
            encoding,
            rate,
            tracks: BTreeMap::new(),
            held: Held::default(),
            ended: VecDeque::new(),
            counters: InboundCounters::default(),
            most_behind: None,
            next_release: None,
            pause_after: None,
            next_pause: None,
        }
    }

    /// The same, for no more than `filter`.
    pub(crate) fn of(self, filter: SubscriptionFilter) -> InboundAudio {
        InboundAudio { filter, ..self }
    }

    /// The same, for an agent that must not be further behind the present than this.
    pub(crate) fn live(self, most_behind: Option<Duration>) -> InboundAudio {
        InboundAudio { most_behind, ..self }
    }

    /// The same, for an agent that wants to know of pauses this long.
    pub(crate) fn telling_pauses(self, pause_after: Option<Duration>) -> InboundAudio {
        InboundAudio { pause_after, ..self }
    }

    /// How the sound comes.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether the agent hears `peer`.
    pub(crate) fn admits(&self, peer: &Peer) -> bool {
        self.filter.admits(self.hear, peer)
    }

    /// What is said of a peer has changed: whether it is heard may have, too. Its next chunk finds out.
    pub(crate) fn on_peer_updated(&mut self, peer: &Peer, port: &mut RoomPort) -> Result<(), InboundError> {
        let is_heard = self.admits(peer);
        for track in &peer.tracks {
            if self.tracks.get(&track.id).is_some_and(|heard| heard.port.is_some() != is_heard) {
                let heard = self.tracks.remove(&track.id).expect("it was just there");
                self.counters.skipped_samples += heard.end(port)?;
            }
        }
        Ok(())
    }

    /// A chunk came at `now`, on the room's clock: passes it on if its track is known. If not, it is one for
    /// [`on_first_chunk`](Self::on_first_chunk).
    pub(crate) fn try_deliver(&mut self, now: Duration, sound: &IncomingSound<'_>, port: &mut RoomPort) -> bool {
        self.try_deliver_held(now, now, sound, port)
    }

    /// The same for a chunk that came `at` some time, and was held until `now`.
    fn try_deliver_held(
        &mut self,
        at: Duration,
        now: Duration,
        sound: &IncomingSound<'_>,
        port: &mut RoomPort,
    ) -> bool {
        let Some(heard) = self.tracks.get_mut(sound.track) else { return false };
        if heard.port.is_none() {
            return true;
        }
        scratch::with_samples(|samples| {
            if heard.decoder.decode_into(sound.data, samples).is_err() {
                self.counters.broken_chunks += 1;
                return;
            }
            self.counters.chunks += 1;
            self.counters.loud_chunks += u64::from(!is_silent(samples));
            self.counters.samples += samples.len() as u64;
            // What is longer than any chunk is a burst.
            for piece in samples.chunks(self.rate.samples_in(LONGEST_CHUNK)) {
                if heard.hear(at, now, piece, port) {
                    self.next_release = self.next_release.into_iter().chain(heard.backlog.until).min();
                }
            }
            self.counters.skipped_samples += heard.present.take_skipped();
        });
        // A chunk that brought nothing is no sound.
        if let Some(pause) = self.pause_after.filter(|_| heard.burst.last_at == now) {
            heard.has_paused = false;
            self.next_pause.get_or_insert(now + pause);
        }
        true
    }

    /// A chunk came at `now`, on the room's clock, that [`try_deliver`](Self::try_deliver) did not pass on. If the roster
    /// knows its track, that is opened; if not, the chunk is held back, and the roster is told that it is behind. Says
    /// whether it is the first that the agent hears of its track.
    pub(crate) fn on_first_chunk(
        &mut self,
        now: Duration,
        sound: IncomingSound<'_>,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<bool, InboundError> {
        self.open_or_hold(now, now, sound, roster, port)
    }

    /// The same for a chunk that came `at` some time, and was held until `now`.
    fn open_or_hold(
        &mut self,
        at: Duration,
        now: Duration,
        sound: IncomingSound<'_>,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<bool, InboundError> {
        let IncomingSound { peer, track, data } = sound;
        let is_straggler = |(ended, over): &(TrackId, Duration)| ended.as_str() == track && at < *over + STRAGGLERS;
        if self.ended.iter().any(is_straggler) {
            self.counters.late_chunks += 1;
            return Ok(false);
        }
        if !roster.peer(peer).is_some_and(|peer| peer.tracks.iter().any(|known| known.id.as_str() == track)) {
            roster.request_snapshot();
            let chunk = HeldChunk { at, peer: peer.into(), track: track.into(), data: data.to_vec() };
            self.counters.unannounced_chunks += self.held.push(chunk);
            return Ok(false);
        }
        let first = self.open(peer, track, roster, port)?;
        self.try_deliver_held(at, now, &sound, port);
        Ok(first)
    }

    /// Those whose sound has waited too long for a notification: they are here, whatever was said.
    pub(crate) fn take_overdue(&mut self, now: Duration) -> Vec<(PeerId, TrackId)> {
        self.held.take_overdue(now)
    }

    /// The roster has grown: held chunks may have found their track.
    pub(crate) fn on_roster(
        &mut self,
        now: Duration,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<(), InboundError> {
        for chunk in self.held.take() {
            let HeldChunk { at, peer, track, data } = &chunk;
            let sound = IncomingSound { peer: peer.as_str(), track: track.as_str(), data };
            if !self.try_deliver_held(*at, now, &sound, port) {
                self.open_or_hold(*at, now, sound, roster, port)?;
            }
        }
        Ok(())
    }

    /// A track ended; call it before the agent is told.
    pub(crate) fn on_track_removed(
        &mut self,
        now: Duration,
        track: &TrackId,
        port: &mut RoomPort,
    ) -> Result<(), InboundError> {
        self.held.forget(track);
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((track.clone(), now));
        if let Some(heard) = self.tracks.remove(track) {
            self.counters.skipped_samples += heard.end(port)?;
        }
        Ok(())
    }

    /// A track of this id exists again.
    pub(crate) fn on_track_added(&mut self, track: &TrackId) {
        self.ended.retain(|(ended, _)| ended != track);
    }

    /// The link broke: what comes next comes after a hole.
    pub(crate) fn on_link_down(&mut self, port: &mut RoomPort) {
        for heard in self.tracks.values_mut() {
            heard.release(Release::Whole, port);
            heard.clock.on_link_down();
            heard.decoder.on_hole();
        }
    }

    /// Passes on what has waited long enough for more.
    pub(crate) fn on_time(&mut self, now: Duration, port: &mut RoomPort) {
        if self.next_release.is_some_and(|due| due <= now) {
            for heard in self.tracks.values_mut().filter(|heard| heard.backlog.is_due(now)) {
                heard.release(Release::AsThereIsRoom(now), port);
                self.counters.skipped_samples += heard.present.take_skipped();
            }
            self.next_release = self.tracks.values().filter_map(|heard| heard.backlog.until).min();
        }
        if let Some(pause) = self.pause_after.filter(|_| self.next_pause.is_some_and(|due| due <= now)) {
            for heard in self.tracks.values_mut().filter(|heard| heard.is_quiet_since(now, pause)) {
                heard.has_paused = heard.port.as_ref().is_none_or(|open| port.pause(open));
            }
            let going_on = self.tracks.values().filter(|heard| !heard.has_paused);
            self.next_pause = going_on.map(|heard| (heard.burst.last_at + pause).max(now + LOOK_AGAIN)).min();
        }
    }

    /// When [`on_time`](Self::on_time) is due, or [`take_overdue`](Self::take_overdue).
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.next_release.into_iter().chain(self.next_pause).chain(self.held.due()).min()
    }

    /// Whether sound of `track` came since `since`.
    pub(crate) fn has_heard(&self, track: &TrackId, since: Duration) -> bool {
        self.tracks.get(track).is_some_and(|heard| heard.burst.last_at >= since)
    }

    /// Whether chunks wait for their track to be announced.
    pub(crate) fn holds_chunks(&self) -> bool {
        !self.held.is_empty()
    }

    /// The agent's time is over: it gets what is held, and what is left is lost.
    pub(crate) fn end(&mut self, port: &mut RoomPort) {
        for heard in self.tracks.values_mut() {
            heard.release(Release::Whole, port);
            self.counters.skipped_samples += heard.present.take_skipped();
        }
        self.counters.unannounced_chunks += self.held.take().len() as u64;
    }

    /// What was heard and lost so far.
    pub(crate) fn counters(&self) -> InboundCounters {
        self.counters
    }

    /// Begins to follow a track, and says whether the agent wants to hear it.
    fn open(&mut self, peer: &str, track: &str, roster: &Roster, port: &mut RoomPort) -> Result<bool, InboundError> {
        let known = roster.peer(peer);
        let kind = known.map_or(PeerKind::Unknown, |peer| peer.kind);
        let wanted = known.is_some_and(|peer| self.admits(peer));
        let source = Source { peer: peer.into(), kind, track: track.into() };
        let port = if wanted { Some(port.open(source, self.rate)?) } else { None };
        let decoder = Decoder::new(self.encoding, self.rate)?;
        let (clock, backlog) = (SampleClock::new(self.rate), Backlog::default());
        let (burst, present) = (BurstDetector::default(), Present::new(self.most_behind, self.rate));
        self.tracks.insert(track.into(), Heard { decoder, clock, port, backlog, burst, present, has_paused: true });
        Ok(wanted)
    }
}

/// Why the path cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InboundError {
    #[error(transparent)]
    Unread(#[from] crate::agent::Unread),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// The longest chunk that is taken as one.
const LONGEST_CHUNK: Duration = Duration::from_secs(1);
/// How long after its end a track's last chunks may still come. Later ones are a sign that it did not end.
const STRAGGLERS: Duration = Duration::from_secs(2);
/// How many ended tracks are remembered.
const ENDED: usize = 64;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{
        agent::{AudioRequirements, Input, room_link},
        event::{Event, PeerEvent, Track, TrackEvent, TrackKind},
    };

    const MS: Duration = Duration::from_millis(1);

    impl InboundAudio {
        /// A chunk as a driver takes it.
        fn on_chunk(
            &mut self,
            now: Duration,
            sound: IncomingSound<'_>,
            roster: &mut Roster,
            port: &mut RoomPort,
        ) -> Result<bool, InboundError> {
            match self.try_deliver(now, &sound, port) {
                true => Ok(false),
                false => self.on_first_chunk(now, sound, roster, port),
            }
        }
    }

    fn sound<'a>(peer: &'a str, data: &'a [u8]) -> IncomingSound<'a> {
        IncomingSound { peer, track: "t", data }
    }

    const ADA: (&str, &str, PeerKind) = ("ada", "t", PeerKind::Person);

    /// A roster with peers, each with one track: their ids, and what they are.
    fn roster_of(people: &[(&str, &str, PeerKind)]) -> Roster {
        let mut roster = Roster::new("me".into());
        for (peer, track, kind) in people {
            roster.apply(&PeerEvent::joined(Peer::new((*peer).into(), *kind)).into());
            let track = Track::new((*track).into(), TrackKind::Audio);
            roster.apply(&TrackEvent::added(&(*peer).into(), track).into());
        }
        roster
    }

    #[tokio::test]
    async fn sound_that_overtakes_its_notification_is_held_and_heard_in_order() {
        let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = Roster::new("me".into());
        roster.begin_snapshot();
        let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
        for n in 0..3 {
            let data = [n as u8; 640];
            inbound.on_chunk(20 * n * MS, sound("ada", &data), &mut roster, &mut port).unwrap();
        }
        assert!(roster.wants_snapshot() && inbound.holds_chunks());
        for change in [
            Event::from(PeerEvent::joined(Peer::new("ada".into(), PeerKind::Person))),
            Event::from(TrackEvent::added(&"ada".into(), Track::new("t".into(), TrackKind::Audio))),
        ] {
            roster.apply(&change).into_iter().for_each(|event| port.tell(event).unwrap());
        }
        inbound.on_roster(60 * MS, &mut roster, &mut port).unwrap();
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(match room.next().await.unwrap() {
                Input::Event(_) | Input::Draining { .. } | Input::Silence | Input::Pause(_) => -1,
                Input::Audio(frame) => i32::from(frame.samples()[0]),
                Input::Gap(_) => -2,
            });
        }
        assert_eq!(seen, [-1, -1, 0, 0x0101, 0x0202]);
    }

    #[cfg(feature = "opus")]
    #[tokio::test]
    async fn opus_comes_out_decoded_and_a_broken_packet_costs_only_itself() {
        use crate::audio::codec::Encoder;

        let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = roster_of(&[ADA]);
        let mut inbound = InboundAudio::new(Hear::People, Encoding::Opus, Hz::K16);
        let mut encoder = Encoder::new(Encoding::Opus, Hz::K48, &Default::default()).unwrap();
        for n in 0..3 {
            let mut packet = bytes::BytesMut::new();
            encoder.encode_into(&[500; 960], &mut packet).unwrap();
            let broken = [0xff; 9];
            let data: &[u8] = if n == 1 { &broken } else { &packet };
            inbound.on_chunk((n + 1) * 20 * MS, sound("ada", data), &mut roster, &mut port).unwrap();
        }
        for _ in 0..2 {
            let Some(Input::Audio(frame)) = room.next().await else { panic!("a frame") };
            assert_eq!((frame.samples().len(), frame.rate()), (320, Hz::K16));
        }
        assert_eq!((inbound.counters().chunks, inbound.counters().broken_chunks), (2, 1));
    }

    #[tokio::test]
    async fn a_backlog_of_seconds_is_heard_whole_and_a_pause_of_seconds_is_a_gap() {
        for (pause, expected_gap) in [(false, 0), (true, 47_680)] {
            let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
            let mut roster = roster_of(&[ADA]);
            let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
            inbound.on_chunk(20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
            // The link stood still for three seconds, or she said nothing.
            let chunks = if pause { 1 } else { 150 };
            let mut now = 3_020 * MS;
            (0..chunks).for_each(|_| drop(inbound.on_chunk(now, sound("ada", &[1; 640]), &mut roster, &mut port)));
            let (mut gap, mut heard) = (0, 0);
            for _ in 0..1_000 {
                while let Ok(Some(input)) = tokio::time::timeout(Duration::ZERO, room.next()).await {
                    match input {
                        Input::Audio(frame) => heard += frame.samples().len(),
                        Input::Gap(missing) => gap += missing.samples,
                        Input::Event(_) | Input::Draining { .. } | Input::Silence | Input::Pause(_) => {}
                    }
                }
                now += 5 * MS;
                inbound.on_time(now, &mut port);
            }
            assert_eq!((heard, gap, port.depths().lost_samples), ((1 + chunks) * 320, expected_gap, 0));
            assert_eq!(inbound.poll_timeout(), None);
        }
    }

    /// After a stall everything comes at once, and the agent reads as time passes.
    #[test]
    fn a_chunk_of_a_long_backlog_costs_no_more_than_one_of_a_short_one() {
        const CHUNKS: usize = 1_000;
        let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = roster_of(&[ADA]);
        let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16).live(Some(30_000 * MS));
        inbound.on_chunk(20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
        let mut now = 20_020 * MS;
        for _ in 0..CHUNKS {
            inbound.on_chunk(now, sound("ada", &[100; 640]), &mut roster, &mut port).unwrap();
        }
        let track = TrackId::from("t");
        let looked_at = |inbound: &InboundAudio| inbound.tracks[&track].present.looked_at;
        assert!((1..=2 * CHUNKS).contains(&looked_at(&inbound)), "{} looks at all of them", looked_at(&inbound));
        assert!(inbound.tracks[&track].backlog.until.is_some(), "it is more than the ring holds");
        let (mut heard, mut looks) = (0, 0);
        while heard < (1 + CHUNKS) * 320 {
            while let Some(Some(input)) = room.next().now_or_never() {
                heard += if let Input::Audio(frame) = input { frame.samples().len() } else { 0 };
            }
            now += 5 * MS;
            inbound.on_time(now, &mut port);
            let backlog = &inbound.tracks[&track].backlog;
            assert!(backlog.samples.len() <= backlog.waiting() * 3 / 2, "what was passed on is given back");
            looks += 1;
        }
        assert!(looks <= CHUNKS * 320 / 8_000 + 10, "half a second each: {looks}");
        assert_eq!((port.depths().lost_samples, inbound.counters().skipped_samples), (0, 0));
    }

    /// Whoever speaks up after a pause is heard at once, however unevenly the chunks come: they catch up with nothing.
    #[test]
    fn who_speaks_after_a_pause_does_not_wait_for_a_backlog_that_is_none() {
        for seed in 0..50 {
            let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
            let mut roster = roster_of(&[ADA]);
            let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
            let mut rng = fastrand::Rng::with_seed(seed);
            inbound.on_chunk(20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
            while room.next().now_or_never().is_some() {}
            let begins = Duration::from_secs(2 + seed % 9);
            let mut comes = |block: u32| begins + block * 20 * MS + Duration::from_micros(rng.u64(0..15_000));
            let (mut block, mut next, mut heard_at) = (0, comes(0), None);
            let mut now = begins;
            while heard_at.is_none() && now < begins + 1_000 * MS {
                if now >= next {
                    inbound.on_chunk(next, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
                    block += 1;
                    next = comes(block);
                }
                inbound.on_time(now, &mut port);
                while let Some(Some(input)) = room.next().now_or_never() {
                    if matches!(input, Input::Audio(_)) {
                        heard_at.get_or_insert(now - begins);
                    }
                }
                now += MS;
            }
            assert!(heard_at.is_some_and(|after| after <= 140 * MS), "seed {seed}: {heard_at:?}");
        }
    }

    /// An hour of two people on made-up time, on a link that stalls for up to three seconds and then catches up, and who
    /// pause for up to five: every frame stands within 20 ms of when it was said, by its index and by its time.
    #[test]
    fn an_hour_with_stalls_bursts_and_pauses_stays_aligned() {
        let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let people = ["ada", "bob"];
        let mut roster = roster_of(&people.map(|peer| (peer, peer, PeerKind::Person)));
        let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
        let mut rng = fastrand::Rng::with_seed(3);
        let (mut pause_until, mut stall_until) = ([0u64; 2], 0u64);
        let (mut on_the_way, mut said) = (VecDeque::new(), [Vec::new(), Vec::new()]);
        let mut checked = [0; 2];
        for block in 1..=180_000u64 {
            let now_ms = block * 20;
            if now_ms > stall_until && rng.u32(0..2_000) == 0 {
                stall_until = now_ms + rng.u64(100..3_000);
            }
            for (who, pause_until) in pause_until.iter_mut().enumerate() {
                if now_ms > *pause_until {
                    on_the_way.push_back((who, now_ms));
                    // A pause within a stall cannot be found: chunks that come at once do not say where it was.
                    if now_ms > stall_until && rng.u32(0..1_500) == 0 {
                        *pause_until = now_ms + rng.u64(500..5_000) / 20 * 20;
                    }
                }
            }
            let now = Duration::from_millis(now_ms) + Duration::from_micros(rng.u64(0..8_000));
            if now_ms > stall_until {
                for (who, said_ms) in on_the_way.drain(..) {
                    said[who].push(said_ms - 20);
                    let chunk = IncomingSound { peer: people[who], track: people[who], data: &[1; 640] };
                    inbound.on_chunk(now, chunk, &mut roster, &mut port).unwrap();
                }
            }
            for late in 0..3 {
                inbound.on_time(now + late * 5 * MS, &mut port);
                while let Some(Some(input)) = room.next().now_or_never() {
                    let Input::Audio(frame) = input else { continue };
                    let who = usize::from(frame.source().peer.as_str() == "bob");
                    let true_ms = said[who][checked[who]] as f64;
                    checked[who] += 1;
                    let by_index = frame.index() as f64 / 16.0 + said[who][0] as f64;
                    let by_time = frame.heard().as_secs_f64() * 1e3;
                    assert!((by_index - true_ms).abs() <= 20.0, "{by_index:.1} by its index, said at {true_ms} ms");
                    assert!((by_time - true_ms).abs() <= 20.0, "{by_time:.1} by its time, said at {true_ms} ms");
                }
            }
        }
        assert!(checked.iter().all(|frames| *frames > 150_000), "{checked:?}");
        assert_eq!(port.depths().lost_samples, 0);
    }

    #[test]
    fn a_burst_is_heard_whole_though_nothing_was_heard_before_it() {
        for cut in [false, true] {
            let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
            let mut roster = roster_of(&[ADA]);
            let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
            if cut {
                inbound.on_chunk(20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
                inbound.on_link_down(&mut port);
            }
            let mut now = 2_000 * MS;
            (0..100).for_each(|_| drop(inbound.on_chunk(now, sound("ada", &[1; 640]), &mut roster, &mut port)));
            let (mut heard, mut next) = (0, None);
            for _ in 0..40 {
                while let Some(Some(input)) = room.next().now_or_never() {
                    let Input::Audio(frame) = input else { continue };
                    assert!(heard <= usize::from(cut) || next == Some(frame.index()), "frame {heard}");
                    next = Some(frame.index() + 320);
                    heard += 1;
                }
                now += 5 * MS;
                inbound.on_time(now, &mut port);
            }
            assert_eq!((heard, port.depths().lost_samples), (100 + usize::from(cut), 0));
            assert_eq!(inbound.poll_timeout(), None);
        }
    }

    #[test]
    fn chunks_that_waited_for_a_notification_are_heard_whole() {
        let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = Roster::new("me".into());
        let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
        (1..=95).for_each(|n| {
            inbound.on_chunk(n * 20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).map(drop).unwrap()
        });
        let mut roster = roster_of(&[ADA]);
        let mut now = 1_900 * MS;
        inbound.on_roster(now, &mut roster, &mut port).unwrap();
        let mut heard = 0;
        for _ in 0..40 {
            while let Some(Some(input)) = room.next().now_or_never() {
                heard += u64::from(matches!(input, Input::Audio(frame) if frame.index() == heard * 320));
            }
            now += 5 * MS;
            inbound.on_time(now, &mut port);
        }
        assert_eq!((heard, port.depths().lost_samples), (95, 0));
    }

    #[test]
    fn an_agent_that_is_too_slow_loses_what_its_ring_does_not_hold() {
        let mut rng = fastrand::Rng::with_seed(5);
        let (_room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = roster_of(&[ADA]);
        let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
        for n in 1..=50 {
            let jitter = Duration::from_micros(rng.u64(0..15_000));
            inbound.on_chunk(n * 20 * MS + jitter, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
        }
        assert_eq!(port.depths().lost_samples, 25 * 320);
    }

    #[tokio::test]
    async fn a_backlog_is_heard_whole_though_its_track_ends() {
        for rate in [Hz::K16, Hz::K48] {
            let (mut room, mut port) = room_link(
                "r".into(),
                "me".into(),
                &AudioRequirements { hear_rate: rate, ..AudioRequirements::default() },
            );
            let mut roster = roster_of(&[ADA]);
            let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
            let chunk = |n: i16| (0..320).flat_map(|_| n.to_le_bytes()).collect::<Vec<u8>>();
            for n in 0..150 {
                let now = if n == 0 { 20 * MS } else { 3_000 * MS };
                inbound.on_chunk(now, sound("ada", &chunk(n)), &mut roster, &mut port).unwrap();
            }
            inbound.on_track_removed(3_001 * MS, &"t".into(), &mut port).unwrap();
            port.end();
            let mut heard = Vec::new();
            while let Some(input) = room.next().await {
                let Input::Audio(frame) = input else { panic!("{input:?}") };
                assert_eq!(frame.index(), heard.len() as u64);
                heard.extend_from_slice(frame.samples());
            }
            assert_eq!((heard.len(), port.depths().lost_samples), (150 * rate.block_samples(), 0));
            let middles = heard.chunks(rate.block_samples()).map(|block| block[block.len() / 2]);
            assert!(middles.eq(0..150), "in order");
        }
    }

    #[test]
    fn other_agents_are_not_heard_unless_asked_for_and_stragglers_count_as_late() {
        let (_room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = roster_of(&[("bot", "t", PeerKind::Agent)]);
        let mut deaf = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16);
        let mut open = InboundAudio::new(Hear::Everyone, Encoding::Pcm16, Hz::K16);
        for inbound in [&mut deaf, &mut open] {
            inbound.on_chunk(MS, sound("bot", &[0; 640]), &mut roster, &mut port).unwrap();
            inbound.on_track_removed(MS, &"t".into(), &mut port).unwrap();
            inbound.on_chunk(MS, sound("bot", &[0; 640]), &mut roster, &mut port).unwrap();
        }
        assert_eq!((deaf.counters().chunks, open.counters().chunks), (0, 1));
        assert_eq!((deaf.counters().late_chunks, open.counters().late_chunks), (1, 1));
    }

    #[tokio::test]
    async fn a_pause_is_told_once_for_each_while_and_only_to_who_wants_it() {
        for (wanted, expected) in [(Some(300 * MS), vec![40 * MS, 1_040 * MS]), (None, Vec::new())] {
            let (mut room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
            let mut roster = roster_of(&[ADA]);
            let mut inbound = InboundAudio::new(Hear::People, Encoding::Pcm16, Hz::K16).telling_pauses(wanted);
            for start in [0, 1_000] {
                for n in 1..=2 {
                    let now = (start + 20 * n) * MS;
                    inbound.on_chunk(now, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
                }
                // The deadlines that the machine asks for, and none else.
                while let Some(due) = inbound.poll_timeout().filter(|due| *due < (start + 900) * MS) {
                    inbound.on_time(due, &mut port);
                }
            }
            port.end();
            let mut pauses = Vec::new();
            while let Some(input) = room.next().await {
                if let Input::Pause(pause) = input {
                    pauses.push(pause.since);
                }
            }
            assert_eq!(pauses, expected);
        }
    }
}
