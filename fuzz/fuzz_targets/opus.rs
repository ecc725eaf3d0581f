//! Whatever a peer sends as Opus: an error or at most 120 ms, and the decoder goes on with the next packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomtone::audio::{Hz, opus::Decoder};

fuzz_target!(|data: &[u8]| {
    let Some((&head, packets)) = data.split_first() else { return };
    let rate = [Hz(8_000), Hz::K16, Hz::K24, Hz::K48][usize::from(head & 3)];
    let mut decoder = Decoder::new(rate).unwrap();
    // The decoder keeps state between packets, so one input is up to three packets, cut by the head's other bits.
    let mut out = Vec::new();
    for packet in packets.chunks(usize::from(head >> 2) * 4 + 8).take(3) {
        let before = out.len();
        let decoded = decoder.decode_into(packet, &mut out);
        assert!(out.len() - before <= rate.0 as usize * 120 / 1_000);
        assert!(decoded.is_ok() || out.len() == before);
    }
});
