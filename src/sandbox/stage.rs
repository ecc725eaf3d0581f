//! The task that moves a room's sound: each block, when it is due, to everyone who hears it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message;
use tokio::time::sleep_until;

use super::{
    room::{Room, RoomState, Source, Track},
    sound::{AtRate, Block},
};
use crate::{
    audio::{Hz, pcm16},
    event::PeerId,
    protocol::fishjam::wire::{
        AgentResponse,
        agent_response::{Content, TrackData},
        notifications::Track as WireTrack,
    },
};

/// Runs a room's sound until the room has ended.
pub(super) async fn run(room: Arc<Room>) {
    loop {
        let due = play(&room, Instant::now());
        let due = due.unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            () = sleep_until(due.into()) => {}
            () = room.stage_work.notified() => {}
            () = room.ended.cancelled() => return,
        }
    }
}

/// Plays all that is due at `now`, and returns when something is due next.
fn play(room: &Room, now: Instant) -> Option<Instant> {
    let mut state = room.state();
    for publisher in 0..state.peers.len() {
        for track in 0..state.peers[publisher].tracks.len() {
            while let Some(block) = state.peers[publisher].tracks[track].take(now) {
                deliver(room, &mut state, now, (publisher, track), &block);
            }
        }
        let over = |track: &Track| matches!(&track.source, Source::Agent(playout) if playout.is_over());
        room.end_tracks(&mut state.peers[publisher], over);
    }
    state.peers.iter().flat_map(|peer| &peer.tracks).filter_map(Track::due).min()
}

/// Gives one block to every agent that hears it, and to the publisher's tap. Each rate is made once: a resampler
/// remembers what it was given.
fn deliver(room: &Room, state: &mut RoomState, now: Instant, (publisher, track): (usize, usize), block: &Block) {
    let owner = &mut state.peers[publisher];
    let (owner_id, track_id) = (owner.id.clone(), owner.tracks[track].id.clone());
    let mut samples: BTreeMap<Hz, AtRate> = BTreeMap::new();
    if let Some(tap) = &mut owner.tap {
        let rate = tap.rate();
        let recorded = samples.entry(rate).or_insert_with(|| owner.tracks[track].at(block, rate));
        tap.record(&track_id, block.sounds_at, block.continues, recorded);
    }
    let description = owner.tracks[track].to_wire();
    // What an agent says has met its fault on the way in.
    let is_person = matches!(owner.tracks[track].source, Source::Person(_));
    let lost = is_person && owner.faults.loses();
    let mut chunks: BTreeMap<Hz, Bytes> = BTreeMap::new();
    for n in 0..state.peers.len() {
        let peer = &state.peers[n];
        let rate = peer.output_rate;
        if peer.connection.is_none() || !peer.hears(&owner_id, &track_id) {
            continue;
        }
        let owned = &mut state.peers[publisher].tracks[track];
        let chunk = chunks.entry(rate).or_insert_with(|| {
            let samples = samples.entry(rate).or_insert_with(|| owned.at(block, rate));
            chunk(&owner_id, &description, samples)
        });
        let listener = &mut state.peers[n];
        if !lost && !listener.faults.loses() {
            listener.send(chunk.clone());
            if is_person {
                room.echoes.on_chunk(&mut state.listening, now, &samples[&rate].samples);
            }
        }
    }
}

fn chunk(peer: &PeerId, track: &WireTrack, block: &AtRate) -> Bytes {
    let mut data = bytes::BytesMut::new();
    pcm16::encode_into(&block.tail, &mut data);
    pcm16::encode_into(&block.samples, &mut data);
    let content =
        Content::TrackData(TrackData { peer_id: peer.to_string(), track: Some(track.clone()), data: data.freeze() });
    AgentResponse { content: Some(content) }.encode_to_vec().into()
}

impl Track {
    fn due(&self) -> Option<Instant> {
        match &self.source {
            Source::Agent(playout) => playout.due(),
            Source::Person(speech) => speech.due(),
            Source::Still { .. } => None,
        }
    }

    fn take(&mut self, now: Instant) -> Option<Block> {
        match &mut self.source {
            Source::Agent(playout) => playout.take(now),
            Source::Person(speech) => speech.take(now),
            Source::Still { .. } => None,
        }
    }

    /// The block's samples at `rate`.
    fn at(&mut self, block: &Block, rate: Hz) -> AtRate {
        let native = match &self.source {
            Source::Agent(playout) => playout.rate(),
            // A clip knows its own rate.
            Source::Person(_) | Source::Still { .. } => rate,
        };
        self.rates.of(block, native, rate)
    }
}

/// How often an idle room is looked at.
const IDLE: Duration = Duration::from_secs(1);
