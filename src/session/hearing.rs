//! From the wire to the agent: which chunks it gets, decoded, at which place of which track.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::audience::Audience;
use crate::{
    agent::{Hear, RoomPort, Source, TrackPort},
    audio::{
        Hz, SampleClock,
        clock::BACKLOG,
        codec::{CodecError, Decoder, Encoding},
        scratch,
    },
    dialect::fishjam::TrackSound,
    event::{Peer, PeerId, PeerKind, Roster, TrackId},
};

/// The incoming half of the path.
pub(crate) struct Hearing {
    hear: Hear,
    audience: Audience,
    encoding: Encoding,
    /// The rate that decoders give, before the agent's own resampling.
    rate: Hz,
    tracks: BTreeMap<TrackId, Heard>,
    /// Chunks of tracks that nobody has announced yet: sound can overtake the news of it on another socket.
    held: VecDeque<HeldChunk>,
    /// Tracks that ended lately, whose last chunks may still be on their way.
    ended: VecDeque<(TrackId, Duration)>,
    counters: HearingCounters,
    /// When the first backlog is to be passed on.
    next_release: Option<Duration>,
    /// Chunks that were held for their track's news are passed on at this time, all at once.
    replays_at: Option<Duration>,
}

/// What was heard and what was lost, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HearingCounters {
    /// Chunks for the agent. What its rings had no room for is among them; see `Depths`.
    pub chunks: u64,
    /// Samples of those chunks.
    pub samples: u64,
    /// Chunks of tracks that were never announced.
    pub unannounced_chunks: u64,
    /// Chunks that came after their track had ended.
    pub late_chunks: u64,
    /// Chunks that could not be decoded.
    pub broken_chunks: u64,
}

struct Heard {
    decoder: Decoder,
    clock: SampleClock,
    /// `None` for a track that the agent does not want.
    port: Option<TrackPort>,
    backlog: Backlog,
    rush: Rush,
}

/// By how much sound has come faster than it was said.
#[derive(Default)]
struct Rush {
    last_at: Duration,
    ahead: Duration,
    /// The last chunk came before the one ahead of it was over.
    hurries: bool,
}

/// What came after a long silence, and waits for a moment: either more comes at once and it was held up, or not. Or what
/// came all at once and is more than the agent's ring holds.
#[derive(Default)]
struct Backlog {
    until: Option<Duration>,
    chunks: VecDeque<(Duration, usize)>,
    samples: Vec<i16>,
    /// Its place is known; it waits for room in the agent's ring.
    is_placed: bool,
}

/// How a backlog is passed on.
#[derive(Clone, Copy)]
enum Release {
    /// At this time: as much as the agent's ring has room for.
    AsThereIsRoom(Duration),
    /// All of it: the track ends here, or breaks off.
    Whole,
    /// What the ring has no room for is lost: the agent is too far behind.
    Lossy,
}

struct HeldChunk {
    at: Duration,
    peer: PeerId,
    track: TrackId,
    data: Vec<u8>,
}

impl Hearing {
    /// A path for an agent that hears what `hear` says, from tracks of `encoding` decoded to `rate`.
    pub(crate) fn new(hear: Hear, encoding: Encoding, rate: Hz) -> Hearing {
        Hearing {
            hear,
            audience: Audience::default(),
            encoding,
            rate,
            tracks: BTreeMap::new(),
            held: VecDeque::new(),
            ended: VecDeque::new(),
            counters: HearingCounters::default(),
            next_release: None,
            replays_at: None,
        }
    }

    /// The same, for no more than `audience`.
    pub(crate) fn of(self, audience: Audience) -> Hearing {
        Hearing { audience, ..self }
    }

    /// How the sound comes.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether the agent hears `peer`.
    pub(crate) fn admits(&self, peer: &Peer) -> bool {
        self.audience.admits(self.hear, peer)
    }

    /// What is said of a peer has changed: whether it is heard may have, too. Its next chunk finds out.
    pub(crate) fn on_peer_updated(&mut self, peer: &Peer, port: &mut RoomPort) -> Result<(), HearingError> {
        let is_heard = self.admits(peer);
        for track in &peer.tracks {
            if self.tracks.get(&track.id).is_some_and(|heard| heard.port.is_some() != is_heard) {
                let mut heard = self.tracks.remove(&track.id).expect("it was just there");
                heard.release(Release::Whole, port);
                if let Some(open) = heard.port {
                    port.close(open)?;
                }
            }
        }
        Ok(())
    }

    /// A chunk came at `now`, on the room's clock: passes it on if its track is known. If not, it is one for
    /// [`on_chunk`](Self::on_chunk).
    pub(crate) fn pass(&mut self, now: Duration, sound: &TrackSound<'_>, port: &mut RoomPort) -> bool {
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
            self.counters.samples += samples.len() as u64;
            heard.rush.note(self.replays_at.unwrap_or(now), heard.clock.rate().duration_of(samples.len() as u64));
            if heard.hear(now, samples, port) {
                self.next_release = self.next_release.into_iter().chain(heard.backlog.until).min();
            }
        });
        true
    }

    /// A chunk came at `now`, on the room's clock. A chunk of a track that the roster does not know is held back, and
    /// the roster is told that it is behind. Says whether it is the first that the agent hears of its track.
    pub(crate) fn on_chunk(
        &mut self,
        now: Duration,
        sound: TrackSound<'_>,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<bool, HearingError> {
        if self.pass(now, &sound, port) {
            return Ok(false);
        }
        let TrackSound { peer, track, data } = sound;
        let is_straggler = |(ended, at): &(TrackId, Duration)| ended.as_str() == track && now < *at + STRAGGLERS;
        if self.ended.iter().any(is_straggler) {
            self.counters.late_chunks += 1;
            return Ok(false);
        }
        if !roster.peer(peer).is_some_and(|peer| peer.tracks.iter().any(|known| known.id.as_str() == track)) {
            roster.request_snapshot();
            self.hold(now, peer, track, data);
            return Ok(false);
        }
        let first = self.open(peer, track, roster, port)?;
        self.pass(now, &sound, port);
        Ok(first)
    }

    /// The roster has grown: held chunks may have found their track, or waited for too long.
    pub(crate) fn on_roster(
        &mut self,
        now: Duration,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<(), HearingError> {
        self.replays_at = Some(now).filter(|_| !self.held.is_empty());
        for chunk in std::mem::take(&mut self.held) {
            if chunk.at + HOLD < now {
                self.counters.unannounced_chunks += 1;
            } else {
                let HeldChunk { at, peer, track, data } = &chunk;
                let sound = TrackSound { peer: peer.as_str(), track: track.as_str(), data };
                self.on_chunk(*at, sound, roster, port)?;
            }
        }
        self.replays_at = None;
        Ok(())
    }

    /// A track ended; call it before the agent is told.
    pub(crate) fn on_track_removed(
        &mut self,
        now: Duration,
        track: &TrackId,
        port: &mut RoomPort,
    ) -> Result<(), HearingError> {
        self.held.retain(|chunk| chunk.track != *track);
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((track.clone(), now));
        if let Some(mut heard) = self.tracks.remove(track) {
            heard.release(Release::Whole, port);
            if let Some(open) = heard.port {
                port.close(open)?;
            }
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
        if self.poll_timeout().is_some_and(|due| due <= now) {
            let due = self.tracks.values_mut().filter(|heard| heard.backlog.is_due(now));
            due.for_each(|heard| heard.release(Release::AsThereIsRoom(now), port));
            self.next_release = self.tracks.values().filter_map(|heard| heard.backlog.until).min();
        }
    }

    /// When [`on_time`](Self::on_time) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.next_release
    }

    /// Whether chunks wait for their track to be announced.
    pub(crate) fn holds_chunks(&self) -> bool {
        !self.held.is_empty()
    }

    /// The agent's time is over: it gets what is held, and what is left is lost.
    pub(crate) fn end(&mut self, port: &mut RoomPort) {
        self.tracks.values_mut().for_each(|heard| heard.release(Release::Whole, port));
        self.counters.unannounced_chunks += std::mem::take(&mut self.held).len() as u64;
    }

    /// What was heard and lost so far.
    pub(crate) fn counters(&self) -> HearingCounters {
        self.counters
    }

    /// Begins to follow a track, and says whether the agent wants to hear it.
    fn open(&mut self, peer: &str, track: &str, roster: &Roster, port: &mut RoomPort) -> Result<bool, HearingError> {
        let known = roster.peer(peer);
        let kind = known.map_or(PeerKind::Unknown, |peer| peer.kind);
        let wanted = known.is_some_and(|peer| self.admits(peer));
        let source = Source { peer: peer.into(), kind, track: track.into() };
        let port = if wanted { Some(port.open(source, self.rate)?) } else { None };
        let decoder = Decoder::new(self.encoding, self.rate)?;
        let (clock, backlog) = (SampleClock::new(self.rate), Backlog::default());
        self.tracks.insert(track.into(), Heard { decoder, clock, port, backlog, rush: Rush::default() });
        Ok(wanted)
    }

    fn hold(&mut self, at: Duration, peer: &str, track: &str, data: &[u8]) {
        if self.held.len() == HELD {
            self.held.pop_front();
            self.counters.unannounced_chunks += 1;
        }
        self.held.push_back(HeldChunk { at, peer: peer.into(), track: track.into(), data: data.to_vec() });
    }
}

impl Heard {
    /// Passes a chunk on, or holds it. Says whether it is held.
    fn hear(&mut self, now: Duration, samples: &[i16], port: &mut RoomPort) -> bool {
        let Some(open) = &mut self.port else { return false };
        // An agent that is too slow for what comes in its own time loses it; a burst it cannot have been quick enough for.
        if self.backlog.until.is_none() && self.rush.ahead > BURST && !has_room(port, open, samples.len()) {
            self.backlog.is_placed = true;
            self.backlog.until = Some(now + LOOK_AGAIN);
        }
        if self.backlog.until.is_none() && !self.clock.is_ambiguous(now, samples.len()) {
            let index = self.clock.place(now, samples.len());
            port.hear(open, index, self.clock.heard_at(index), samples);
            return false;
        }
        // As long as more comes than time passes, it is catching up.
        if (self.rush.hurries || self.backlog.chunks.is_empty()) && !self.backlog.is_placed {
            self.backlog.until = Some(now + BACKLOG);
        }
        self.backlog.chunks.push_back((now, samples.len()));
        self.backlog.samples.extend_from_slice(samples);
        let is_long = self.clock.rate().duration_of(self.backlog.samples.len() as u64) > LONGEST_BACKLOG;
        if is_long || self.backlog.is_due(now) || self.clock.has_caught_up(now, self.backlog.samples.len()) {
            self.release(if is_long { Release::Lossy } else { Release::AsThereIsRoom(now) }, port);
        }
        self.backlog.until.is_some()
    }

    /// Passes on what is held.
    fn release(&mut self, how: Release, port: &mut RoomPort) {
        let (Some(open), backlog) = (&mut self.port, &mut self.backlog) else { return };
        let Some((last, _)) = backlog.chunks.back() else { return };
        if !std::mem::replace(&mut backlog.is_placed, true) {
            self.clock.place_backlog(*last, backlog.samples.len());
        }
        let mut passed = 0;
        while let Some((at, length)) = backlog.chunks.pop_front() {
            if let Release::AsThereIsRoom(now) = how
                && !has_room(port, open, length)
            {
                backlog.chunks.push_front((at, length));
                backlog.samples.drain(..passed);
                backlog.until = Some(now + LOOK_AGAIN);
                return;
            }
            let index = self.clock.follow(at, length);
            let (heard, samples) = (self.clock.heard_at(index), &backlog.samples[passed..passed + length]);
            match how {
                Release::Whole => port.hear_whole(open, index, heard, samples),
                Release::AsThereIsRoom(_) | Release::Lossy => port.hear(open, index, heard, samples),
            };
            passed += length;
        }
        self.backlog = Backlog::default();
    }
}

/// Whether a chunk out of many has room. What comes next, in its own time, should find some, too.
fn has_room(port: &RoomPort, open: &mut TrackPort, samples: usize) -> bool {
    port.has_room(open, 3 * samples)
}

impl Rush {
    /// A chunk of `length` came at `now`. What has come too fast is forgotten as quickly again as it is said.
    fn note(&mut self, now: Duration, length: Duration) {
        let elapsed = now.saturating_sub(std::mem::replace(&mut self.last_at, now));
        self.hurries = elapsed < length;
        self.ahead = (self.ahead + length).saturating_sub(2 * elapsed);
    }
}

impl Backlog {
    fn is_due(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Why the path cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HearingError {
    #[error(transparent)]
    Unread(#[from] crate::agent::Unread),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// A backlog that the agent has no room for is lost beyond this.
const LONGEST_BACKLOG: Duration = Duration::from_secs(30);
/// What comes faster than it was said by more than this is a burst; by less, jitter.
const BURST: Duration = Duration::from_millis(200);
/// How soon a full ring is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long a chunk waits for the news of its track; a REST answer takes far less.
const HOLD: Duration = Duration::from_secs(2);
/// How many chunks wait at most: 2 s of two speakers.
const HELD: usize = 200;
/// How long after its end a track's last chunks may still come. Later ones are a sign that it did not end.
const STRAGGLERS: Duration = Duration::from_secs(2);
/// How many ended tracks are remembered.
const ENDED: usize = 64;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{
        agent::{Input, Wants, room_link},
        event::{RosterChange, Track, TrackKind},
    };

    const MS: Duration = Duration::from_millis(1);

    fn sound<'a>(peer: &'a str, data: &'a [u8]) -> TrackSound<'a> {
        TrackSound { peer, track: "t", data }
    }

    #[tokio::test]
    async fn sound_that_overtakes_its_news_is_held_and_heard_in_order() {
        let (mut room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
        let mut roster = Roster::new("me".into());
        roster.begin_snapshot();
        let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
        for n in 0..3 {
            let data = [n as u8; 640];
            hearing.on_chunk(20 * n * MS, sound("ada", &data), &mut roster, &mut port).unwrap();
        }
        assert!(roster.wants_snapshot() && hearing.holds_chunks());
        for change in [
            RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person },
            RosterChange::Publishes { peer: "ada".into(), track: Track::new("t".into(), TrackKind::Audio) },
        ] {
            roster.apply(change).into_iter().for_each(|event| port.tell(event).unwrap());
        }
        hearing.on_roster(60 * MS, &mut roster, &mut port).unwrap();
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(match room.next().await.unwrap() {
                Input::Event(_) => -1,
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

        let (mut room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
        let mut roster = Roster::new("me".into());
        roster.apply(RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person });
        let track = Track::new("t".into(), TrackKind::Audio);
        roster.apply(RosterChange::Publishes { peer: "ada".into(), track });
        let mut hearing = Hearing::new(Hear::People, Encoding::Opus, Hz::K16);
        let mut encoder = Encoder::new(Encoding::Opus, Hz::K48, &Default::default()).unwrap();
        for n in 0..3 {
            let mut packet = bytes::BytesMut::new();
            encoder.encode_into(&[500; 960], &mut packet).unwrap();
            let broken = [0xff; 9];
            let data: &[u8] = if n == 1 { &broken } else { &packet };
            hearing.on_chunk((n + 1) * 20 * MS, sound("ada", data), &mut roster, &mut port).unwrap();
        }
        for _ in 0..2 {
            let Some(Input::Audio(frame)) = room.next().await else { panic!("a frame") };
            assert_eq!((frame.samples().len(), frame.rate()), (320, Hz::K16));
        }
        assert_eq!((hearing.counters().chunks, hearing.counters().broken_chunks), (2, 1));
    }

    #[tokio::test]
    async fn a_backlog_of_seconds_is_heard_whole_and_a_pause_of_seconds_is_a_gap() {
        for (pause, expected_gap) in [(false, 0), (true, 47_680)] {
            let (mut room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
            let mut roster = Roster::new("me".into());
            roster.apply(RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person });
            let track = Track::new("t".into(), TrackKind::Audio);
            roster.apply(RosterChange::Publishes { peer: "ada".into(), track });
            let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
            hearing.on_chunk(20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
            // The link stood still for three seconds, or she said nothing.
            let chunks = if pause { 1 } else { 150 };
            let mut now = 3_020 * MS;
            (0..chunks).for_each(|_| drop(hearing.on_chunk(now, sound("ada", &[1; 640]), &mut roster, &mut port)));
            let (mut gap, mut heard) = (0, 0);
            for _ in 0..1_000 {
                while let Ok(Some(input)) = tokio::time::timeout(Duration::ZERO, room.next()).await {
                    match input {
                        Input::Audio(frame) => heard += frame.samples().len(),
                        Input::Gap(missing) => gap += missing.samples,
                        Input::Event(_) => {}
                    }
                }
                now += 5 * MS;
                hearing.on_time(now, &mut port);
            }
            assert_eq!((heard, gap, port.depths().lost_samples), ((1 + chunks) * 320, expected_gap, 0));
            assert_eq!(hearing.poll_timeout(), None);
        }
    }

    /// An hour of two people on made-up time, on a link that stalls for up to three seconds and then catches up, and who
    /// pause for up to five: every frame stands within 20 ms of when it was said, by its index and by its time.
    #[test]
    fn an_hour_with_stalls_bursts_and_pauses_stays_aligned() {
        let (mut room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
        let mut roster = Roster::new("me".into());
        let people = ["ada", "bob"];
        for peer in people {
            roster.apply(RosterChange::Present { peer: peer.into(), kind: PeerKind::Person });
            let track = Track::new(peer.into(), TrackKind::Audio);
            roster.apply(RosterChange::Publishes { peer: peer.into(), track });
        }
        let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
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
                    let chunk = TrackSound { peer: people[who], track: people[who], data: &[1; 640] };
                    hearing.on_chunk(now, chunk, &mut roster, &mut port).unwrap();
                }
            }
            for late in 0..3 {
                hearing.on_time(now + late * 5 * MS, &mut port);
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
            let (mut room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
            let mut roster = Roster::new("me".into());
            roster.apply(RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person });
            let track = Track::new("t".into(), TrackKind::Audio);
            roster.apply(RosterChange::Publishes { peer: "ada".into(), track });
            let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
            if cut {
                hearing.on_chunk(20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
                hearing.on_link_down(&mut port);
            }
            let mut now = 2_000 * MS;
            (0..100).for_each(|_| drop(hearing.on_chunk(now, sound("ada", &[1; 640]), &mut roster, &mut port)));
            let (mut heard, mut next) = (0, None);
            for _ in 0..40 {
                while let Some(Some(input)) = room.next().now_or_never() {
                    let Input::Audio(frame) = input else { continue };
                    assert!(heard <= usize::from(cut) || next == Some(frame.index()), "frame {heard}");
                    next = Some(frame.index() + 320);
                    heard += 1;
                }
                now += 5 * MS;
                hearing.on_time(now, &mut port);
            }
            assert_eq!((heard, port.depths().lost_samples), (100 + usize::from(cut), 0));
            assert_eq!(hearing.poll_timeout(), None);
        }
    }

    #[test]
    fn chunks_that_waited_for_their_news_are_heard_whole() {
        let (mut room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
        let mut roster = Roster::new("me".into());
        let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
        (1..=95).for_each(|n| {
            hearing.on_chunk(n * 20 * MS, sound("ada", &[1; 640]), &mut roster, &mut port).map(drop).unwrap()
        });
        roster.apply(RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person });
        let track = Track::new("t".into(), TrackKind::Audio);
        roster.apply(RosterChange::Publishes { peer: "ada".into(), track });
        let mut now = 1_900 * MS;
        hearing.on_roster(now, &mut roster, &mut port).unwrap();
        let mut heard = 0;
        for _ in 0..40 {
            while let Some(Some(input)) = room.next().now_or_never() {
                heard += u64::from(matches!(input, Input::Audio(frame) if frame.index() == heard * 320));
            }
            now += 5 * MS;
            hearing.on_time(now, &mut port);
        }
        assert_eq!((heard, port.depths().lost_samples), (95, 0));
    }

    #[test]
    fn an_agent_that_is_too_slow_loses_what_its_ring_does_not_hold() {
        let mut rng = fastrand::Rng::with_seed(5);
        let (_room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
        let mut roster = Roster::new("me".into());
        roster.apply(RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person });
        let track = Track::new("t".into(), TrackKind::Audio);
        roster.apply(RosterChange::Publishes { peer: "ada".into(), track });
        let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
        for n in 1..=50 {
            let jitter = Duration::from_micros(rng.u64(0..15_000));
            hearing.on_chunk(n * 20 * MS + jitter, sound("ada", &[1; 640]), &mut roster, &mut port).unwrap();
        }
        assert_eq!(port.depths().lost_samples, 25 * 320);
    }

    #[tokio::test]
    async fn a_backlog_is_heard_whole_though_its_track_ends() {
        for rate in [Hz::K16, Hz::K48] {
            let (mut room, mut port) =
                room_link("r".into(), "me".into(), &Wants { hear_rate: rate, ..Wants::default() });
            let mut roster = Roster::new("me".into());
            roster.apply(RosterChange::Present { peer: "ada".into(), kind: PeerKind::Person });
            let track = Track::new("t".into(), TrackKind::Audio);
            roster.apply(RosterChange::Publishes { peer: "ada".into(), track });
            let mut hearing = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
            let chunk = |n: i16| (0..320).flat_map(|_| n.to_le_bytes()).collect::<Vec<u8>>();
            for n in 0..150 {
                let now = if n == 0 { 20 * MS } else { 3_000 * MS };
                hearing.on_chunk(now, sound("ada", &chunk(n)), &mut roster, &mut port).unwrap();
            }
            hearing.on_track_removed(3_001 * MS, &"t".into(), &mut port).unwrap();
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
        let (_room, mut port) = room_link("r".into(), "me".into(), &Wants::default());
        let mut roster = Roster::new("me".into());
        roster.apply(RosterChange::Present { peer: "bot".into(), kind: PeerKind::Agent });
        let track = Track::new("t".into(), TrackKind::Audio);
        roster.apply(RosterChange::Publishes { peer: "bot".into(), track });
        let mut deaf = Hearing::new(Hear::People, Encoding::Pcm16, Hz::K16);
        let mut open = Hearing::new(Hear::Everyone, Encoding::Pcm16, Hz::K16);
        for hearing in [&mut deaf, &mut open] {
            hearing.on_chunk(MS, sound("bot", &[0; 640]), &mut roster, &mut port).unwrap();
            hearing.on_track_removed(MS, &"t".into(), &mut port).unwrap();
            hearing.on_chunk(MS, sound("bot", &[0; 640]), &mut roster, &mut port).unwrap();
        }
        assert_eq!((deaf.counters().chunks, open.counters().chunks), (0, 1));
        assert_eq!((deaf.counters().late_chunks, open.counters().late_chunks), (1, 1));
    }
}
