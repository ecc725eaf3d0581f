//! What is said to agents in benches of conversations: people's questions with pauses in them, and what interrupts.

use std::{path::Path, time::Duration};

use roomtone::{
    audio::{Hz, Sound},
    speech::{
        engines::{EngineConfig, Folder, unopened_voice},
        voices,
    },
};

use crate::stage::{person, trimmed};

/// Something that is said into the agent's speech.
#[derive(Clone)]
pub(crate) struct Interruption {
    pub(crate) what: &'static str,
    pub(crate) name: String,
    pub(crate) sound: Sound,
}

pub(crate) async fn interruptions(place: &Path) -> Vec<Interruption> {
    let mut all = Vec::new();
    for file in ["goforward.raw", "something.raw", "cards/001.wav", "cards/002.wav", "cards/003.wav", "cards/005.wav"] {
        all.push(Interruption { what: "a person", name: file.into(), sound: person(file) });
    }
    for n in [870, 880, 890, 920, 930] {
        let name = format!("librivox/sense_and_sensibility_01_austen_64kb-0{n}.wav");
        all.push(Interruption { what: "a person", sound: person(&name), name });
    }
    let folder = Folder::new(place.join("data/engines"));
    for engine in ["hibari", "flite"] {
        let voice = unopened_voice(&EngineConfig::named(engine), &folder).unwrap();
        // Flite would spell "Mm-hmm".
        let hum = if engine == "flite" { "Aha." } else { "Mm-hmm." };
        for text in [hum, "Yeah.", "Okay.", "Right.", "Uh-huh.", "I see."] {
            let said = voices::say(&*voice, "a back-channel", text).await.unwrap();
            let sound = trimmed(&Sound { rate: said.rate.unwrap(), samples: said.samples }).at(Hz::K16);
            all.push(Interruption { what: "a back-channel", name: format!("{engine}'s {text:?}"), sound });
        }
    }
    for seed in 0..6 {
        all.push(Interruption { what: "a noise", name: seed.to_string(), sound: noise(seed) });
    }
    all
}

/// So many of them, each as often as the others, in an order that is always the same.
pub(crate) fn shuffled<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    let mut random = fastrand::Rng::with_seed(5);
    let mut order = Vec::new();
    while order.len() < count {
        let mut round = all.to_vec();
        random.shuffle(&mut round);
        order.extend(round);
    }
    order.truncate(count);
    order
}

/// The names of those with which something went wrong.
pub(crate) fn print_wrong<'a>(what: &str, names: impl Iterator<Item = &'a str>) {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    if !names.is_empty() {
        println!("  {what}: {}", names.join(", "));
    }
}

/// A cough, a thud, a rustle: bursts of shaped noise.
fn noise(seed: u64) -> Sound {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut samples, mut low) = (Vec::new(), 0.0);
    let bursts = 1 + seed as usize % 3;
    for burst in 0..bursts {
        let length = 1_600 + random.usize(..3_200);
        let smooth = 0.2 + 0.6 * random.f64();
        for n in 0..length {
            let envelope = (n as f64 / 160.0).min(1.0) * (-4.0 * n as f64 / length as f64).exp();
            low += (random.f64() * 2.0 - 1.0 - low) * smooth;
            samples.push((low * envelope * 14_000.0) as i16);
        }
        if burst + 1 < bursts {
            samples.extend(std::iter::repeat_n(0, 1_600));
        }
    }
    Sound { rate: Hz::K16, samples }
}

/// When the voice is silent for 100 ms from there on.
pub(crate) fn silence(sound: &Sound, from: Duration) -> Option<Duration> {
    let block = sound.rate.samples_in(Duration::from_millis(2));
    let start = sound.rate.samples_in(from);
    let mut quiet = 0;
    for (n, block_samples) in sound.samples.get(start..)?.chunks(block).enumerate() {
        quiet = if block_samples.iter().all(|sample| sample.unsigned_abs() <= 40) { quiet + 1 } else { 0 };
        if quiet == 50 {
            return Some(from + sound.rate.duration_of(((n + 1 - 50) * block) as u64));
        }
        if n > 1_000 {
            return None;
        }
    }
    None
}

/// A sentence that somebody says.
#[derive(Clone)]
pub(crate) struct Sentence {
    /// People or hibari.
    pub(crate) voice: &'static str,
    pub(crate) name: String,
    pub(crate) sound: Sound,
}

/// What people and hibari say.
pub(crate) fn sentences(place: &Path) -> Vec<Sentence> {
    let librivox = [870, 880, 890, 920, 930].map(|n| format!("librivox/sense_and_sensibility_01_austen_64kb-0{n}.wav"));
    let short = ["goforward.raw", "something.raw", "cards/005.wav"].map(str::to_owned);
    let people = librivox.into_iter().chain(short);
    let people = people.map(|name| Sentence { voice: "people", sound: person(&name), name });
    let made = (1..=20).map(|n| {
        let name = format!("hibari's {n:03}");
        let sound = Sound::read(&place.join(format!("voices/hibari/{n:03}.wav"))).unwrap();
        Sentence { voice: "hibari", sound: trimmed(&sound.at(Hz::K16)), name }
    });
    people.chain(made).collect()
}

/// The sound with a pause at the quietest place of its middle.
pub(crate) fn with_pause(sound: &Sound, pause: Duration) -> (Sound, Duration) {
    let window = 1_600;
    let (from, to) = (sound.samples.len() * 3 / 10, sound.samples.len() * 7 / 10 - window);
    let energy = |at: usize| sound.samples[at..at + window].iter().map(|s| i64::from(*s).pow(2)).sum::<i64>();
    let at = (from..to).step_by(80).min_by_key(|at| energy(*at)).unwrap_or(from) + window / 2;
    let silence = vec![0; sound.rate.samples_in(pause)];
    let samples = [&sound.samples[..at], &silence, &sound.samples[at..]].concat();
    (Sound { rate: sound.rate, samples }, sound.rate.duration_of(at as u64) + pause)
}
