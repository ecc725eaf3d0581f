//! Music as it is played to people who wait: chords, a melody, drums.

use std::f32::consts::TAU;

use super::{Dice, RATE};

/// The kinds of hold music.
pub const HOLD_MUSIC: [&str; 8] = ["pad", "organ", "strings", "arpeggio", "guitar", "piano", "flute", "band"];

/// Hold music of a kind, at half of full scale.
///
/// # Panics
/// If there is none of that kind.
pub fn hold_music(kind: &str, seconds: f32) -> Vec<i16> {
    assert!(HOLD_MUSIC.contains(&kind), "there is no hold music {kind:?}");
    let mut mix = Mix { samples: vec![0.0; (seconds * RATE) as usize], dice: Dice::new(kind.len() as u64) };
    let bar_s = if kind == "pad" { 3.2 } else { 2.0 };
    let bars = (seconds / bar_s) as usize + 1;
    for bar in 0..bars {
        let (at, chord) = (bar as f32 * bar_s, CHORDS[bar % CHORDS.len()]);
        mix.accompany(kind, at, bar_s, chord);
        mix.melody(kind, at, bar_s);
        if kind == "band" {
            mix.drums(at, bar_s);
        }
    }
    let peak = mix.samples.iter().fold(1e-6_f32, |peak, sample| peak.max(sample.abs()));
    mix.samples.iter().map(|sample| (sample / peak * 16_384.0) as i16).collect()
}

/// How an instrument sounds: how its partials fall off, how a note begins and dies away, how it trembles.
#[derive(Clone, Copy)]
struct Instrument {
    partials: usize,
    slope: f32,
    attack_s: f32,
    decay_s: f32,
    vibrato: f32,
    tremolo: f32,
}

const PAD: Instrument = Instrument { partials: 8, slope: 1.2, attack_s: 0.3, decay_s: 9.0, vibrato: 0.0, tremolo: 0.0 };
const ORGAN: Instrument = Instrument { partials: 6, slope: 0.5, attack_s: 0.02, vibrato: 0.08, tremolo: 0.25, ..PAD };
const STRINGS: Instrument = Instrument { partials: 16, slope: 1.1, attack_s: 0.15, vibrato: 0.15, ..PAD };
const HARP: Instrument = Instrument { partials: 5, slope: 1.6, attack_s: 0.003, decay_s: 0.4, ..PAD };
const PIANO: Instrument = Instrument { partials: 12, slope: 1.3, attack_s: 0.004, decay_s: 0.6, ..PAD };
const FLUTE: Instrument = Instrument { partials: 4, slope: 2.0, attack_s: 0.06, vibrato: 0.2, tremolo: 0.15, ..PAD };
const CHORDS: [[f32; 3]; 6] = [
    [48.0, 52.0, 55.0],
    [45.0, 48.0, 52.0],
    [41.0, 45.0, 48.0],
    [43.0, 47.0, 50.0],
    [38.0, 41.0, 45.0],
    [43.0, 47.0, 53.0],
];

struct Mix {
    samples: Vec<f32>,
    dice: Dice,
}

impl Mix {
    fn accompany(&mut self, kind: &str, at: f32, lasts: f32, chord: [f32; 3]) {
        let eighth = lasts / 8.0;
        match kind {
            "pad" => chord.iter().for_each(|note| self.note(PAD, at, lasts, note + 12.0, 0.3)),
            "organ" => chord.iter().for_each(|note| self.note(ORGAN, at, lasts, note + 12.0, 0.3)),
            "strings" | "flute" => chord.iter().for_each(|note| self.note(STRINGS, at, lasts, note + 12.0, 0.12)),
            "arpeggio" => (0..8).for_each(|n| {
                self.note(HARP, at + n as f32 * eighth, eighth * 4.0, chord[n % 3] + 24.0, 0.4);
            }),
            "guitar" => (0..8).for_each(|n| {
                self.pluck(at + n as f32 * eighth, eighth * 3.0, chord[[0, 1, 2, 1, 2, 0, 2, 1][n]] + 12.0);
            }),
            _ => (0..4).for_each(|n| {
                let beat = at + n as f32 * 2.0 * eighth;
                self.note(PIANO, beat, eighth * 2.0, chord[n % 3], 0.5);
                chord.iter().for_each(|note| self.note(PIANO, beat + eighth, eighth, note + 12.0, 0.2));
            }),
        }
    }

    /// A walk over the scale, some notes long, some short.
    fn melody(&mut self, kind: &str, at: f32, lasts: f32) {
        let (instrument, base) = match kind {
            "piano" | "band" => (PIANO, 60.0),
            "flute" => (FLUTE, 72.0),
            _ => return,
        };
        let scale = [0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 11.0, 12.0];
        let mut beats = 0.0;
        while beats < 4.0 {
            let length = [0.5_f32, 1.0, 0.5, 2.0, 1.5][self.dice.pick(5)].min(4.0 - beats);
            let note = base + scale[self.dice.pick(scale.len())];
            self.note(instrument, at + beats * lasts / 4.0, length * lasts / 4.0 * 0.92, note, 0.4);
            beats += length;
        }
    }

    fn note(&mut self, instrument: Instrument, at: f32, lasts: f32, note: f32, gain: f32) {
        let (first, hz) = ((at * RATE) as usize, hz(note));
        let mut phase = 0.0_f32;
        for n in 0..((lasts + FADE_S) * RATE) as usize {
            let Some(sample) = self.samples.get_mut(first + n) else { return };
            let t = n as f32 / RATE;
            phase = (phase + hz * (instrument.vibrato * (TAU * 5.6 * t).sin() / 12.0).exp2() / RATE).fract();
            let partials = (1..=instrument.partials).map(|k| k as f32).take_while(|k| k * hz < 7_500.0);
            let sum: f32 = partials
                .map(|k| {
                    k.powf(-instrument.slope) * (-t * k.sqrt() / instrument.decay_s).exp() * (TAU * k * phase).sin()
                })
                .sum();
            let fade = ((lasts + FADE_S - t) / FADE_S).clamp(0.0, 1.0) * (t / instrument.attack_s).min(1.0);
            *sample += gain * sum * fade * (1.0 + instrument.tremolo * (TAU * 6.2 * t).sin());
        }
    }

    /// A plucked string: a loop of noise that is averaged as it turns (Karplus and Strong).
    fn pluck(&mut self, at: f32, lasts: f32, note: f32) {
        let mut string: Vec<f32> = (0..(RATE / hz(note)) as usize).map(|_| self.dice.sample()).collect();
        let first = (at * RATE) as usize;
        let samples = (lasts * RATE) as usize;
        for n in 0..samples {
            let Some(sample) = self.samples.get_mut(first + n) else { return };
            let (place, next) = (n % string.len(), (n + 1) % string.len());
            *sample += 0.5 * string[place] * ((samples - n) as f32 / 400.0).min(1.0);
            string[place] = 0.996 * 0.5 * (string[place] + string[next]);
        }
    }

    fn drums(&mut self, at: f32, lasts: f32) {
        for n in 0..8 {
            let first = ((at + n as f32 * lasts / 8.0) * RATE) as usize;
            let decay_s = [0.07, 0.015, 0.05, 0.015][n % 4];
            for n_sample in 0..(decay_s * 5.0 * RATE) as usize {
                let t = n_sample as f32 / RATE;
                let hit = match n % 4 {
                    0 => 0.9 * (TAU * 55.0 * t).sin(),
                    2 => 0.4 * self.dice.sample(),
                    _ => 0.15 * self.dice.sample(),
                };
                if let Some(sample) = self.samples.get_mut(first + n_sample) {
                    *sample += hit * (-t / decay_s).exp();
                }
            }
        }
    }
}

fn hz(note: f32) -> f32 {
    440.0 * ((note - 69.0) / 12.0).exp2()
}

const FADE_S: f32 = 0.08;
