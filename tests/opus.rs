//! What Opus does to speech, within bounds that stand in `docs/audio.md`.
#![cfg(feature = "opus")]

use std::path::Path;

use bytes::BytesMut;
use roomtone::audio::{
    Hz, Sound,
    codec::{CodecError, OpusSettings},
    level_dbfs,
    opus::{Decoder, Encoder},
};

fn speech(rate: Hz) -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech.wav");
    Sound::read(&path).unwrap().at(rate).samples
}

/// Encodes and decodes, without every `lost`th packet, and takes the codec's delay off. Gives the sound, the bytes, and
/// where concealment begins and ends.
fn round_trip(said: &[i16], rate: Hz, settings: &OpusSettings, lost: Option<usize>) -> (Vec<i16>, usize, Vec<usize>) {
    let (mut encoder, mut decoder) = (Encoder::new(rate, settings).unwrap(), Decoder::new(rate).unwrap());
    let (mut heard, mut bytes, mut joints) = (Vec::new(), 0, Vec::new());
    for (n, block) in said.chunks_exact(rate.block_samples()).enumerate() {
        let mut packet = BytesMut::new();
        encoder.encode_into(block, &mut packet).unwrap();
        bytes += packet.len();
        let is_lost = |n: usize| lost.is_some_and(|every| n % every == every - 1);
        if n > 0 && is_lost(n - 1) {
            joints.push(heard.len());
            match settings.fec {
                true => decoder.recover_into(&packet, block.len(), &mut heard),
                false => decoder.conceal_into(block.len(), &mut heard),
            }
            joints.push(heard.len());
        }
        if !is_lost(n) {
            decoder.decode_into(&packet, &mut heard).unwrap();
        }
    }
    let delay = encoder.lookahead_samples();
    (heard.split_off(delay), bytes, joints.into_iter().map(|at| at - delay).collect())
}

/// The mean over loud blocks of 20 ms of how far the error is below the speech.
fn segmental_snr_db(said: &[i16], heard: &[i16], block: usize) -> f64 {
    let ratios: Vec<f64> = said
        .chunks_exact(block)
        .zip(heard.chunks_exact(block))
        .filter(|(said, _)| level_dbfs(said).is_some_and(|level| level > -45.0))
        .map(|(said, heard)| {
            let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
            let signal = power(&mut said.iter().map(|sample| f64::from(*sample)));
            let error = power(&mut said.iter().zip(heard).map(|(a, b)| f64::from(*a) - f64::from(*b)));
            (10.0 * (signal / error.max(1.0)).log10()).clamp(-10.0, 35.0)
        })
        .collect();
    ratios.iter().sum::<f64>() / ratios.len() as f64
}

#[test]
fn speech_keeps_its_shape_and_its_level() {
    let said = speech(Hz::K48);
    for (bitrate_bps, least_db) in [(24_000, 9.0), (32_000, 9.3), (64_000, 9.5)] {
        let settings = OpusSettings { bitrate_bps, ..OpusSettings::default() };
        let (heard, bytes, _) = round_trip(&said, Hz::K48, &settings, None);
        let snr = segmental_snr_db(&said, &heard, 960);
        let level = level_dbfs(&heard).unwrap() - level_dbfs(&said[..heard.len()]).unwrap();
        let rate = bytes as f64 * 8.0 / Hz::K48.duration_of(said.len() as u64).as_secs_f64();
        println!("{bitrate_bps}: {snr:.2} dB, level {level:.2} dB, {rate:.0} bit/s");
        assert!(snr >= least_db, "{bitrate_bps} bit/s: {snr:.1} dB");
        assert!(level.abs() <= 0.5, "{bitrate_bps} bit/s: the level changed by {level:.2} dB");
        assert!((rate / f64::from(bitrate_bps) - 1.0).abs() < 0.05, "{rate:.0} of {bitrate_bps} bit/s");
    }
}

#[test]
fn a_lost_packet_leaves_no_click() {
    let said = speech(Hz::K48);
    for fec in [false, true] {
        let settings = OpusSettings { fec, ..OpusSettings::default() };
        let (heard, _, joints) = round_trip(&said, Hz::K48, &settings, Some(10));
        let step = |at: usize| (i32::from(heard[at]) - i32::from(heard[at - 1])).abs();
        let joints: Vec<usize> = joints.into_iter().filter(|at| (200..heard.len() - 200).contains(at)).collect();
        assert!(joints.len() >= 60);
        for at in joints {
            // A step that its neighbours take too is no click: recovered speech is as lively at a joint as beside it, and concealed
            // speech is calmer.
            let beside = (at - 200..at + 200).filter(|near| *near != at).map(step).max().unwrap();
            let most = TWO_PERCENT.max(if fec { beside } else { beside / 2 });
            assert!(step(at) <= most, "fec {fec}: a step of {} at {at}, {beside} beside it", step(at));
        }
    }
}

#[test]
fn silence_costs_next_to_nothing_with_dtx() {
    let silence = vec![0; 48_000 * 5];
    let bytes = |dtx| round_trip(&silence, Hz::K48, &OpusSettings { dtx, ..OpusSettings::default() }, None).1;
    assert!(bytes(true) * 4 < bytes(false), "{} with, {} without", bytes(true), bytes(false));
}

#[test]
fn settings_that_opus_does_not_take_are_refused_by_name() {
    for (settings, name) in [
        (OpusSettings { bitrate_bps: 5_000, ..OpusSettings::default() }, "bitrate"),
        (OpusSettings { complexity: 11, ..OpusSettings::default() }, "complexity"),
    ] {
        let error = settings.check().unwrap_err();
        assert!(matches!(error, CodecError::Setting { .. }) && error.to_string().contains(name), "{error}");
    }
}

/// Of full scale.
const TWO_PERCENT: i32 = 655;
