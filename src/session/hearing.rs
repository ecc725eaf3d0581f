//! From the wire to the agent: which chunks it gets, decoded, at which place of which track.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    agent::{Hear, RoomPort, Source, TrackPort},
    audio::{
        Hz, SampleClock,
        codec::{CodecError, Decoder, Encoding},
    },
    dialect::fishjam::TrackSound,
    event::{PeerId, PeerKind, Roster, TrackId},
};

/// The incoming half of the path.
pub(crate) struct Hearing {
    hear: Hear,
    encoding: Encoding,
    /// The rate that decoders give, before the agent's own resampling.
    rate: Hz,
    tracks: BTreeMap<TrackId, Heard>,
    /// Chunks of tracks that nobody has announced yet: sound can overtake the news of it on another socket.
    held: VecDeque<HeldChunk>,
    /// Tracks that ended lately, whose last chunks may still be on their way.
    ended: VecDeque<(TrackId, Duration)>,
    counters: HearingCounters,
    /// Decoded samples of one chunk.
    scratch: Vec<i16>,
}

/// What was heard and what was lost, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HearingCounters {
    /// Chunks given to the agent.
    pub chunks: u64,
    /// Samples given to the agent's rings.
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
            encoding,
            rate,
            tracks: BTreeMap::new(),
            held: VecDeque::new(),
            ended: VecDeque::new(),
            counters: HearingCounters::default(),
            scratch: Vec::new(),
        }
    }

    /// A chunk came at `now`, on the room's clock. A chunk of a track that the roster does not know is held back, and
    /// the roster is told that it is behind. Says whether it is the first that the agent hears of its track.
    pub(crate) fn on_chunk(
        &mut self,
        now: Duration,
        TrackSound { peer, track, data }: TrackSound<'_>,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<bool, HearingError> {
        let mut first = false;
        if !self.tracks.contains_key(track) {
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
            first = self.open(peer, track, roster, port)?;
        }
        self.hear(now, track, data, port)?;
        Ok(first)
    }

    /// The roster has grown: held chunks may have found their track, or waited for too long.
    pub(crate) fn on_roster(
        &mut self,
        now: Duration,
        roster: &mut Roster,
        port: &mut RoomPort,
    ) -> Result<(), HearingError> {
        for chunk in std::mem::take(&mut self.held) {
            if chunk.at + HOLD < now {
                self.counters.unannounced_chunks += 1;
            } else {
                let HeldChunk { at, peer, track, data } = &chunk;
                let sound = TrackSound { peer: peer.as_str(), track: track.as_str(), data };
                self.on_chunk(*at, sound, roster, port)?;
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
    ) -> Result<(), HearingError> {
        self.held.retain(|chunk| chunk.track != *track);
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((track.clone(), now));
        if let Some(Heard { port: Some(open), .. }) = self.tracks.remove(track) {
            port.close(open)?;
        }
        Ok(())
    }

    /// A track of this id exists again.
    pub(crate) fn on_track_added(&mut self, track: &TrackId) {
        self.ended.retain(|(ended, _)| ended != track);
    }

    /// The link broke: what comes next comes after a hole.
    pub(crate) fn on_link_down(&mut self) {
        for heard in self.tracks.values_mut() {
            heard.clock.on_link_down();
            heard.decoder.on_hole();
        }
    }

    /// Whether chunks wait for their track to be announced.
    pub(crate) fn holds_chunks(&self) -> bool {
        !self.held.is_empty()
    }

    /// What was heard and lost so far.
    pub(crate) fn counters(&self) -> HearingCounters {
        self.counters
    }

    /// Begins to follow a track, and says whether the agent wants to hear it.
    fn open(&mut self, peer: &str, track: &str, roster: &Roster, port: &mut RoomPort) -> Result<bool, HearingError> {
        let kind = roster.peer(peer).map_or(PeerKind::Unknown, |peer| peer.kind);
        let wanted = self.hear == Hear::Everyone || kind != PeerKind::Agent;
        let source = Source { peer: peer.into(), kind, track: track.into() };
        let port = if wanted { Some(port.open(source, self.rate)?) } else { None };
        let decoder = Decoder::new(self.encoding, self.rate)?;
        self.tracks.insert(track.into(), Heard { decoder, clock: SampleClock::new(self.rate), port });
        Ok(wanted)
    }

    fn hear(&mut self, now: Duration, track: &str, data: &[u8], port: &mut RoomPort) -> Result<(), HearingError> {
        let Some(Heard { decoder, clock, port: Some(open) }) = self.tracks.get_mut(track) else { return Ok(()) };
        self.scratch.clear();
        if decoder.decode_into(data, &mut self.scratch).is_err() {
            self.counters.broken_chunks += 1;
            return Ok(());
        }
        self.counters.chunks += 1;
        self.counters.samples += self.scratch.len() as u64;
        let index = clock.place(now, self.scratch.len());
        port.hear(open, index, clock.heard_at(index), &self.scratch);
        Ok(())
    }

    fn hold(&mut self, at: Duration, peer: &str, track: &str, data: &[u8]) {
        if self.held.len() == HELD {
            self.held.pop_front();
            self.counters.unannounced_chunks += 1;
        }
        self.held.push_back(HeldChunk { at, peer: peer.into(), track: track.into(), data: data.to_vec() });
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
