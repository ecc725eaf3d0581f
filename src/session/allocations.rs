//! Holds the sound's path to its promise: once it runs, it asks the machine for no memory. From the bytes that the
//! WebSocket library gives to the agent, and from the agent to the bytes that the library takes.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use prost::Message;

use super::{InboundAudio, OutboundAudio};
use crate::{
    agent::{AudioRequirements, Hear, Input, Room, RoomPort, room_link},
    audio::{
        BLOCK, Hz,
        codec::{Encoder, Encoding},
    },
    event::{Peer, PeerEvent, PeerKind, Roster, Track, TrackEvent, TrackId, TrackKind},
    protocol::fishjam::{
        encode_track_data, peek_track_data,
        wire::{
            AgentResponse,
            agent_response::{Content, TrackData},
            notifications::Track as WireTrack,
        },
    },
    signal::PublishedTrack,
};

/// A session without its socket.
struct Path {
    room: Room,
    port: RoomPort,
    inbound: InboundAudio,
    outbound: OutboundAudio,
    begun: Instant,
    outbox: BytesMut,
    sent_bytes: usize,
}

impl Path {
    fn new(incoming: Encoding, voice: &PublishedTrack) -> Path {
        let (room, mut port) = room_link("r".into(), "me".into(), &AudioRequirements::default());
        let mut roster = Roster::new("me".into());
        roster.apply(&PeerEvent::joined(Peer::new("ada".into(), PeerKind::Person)).into());
        let track = Track::new("8dbd2e6b-a1e7-4670-95a2-0262aa6c6321".into(), TrackKind::Audio);
        roster.apply(&TrackEvent::added(&"ada".into(), track).into());
        let mut inbound = InboundAudio::new(Hear::People, incoming, Hz::K16);
        let first = message(incoming, 0);
        inbound.on_first_chunk(BLOCK, peek_track_data(&first).unwrap(), &mut roster, &mut port).unwrap();
        let outbound = OutboundAudio::new(&port.voice, voice, Duration::from_millis(200)).unwrap();
        Path { room, port, inbound, outbound, begun: Instant::now(), outbox: BytesMut::new(), sent_bytes: 0 }
    }

    /// One frame in, through an agent that says it back, and out.
    fn echo(&mut self, n: u32, message: &Bytes, track: &TrackId) {
        let heard = BLOCK * (n + 2);
        assert!(self.inbound.try_deliver(heard, &peek_track_data(message).unwrap(), &mut self.port));
        while let Some(Some(input)) = self.room.next().now_or_never() {
            let Input::Audio(frame) = input else { continue };
            self.room.voice.play(frame.samples());
        }
        let (outbox, sent_bytes) = (&mut self.outbox, &mut self.sent_bytes);
        self.outbound.poll_packets(self.begun + heard, &mut self.port.voice, |packet| {
            encode_track_data(track, packet, outbox);
            // The library takes it, copies it into its own buffer, and lets go of it.
            *sent_bytes += outbox.split().freeze().len();
        });
    }
}

fn message(encoding: Encoding, n: u32) -> Bytes {
    let mut encoder = Encoder::new(encoding, Hz::K16, &Default::default()).unwrap();
    let (tone, mut data) = ((0..320).map(|k| (k * 50 + n as i32) as i16).collect::<Vec<i16>>(), BytesMut::new());
    encoder.encode_into(&tone, &mut data).unwrap();
    let track = WireTrack { id: "8dbd2e6b-a1e7-4670-95a2-0262aa6c6321".into(), r#type: 2, metadata: "{}".into() };
    let content = Content::TrackData(TrackData { peer_id: "ada".into(), track: Some(track), data: data.freeze() });
    AgentResponse { content: Some(content) }.encode_to_vec().into()
}

fn allocations_over_10_000_frames(incoming: Encoding, voice: &PublishedTrack) -> (u64, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _inside = runtime.enter();
    let (mut path, track) = (Path::new(incoming, voice), TrackId::from("2a3f2f32-7a3f-4c5d-9d7e-1a2b3c4d5e6f"));
    let messages: Vec<Bytes> = (0..16).map(|n| message(incoming, n)).collect();
    let mut run = |frames: std::ops::Range<u32>| {
        frames.for_each(|n| path.echo(n, &messages[n as usize % messages.len()], &track));
    };
    // Buffers find their size.
    run(0..500);
    let counted = allocation_counter::measure(|| run(500..10_500));
    (counted.count_total, path.sent_bytes)
}

#[test]
fn ten_thousand_frames_of_pcm16_allocate_nothing() {
    for rate in [Hz::K16, Hz::K24] {
        let (allocations, sent) =
            allocations_over_10_000_frames(Encoding::Pcm16, &PublishedTrack::pcm16(rate).unwrap());
        assert!(sent > 10_000 * rate.block_samples() * 2, "only {sent} bytes were sent");
        assert_eq!(allocations, 0, "to {rate}");
    }
}

#[cfg(feature = "opus")]
#[test]
fn ten_thousand_frames_of_opus_allocate_nothing() {
    let (allocations, sent) = allocations_over_10_000_frames(Encoding::Opus, &PublishedTrack::opus(Hz::K48).unwrap());
    assert!(sent > 10_000 * 50, "only {sent} bytes were sent");
    assert_eq!(allocations, 0);
}
