//! What a telephone says of itself.

use std::f32::consts::TAU;

use super::RATE;

/// The names of call tones: dialled digits by their length in ms, ringing and busy by country, dial tone, fax, and "the
/// number you have dialled".
pub const CALL_TONES: [&str; 13] = [
    "dtmf-40",
    "dtmf-100",
    "dtmf-200",
    "dtmf-500",
    "dtmf-mixed",
    "ring-us",
    "ring-eu",
    "ring-uk",
    "busy-us",
    "busy-eu",
    "dial",
    "fax",
    "no-number",
];

/// A call tone by its name, some ten seconds of it.
///
/// # Panics
/// If there is none of that name.
pub fn call_tone(name: &str) -> Vec<i16> {
    let mut line = Line(Vec::new());
    line.pause(500);
    match name {
        "dtmf-40" => line.dial(&[40], &[40, 60, 300]),
        "dtmf-100" => line.dial(&[100], &[50, 100, 400]),
        "dtmf-200" => line.dial(&[200], &[100, 200, 500]),
        "dtmf-500" => line.dial(&[500], &[100, 600]),
        "dtmf-mixed" => line.dial(&[40, 90, 160, 250, 70, 350], &[50, 120, 700, 1_500]),
        "ring-us" => line.again(2, &[(&[440.0, 480.0], 2_000), (&[], 4_000)]),
        "ring-eu" => line.again(2, &[(&[425.0], 1_000), (&[], 4_000)]),
        "ring-uk" => line.again(4, &[(&[400.0, 450.0], 400), (&[], 200), (&[400.0, 450.0], 400), (&[], 2_000)]),
        "busy-us" => line.again(10, &[(&[480.0, 620.0], 500), (&[], 500)]),
        "busy-eu" => line.again(10, &[(&[425.0], 500), (&[], 500)]),
        "dial" => line.again(1, &[(&[350.0, 440.0], 8_000)]),
        "fax" => line.again(3, &[(&[1_100.0], 500), (&[], 3_000)]),
        "no-number" => line.again(4, &[(&[950.0], 330), (&[1_400.0], 330), (&[1_800.0], 330), (&[], 1_000)]),
        _ => panic!("there is no call tone {name:?}"),
    }
    line.pause(500);
    line.0.iter().map(|sample| (sample * 24_000.0) as i16).collect()
}

struct Line(Vec<f32>);

impl Line {
    fn pause(&mut self, ms: usize) {
        self.0.resize(self.0.len() + ms * 16, 0.0);
    }

    /// These frequencies, with edges of 2 ms.
    fn beep(&mut self, hz: &[f32], ms: usize) {
        let samples = ms * 16;
        self.0.extend((0..samples).map(|n| {
            let edge = (n.min(samples - n) as f32 / 32.0).min(1.0);
            edge * hz.iter().map(|hz| 0.25 * (TAU * hz * n as f32 / RATE).sin()).sum::<f32>()
        }));
    }

    fn again(&mut self, times: usize, parts: &[(&[f32], usize)]) {
        (0..times).for_each(|_| parts.iter().for_each(|(hz, ms)| self.beep(hz, *ms)));
    }

    /// All sixteen keys, three times.
    fn dial(&mut self, lengths: &[usize], pauses: &[usize]) {
        let (rows, columns) = ([697.0, 770.0, 852.0, 941.0], [1_209.0, 1_336.0, 1_477.0, 1_633.0]);
        for n in 0..48 {
            let key = n * 5 % 16;
            self.beep(&[rows[key / 4], columns[key % 4]], lengths[n % lengths.len()]);
            self.pause(pauses[n % pauses.len()]);
        }
    }
}
