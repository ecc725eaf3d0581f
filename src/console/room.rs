//! A room that is made up: what a microphone hears of a speaker beside it.

use std::{collections::VecDeque, time::Duration};

use crate::audio::Hz;

/// The way from the speaker to the microphone: a delay, and reflections that die away within 60 ms.
pub(super) struct RoomEcho {
    taps: Vec<f32>,
    /// The newest first.
    past: VecDeque<f32>,
}

impl RoomEcho {
    /// One in which the speaker is heard so much louder than it plays, in dB; less than zero as a rule.
    pub(super) fn new(rate: Hz, level_db: f32) -> RoomEcho {
        let (delay, tail) = (rate.samples_in(DELAY), rate.samples_in(TAIL));
        let mut rng = fastrand::Rng::with_seed(15);
        let fall = |n: usize| 10.0_f32.powf(-3.0 * n as f32 / tail as f32);
        let reflections: Vec<f32> =
            (0..tail).map(|n| if n == 0 { 1.0 } else { (rng.f32() - 0.5) * fall(n) * 0.5 }).collect();
        let power: f32 = reflections.iter().map(|tap| tap * tap).sum();
        let gain = 10.0_f32.powf(level_db / 20.0) / power.sqrt();
        let taps =
            vec![0.0; delay].into_iter().chain(reflections.into_iter().map(|tap| tap * gain)).collect::<Vec<_>>();
        RoomEcho { past: vec![0.0; taps.len()].into(), taps }
    }

    /// What the microphone hears while this is played.
    pub(super) fn hear(&mut self, played: &[f32]) -> Vec<f32> {
        let hear = |sample: &f32| {
            self.past.pop_back();
            self.past.push_front(*sample);
            self.taps.iter().zip(&self.past).map(|(tap, past)| tap * past).sum()
        };
        played.iter().map(hear).collect()
    }
}

/// Sound takes 3 ms for a metre; the rest is the devices' own.
const DELAY: Duration = Duration::from_millis(20);
const TAIL: Duration = Duration::from_millis(60);
