//! What a microphone hears beside whoever speaks: the agent itself out of the speaker, noise, and a level that is too low.

mod near;
mod trial;

use sonora::{
    AudioProcessing, Config, StreamConfig,
    config::{AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression},
};

use crate::audio::Hz;
use near::NearKeeper;

/// What is done about the microphone's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processing {
    /// Takes off what comes out of the speaker, so that the agent does not hear itself. Not needed with headphones.
    pub echo: bool,
    /// Takes off steady noise.
    pub noise: bool,
    /// Raises a voice that is too low.
    pub gain: bool,
}

impl Processing {
    /// The sound as it is.
    pub const NONE: Processing = Processing { echo: false, noise: false, gain: false };
}

impl Default for Processing {
    /// All of it.
    fn default() -> Processing {
        Processing { echo: true, noise: true, gain: true }
    }
}

/// Hears both sides, and gives the near one. At 16 or 48 kHz, in blocks of 10 ms.
pub(super) struct Canceller {
    /// At 16 kHz, the rate of speech, whoever speaks into the agent's voice is kept; at 48 kHz they are turned down with it.
    near: Option<Box<NearKeeper>>,
    processing: Option<Box<AudioProcessing>>,
    block_samples: usize,
    /// What comes of the speaker's side is of no use.
    sink: Vec<f32>,
}

impl Canceller {
    pub(super) fn new(rate: Hz, wanted: Processing) -> Canceller {
        let keeps_near = wanted.echo && rate == Hz::K16;
        let config = Config {
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: (wanted.echo && !keeps_near).then(EchoCanceller::default),
            noise_suppression: wanted.noise.then(NoiseSuppression::default),
            gain_controller2: wanted.gain.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital { initial_gain_db: 0.0, ..AdaptiveDigital::default() }),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let stream = StreamConfig::new(rate.0, 1);
        let build = || AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build();
        let processing = (wanted != Processing::NONE).then(|| Box::new(build()));
        let block_samples = rate.0 as usize / 100;
        let near = keeps_near.then(|| Box::new(NearKeeper::new()));
        Canceller { near, processing, block_samples, sink: vec![0.0; block_samples] }
    }

    /// How long a block is.
    pub(super) fn block_samples(&self) -> usize {
        self.block_samples
    }

    /// The speaker plays this block.
    pub(super) fn on_played(&mut self, block: &[f32]) {
        if let Some(near) = &mut self.near {
            near.on_played(block);
        } else if let Some(processing) = &mut self.processing {
            processing.process_render_f32(&[block], &mut [&mut self.sink]).expect("a block of this length");
        }
    }

    /// The microphone heard this block: appends what is left of it.
    pub(super) fn clean(&mut self, block: &[f32], out: &mut Vec<f32>) {
        let start = out.len();
        out.extend_from_slice(block);
        if let Some(near) = &mut self.near {
            near.clean(&mut out[start..]);
        }
        if let Some(processing) = &mut self.processing {
            let block = out[start..].to_vec();
            let cleaned = processing.process_capture_f32(&[&block], &mut [&mut out[start..]]);
            cleaned.expect("a block of this length");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audio::pcm16, console::room::RoomEcho};

    type Speaker = fn(f32) -> f32;

    fn speech() -> Vec<f32> {
        crate::speech::sentence().iter().copied().map(pcm16::to_float).collect()
    }

    fn level_db(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32 + 1e-12).log10()
    }

    /// As it is, and as small speakers in hard rooms make it: they clip, and the room rings on.
    fn rooms() -> [(&'static str, Speaker, f32); 2] {
        [
            ("a linear room", |sample| sample, 0.0),
            ("a speaker that clips in a room that rings", |sample| (3.0 * sample).tanh() / 3.0, 0.997),
        ]
    }

    /// What is left of a microphone that hears `near`, and what the speaker plays, through a room.
    fn clean(played: &[f32], near: &[f32], speaker: Speaker, ring: f32) -> (Vec<f32>, Vec<f32>) {
        let mut ringing = 0.0;
        let processing = Processing { echo: true, noise: false, gain: false };
        let mut room = RoomEcho::new(Hz::K16, -6.0);
        processing.through(near, played, |played| {
            let through: Vec<f32> = played.iter().copied().map(speaker).collect();
            let mut echo = room.hear(&through);
            for sample in &mut echo {
                // The rest of a hall: it dies away within some 0.15 s.
                ringing = ring * ringing + 0.02 * *sample;
                *sample += ringing;
            }
            echo
        })
    }

    /// A synthetic voice of a pitch that hardly changes: four syllables a second, three formants.
    fn monotone(seconds: usize) -> Vec<f32> {
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut past, mut phase) = ([[0.0_f32; 2]; 3], 0.0_f32);
        let sample = |n: usize| {
            let (syllable, within) = (n / 4_000, (n % 4_000) as f32 / 4_000.0);
            phase += (110.0 + (syllable % 5) as f32) / 16_000.0;
            let pulse = f32::from(u8::from(phase >= 1.0));
            phase -= pulse;
            let envelope = if syllable % 9 == 8 { 0.0 } else { (std::f32::consts::PI * within).sin() };
            let excitation = (pulse + 0.02 * (rng.f32() - 0.5)) * envelope;
            let vowel = (syllable * 7 % 5) as f32;
            let formants = [400.0 + 120.0 * vowel, 1_000.0 + 250.0 * vowel, 2_600.0];
            let through = |(formant, past): (f32, &mut [f32; 2])| {
                let r = 0.985_f32;
                let y = excitation + 2.0 * r * (std::f32::consts::TAU * formant / 16_000.0).cos() * past[0]
                    - r * r * past[1];
                *past = [y, past[0]];
                y
            };
            0.02 * formants.into_iter().zip(&mut past).map(through).sum::<f32>()
        };
        (0..seconds * 16_000).map(sample).collect()
    }

    #[test]
    fn a_voice_of_even_pitch_is_taken_off_for_good() {
        let played = monotone(20);
        let (heard, cleaned) = clean(&played, &vec![0.0; played.len()], |sample| sample, 0.0);
        let off = |from: usize| level_db(&heard[from..from + 16_000]) - level_db(&cleaned[from..from + 16_000]);
        let off: Vec<f32> = (9..19).map(|second| off(second * 16_000)).collect();
        assert!(off.iter().all(|off| *off > 35.0), "{off:.0?}");
    }

    #[test]
    fn after_three_seconds_an_echo_is_20_db_weaker() {
        let played = speech().repeat(2);
        for (room, speaker, ring) in rooms() {
            let (heard, cleaned) = clean(&played, &vec![0.0; played.len()], speaker, ring);
            let off = level_db(&heard[48_000..]) - level_db(&cleaned[48_000..]);
            println!("{off:.1} dB taken off in {room}");
            assert!(off >= 20.0, "{off:.1} dB in {room}");
        }
    }
}
