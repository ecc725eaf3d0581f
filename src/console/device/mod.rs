//! This machine's microphones and speakers, by way of cpal: PulseAudio (and PipeWire, which speaks its protocol) where one
//! answers, ALSA elsewhere.

mod list;
mod open;
mod side;

use std::time::{Duration, Instant};

pub use list::{DeviceInfo, Direction, devices};
use side::{Microphone, Side, Speaker};

use super::{
    ConsoleError,
    card::{Card, CardFigures},
};
use crate::audio::Hz;

/// Which devices, by a part of their name or by their id; the machine's defaults where none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The microphone.
    pub input: Option<String>,
    /// The speaker.
    pub output: Option<String>,
}

/// A microphone and a speaker. One that goes is opened again, on the default if it does not come back.
pub(super) struct Devices {
    microphone: Side<Microphone>,
    speaker: Side<Speaker>,
    looked_at: Option<Instant>,
}

impl Devices {
    /// Opens both.
    ///
    /// # Errors
    /// [`ConsoleError::Device`], which says which one and what to do.
    pub(super) fn open(choice: &Choice, rate: Hz, voice_rate: Hz) -> Result<Devices, ConsoleError> {
        Ok(Devices {
            microphone: Side::open(choice.input.clone(), Microphone::to(rate))?,
            speaker: Side::open(choice.output.clone(), Speaker::of(voice_rate, rate))?,
            looked_at: None,
        })
    }
}

impl Card for Devices {
    fn look(&mut self, now: Instant) {
        let passed = self.looked_at.replace(now).map_or(Duration::ZERO, |last| now - last);
        self.microphone.look(now);
        self.speaker.look(now);
        self.speaker.end.follow_level(passed);
    }

    fn take_heard(&mut self, out: &mut Vec<f32>) {
        self.microphone.end.take(out);
    }

    fn take_played(&mut self, out: &mut Vec<f32>) {
        self.speaker.end.take_played(out);
    }

    fn play(&mut self, samples: &[f32]) {
        self.speaker.end.play(samples);
    }

    fn is_dry(&self) -> bool {
        self.speaker.end.is_dry()
    }

    fn cut(&mut self) {
        self.speaker.end.cut();
    }

    fn choose(&mut self, direction: Direction, device: String) {
        match direction {
            Direction::Input => self.microphone.choose(device),
            Direction::Output => self.speaker.choose(device),
        }
    }

    fn figures(&self) -> CardFigures {
        let (underruns, missing_samples) = self.speaker.end.underruns();
        CardFigures {
            input: self.microphone.name(),
            output: self.speaker.name(),
            underruns,
            missing_samples,
            overrun_samples: self.microphone.end.overrun_samples(),
            reopened: self.microphone.reopened + self.speaker.reopened,
            unplayed_samples: self.speaker.end.unplayed_samples,
            bend: self.speaker.end.bend,
            is_said: false,
        }
    }
}
