//! The lock-free hand-overs between two real threads, to be built with ThreadSanitizer; see `ci/races`. The source is
//! the package's, included by path. No test harness: to a sanitizer that does not know the standard library, what the
//! harness does between its threads looks like races.

extern crate real_ringbuf as ringbuf;

#[path = "../agent.rs"]
mod agent;
#[path = "../audio.rs"]
mod audio;

use agent::voice_link;
use audio::{Hz, ring::ring};

fn main() {
    samples_cross_between_threads_whole_and_in_order();
    a_voice_and_its_driver_in_two_threads_lose_nothing();
}

fn samples_cross_between_threads_whole_and_in_order() {
    let (mut writer, mut reader) = ring(61);
    let total = 300_000u32;
    let sample = |n: u32| (n % 32_749) as i16;
    let writes = std::thread::spawn(move || {
        let mut next = 0;
        while next < total {
            let size = (next % 97).min(total - next);
            let chunk: Vec<i16> = (next..next + size.max(1)).map(sample).collect();
            let fits = writer.free();
            let wrote = writer.write(&chunk);
            assert!(wrote >= fits.min(chunk.len()));
            next += wrote as u32;
            if wrote == 0 {
                std::thread::yield_now();
            }
        }
        writer
    });
    let (mut next, mut out) = (0, [0; 41]);
    while next < total {
        let waits = reader.waiting();
        let most = (next % 41 + 1) as usize;
        let got = if next % 5 == 0 {
            reader.skip(most)
        } else {
            let got = reader.read(&mut out[..most]);
            assert!(out[..got].iter().zip(next..).all(|(&heard, n)| heard == sample(n)), "at {next}");
            got
        };
        assert!(got >= waits.min(most));
        next += got as u32;
        if got == 0 {
            std::thread::yield_now();
        }
    }
    // The ends meet again before they go: that they do so safely is the standard library's business.
    drop(writes.join().unwrap());
    assert_eq!((next, reader.waiting()), (total, 0));
}
fn a_voice_and_its_driver_in_two_threads_lose_nothing() {
    let (mut voice, mut port) = voice_link(Hz::K16);
    let total = 2_000_000u64;
    let sample = |n: u64| (n % 32_749) as i16;
    let agent = std::thread::spawn(move || {
        let (mut next, mut calls) = (0u64, 0u64);
        while next < total {
            calls += 1;
            // Mostly what goes through the ring, at times a piece that does not fit.
            let size = if calls % 50 == 0 { 9_000 } else { calls % 700 + 1 };
            let piece: Vec<i16> = (next..(next + size).min(total)).map(sample).collect();
            let took = voice.play(&piece) as u64;
            assert!(took == piece.len() as u64 || voice.refused_samples() > 0);
            next += took;
            if calls % 400 == 0 {
                voice.interrupt();
            }
            if took == 0 {
                std::thread::yield_now();
            }
        }
        voice
    });
    let (mut out, mut interrupts) = (Vec::new(), 0);
    while port.position() < total {
        interrupts += u32::from(port.take_interrupt());
        let (from, waits) = (port.position(), port.waiting());
        out.clear();
        let got = port.fetch(321, &mut out);
        assert_eq!((got, port.position()), (out.len(), from + got as u64));
        assert!(out.iter().zip(from..).all(|(&heard, n)| heard == sample(n)), "at {from}");
        port.settle(port.position());
        if got == 0 {
            assert!(waits == 0 || interrupts < 100_000);
            std::thread::yield_now();
        }
    }
    let voice = agent.join().unwrap();
    port.take_interrupt();
    port.settle(port.position());
    assert!(voice.is_silent() && interrupts > 0);
    assert_eq!((voice.written(), voice.queued().as_nanos()), (total, 0));
}
