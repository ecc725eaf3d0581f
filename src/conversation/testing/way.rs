//! What becomes of sound on its way.

use std::f32::consts::{PI, TAU};

use super::Dice;
use crate::audio::hann;

/// Through a telephone: 8 kHz, 8 bits of mu-law (ITU-T G.711), and back.
pub fn through_telephone(samples: &[i16]) -> Vec<i16> {
    let sound: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    let narrow = low_pass(&sound);
    let decoded = narrow.iter().enumerate().map(|(n, sample)| if n % 2 == 0 { 2.0 * mulaw(*sample) } else { 0.0 });
    low_pass(&decoded.collect::<Vec<f32>>()).into_iter().map(clipped).collect()
}

/// The same, louder by so many dB.
pub fn louder(samples: &[i16], db: f32) -> Vec<i16> {
    let gain = 10_f32.powf(db / 20.0);
    samples.iter().map(|sample| clipped(f32::from(*sample) * gain)).collect()
}

/// Noise like that of a room, at a root mean square in dB below full scale.
pub fn noise(samples: usize, dbfs: f32) -> Vec<i16> {
    let noise = brown(samples, 7);
    let gain = 32_768.0 * 10_f32.powf(dbfs / 20.0) / rms(&noise);
    noise.into_iter().map(|sample| clipped(sample * gain)).collect()
}

/// In noise that is so many dB below the sound, with one of many draws of it.
pub fn in_noise(samples: &[i16], db: f32, draw: u64) -> Vec<i16> {
    let sound: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    let noise = brown(samples.len(), draw);
    let gain = rms(&sound) / rms(&noise) * 10_f32.powf(-db / 20.0);
    sound.iter().zip(noise).map(|(sample, noise)| clipped(sample + gain * noise)).collect()
}

fn brown(samples: usize, draw: u64) -> Vec<f32> {
    let (mut dice, mut level) = (Dice::new(draw), 0.0);
    (0..samples)
        .map(|_| {
            level = 0.7 * level + dice.sample();
            level
        })
        .collect()
}

fn rms(sound: &[f32]) -> f32 {
    (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len().max(1) as f32).sqrt().max(1e-9)
}

/// Below 3.6 kHz.
fn low_pass(sound: &[f32]) -> Vec<f32> {
    const TAPS: usize = 63;
    let cutoff = 3_600.0 / super::RATE;
    let tap = |n: usize| {
        let at = n as f32 - (TAPS / 2) as f32;
        hann(n as f32 + 0.5, TAPS) * if at == 0.0 { 2.0 * cutoff } else { (TAU * cutoff * at).sin() / (PI * at) }
    };
    let taps: Vec<f32> = (0..TAPS).map(tap).collect();
    let at = |n: usize, tap: usize| (n + TAPS / 2).checked_sub(tap).and_then(|n| sound.get(n)).copied().unwrap_or(0.0);
    (0..sound.len()).map(|n| taps.iter().enumerate().map(|(tap, weight)| weight * at(n, tap)).sum()).collect()
}

/// To 8 bits and back.
fn mulaw(sample: f32) -> f32 {
    let x = (sample / 32_768.0).clamp(-1.0, 1.0);
    let coded = (x.signum() * (1.0 + 255.0 * x.abs()).ln() / 256_f32.ln() * 127.0).round() / 127.0;
    coded.signum() * (256_f32.powf(coded.abs()) - 1.0) / 255.0 * 32_768.0
}

fn clipped(sample: f32) -> i16 {
    sample.clamp(-32_768.0, 32_767.0) as i16
}
