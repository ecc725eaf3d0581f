//! A room that is made up: what a microphone hears of a speaker beside it.

use std::{collections::VecDeque, time::Duration};

use crate::audio::Hz;

/// The way from the speaker to the microphone: a delay, and reflections that die away within 60 ms, one in each millisecond:
/// few enough for a debug build to keep up with.
pub(super) struct RoomEcho {
    /// How late each arrives, in samples, and how strong.
    reflections: Vec<(usize, f32)>,
    /// The newest first.
    past: VecDeque<f32>,
}

impl RoomEcho {
    /// One in which the speaker is heard so much louder than it plays, in dB; less than zero as a rule.
    pub(super) fn new(rate: Hz, level_db: f32) -> RoomEcho {
        let (delay, tail, apart) = (rate.samples_in(DELAY), rate.samples_in(TAIL), rate.samples_in(APART));
        let mut rng = fastrand::Rng::with_seed(15);
        let mut reflection = |begins: usize| {
            let late = begins + rng.usize(0..apart);
            let fall = 10.0_f32.powf(-3.0 * late as f32 / tail as f32);
            (delay + late, (2.0 * rng.f32() - 1.0) * fall)
        };
        let mut reflections: Vec<(usize, f32)> = (apart..tail).step_by(apart).map(&mut reflection).collect();
        reflections.push((delay, 1.0));
        let power: f32 = reflections.iter().map(|(_, strength)| strength * strength).sum();
        let gain = 10.0_f32.powf(level_db / 20.0) / power.sqrt();
        reflections.iter_mut().for_each(|(_, strength)| *strength *= gain);
        RoomEcho { reflections, past: vec![0.0; delay + tail + apart].into() }
    }

    /// What the microphone hears while this is played.
    pub(super) fn hear(&mut self, played: &[f32]) -> Vec<f32> {
        let hear = |sample: &f32| {
            self.past.pop_back();
            self.past.push_front(*sample);
            self.reflections.iter().map(|(late, strength)| strength * self.past[*late]).sum()
        };
        played.iter().map(hear).collect()
    }
}

/// Sound takes 3 ms for a metre; the rest is the devices' own.
const DELAY: Duration = Duration::from_millis(20);
const TAIL: Duration = Duration::from_millis(60);
/// From one reflection to the next, in the mean.
const APART: Duration = Duration::from_millis(1);
