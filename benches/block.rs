//! What one block of 20 ms costs at each step of the path. A figure of 20 µs is a thousandth of a core for one stream.
//!
//! `cargo bench` runs it. Each step works round-robin on a hundred instances, as a host of many rooms would: one
//! instance alone fits the processor's cache and looks better than it is.

use bytes::{Bytes, BytesMut};
use divan::{Bencher, counter::ItemsCount};
use prost::Message;
use roomtone::{
    agent::testing::Microphone,
    audio::{Hz, Mixer, Resampler, level_dbfs, pcm16, ring::ring},
    conversation::listening::{Listener, ListeningSettings},
    protocol::fishjam::{
        decode_response,
        wire::{
            AgentRequest, AgentResponse,
            agent_response::{Content, TrackData},
            notifications::Track,
        },
    },
    speech,
};

fn main() {
    divan::main();
}

const INSTANCES: usize = 100;

fn block(rate: Hz) -> Vec<i16> {
    (0..rate.block_samples()).map(|n| (f32::sin(n as f32 * 0.1) * 8_000.0) as i16).collect()
}

/// Runs `step` on the next of a hundred instances each time.
fn round_robin<T>(bencher: Bencher, make: impl Fn() -> T, mut step: impl FnMut(&mut T)) {
    let mut instances: Vec<T> = (0..INSTANCES).map(|_| make()).collect();
    let mut next = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        next = (next + 1) % INSTANCES;
        step(&mut instances[next]);
    });
}

#[divan::bench]
fn wire_in_16k(bencher: Bencher) {
    let mut data = BytesMut::new();
    pcm16::encode_into(&block(Hz::K16), &mut data);
    let track = Track { id: "8dbd2e6b-a1e7-4670-95a2-0262aa6c6321".into(), r#type: 2, metadata: "{}".into() };
    let peer_id = "4a1cd6c7-1e4c-4a35-8f4b-6a2d5f0e9b11".into();
    let content = Content::TrackData(TrackData { peer_id, track: Some(track), data: data.freeze() });
    let bytes = Bytes::from(AgentResponse { content: Some(content) }.encode_to_vec());
    round_robin(bencher, pcm16::Decoder::default, |decoder| {
        let message = decode_response(bytes.clone()).expect("a whole message");
        let Some(Content::TrackData(sound)) = message.content else { unreachable!("made above") };
        let mut samples = Vec::with_capacity(320);
        decoder.decode_into(&sound.data, &mut samples);
        divan::black_box(samples);
    });
}

#[divan::bench]
fn wire_out_24k(bencher: Bencher) {
    let (samples, id) = (block(Hz::K24), "8dbd2e6b-a1e7-4670-95a2-0262aa6c6321".into());
    round_robin(bencher, BytesMut::new, |encoded| {
        pcm16::encode_into(&samples, encoded);
        divan::black_box(AgentRequest::track_data(&id, encoded.split().freeze()).encode_to_vec());
    });
}

#[divan::bench]
fn ring_16k(bencher: Bencher) {
    let samples = block(Hz::K16);
    let make = || (ring(16_000), vec![0; 320]);
    round_robin(bencher, make, |((writer, reader), out)| {
        writer.write(&samples);
        reader.read(out);
    });
}

#[divan::bench(args = [(16_000, 24_000), (24_000, 48_000), (48_000, 16_000), (44_100, 48_000)])]
fn resample(bencher: Bencher, (from, to): (u32, u32)) {
    let samples = block(Hz(from));
    let make = || (Resampler::new(Hz(from), Hz(to)), Vec::with_capacity(2_000));
    round_robin(bencher, make, |(resampler, out)| {
        out.clear();
        resampler.push(&samples, out);
    });
}

#[divan::bench]
fn mix_three_speakers_16k(bencher: Bencher) {
    let samples = block(Hz::K16);
    let make = || (Mixer::default(), Vec::with_capacity(320));
    round_robin(bencher, make, |(mixer, out)| {
        let at = mixer.settled();
        (0..3).for_each(|_| assert_eq!(mixer.add(at, &samples), 0));
        out.clear();
        mixer.take_until(at + 320, out);
    });
}

#[divan::bench]
fn level_16k(bencher: Bencher) {
    let samples = block(Hz::K16);
    bencher.bench_local(|| level_dbfs(divan::black_box(&samples)));
}

/// Whether somebody speaks, with call tones and music kept out: speech, as it is while somebody does.
#[divan::bench]
fn listen_16k(bencher: Bencher) {
    let make = || (Listener::new(ListeningSettings::default()), Microphone::new("ada", Hz::K16), 0);
    round_robin(bencher, make, |(listener, microphone, at)| {
        let block = &speech::sentence()[*at..*at + 320];
        *at = (*at + 320) % (speech::sentence().len() / 320 * 320);
        microphone.say(block).iter().for_each(|input| listener.handle(input, |heard| drop(divan::black_box(heard))));
    });
}

#[cfg(feature = "opus")]
#[divan::bench(args = [0, 5, 9])]
fn opus_encode_48k(bencher: Bencher, complexity: i32) {
    use roomtone::audio::{codec::OpusSettings, opus::Encoder};

    let samples = block(Hz::K48);
    let settings = OpusSettings { complexity, ..OpusSettings::default() };
    let make = || (Encoder::new(Hz::K48, &settings).expect("48 kHz"), BytesMut::new());
    round_robin(bencher, make, |(encoder, out)| {
        out.clear();
        encoder.encode_into(&samples, out).expect("a block of 20 ms");
    });
}

#[cfg(feature = "opus")]
#[divan::bench]
fn opus_decode_to_16k(bencher: Bencher) {
    use roomtone::audio::{
        codec::OpusSettings,
        opus::{Decoder, Encoder},
    };

    let mut packet = BytesMut::new();
    let mut encoder = Encoder::new(Hz::K48, &OpusSettings::default()).expect("48 kHz");
    encoder.encode_into(&block(Hz::K48), &mut packet).expect("a block of 20 ms");
    let make = || (Decoder::new(Hz::K16).expect("16 kHz"), Vec::with_capacity(320));
    round_robin(bencher, make, |(decoder, out)| {
        out.clear();
        decoder.decode_into(&packet, out).expect("a packet");
    });
}
