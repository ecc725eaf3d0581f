//! One device that is kept open: the microphone, or the speaker.

use std::{
    sync::{Arc, atomic::Ordering::Acquire},
    time::{Duration, Instant},
};

use cpal::{Device, SampleFormat, Stream, StreamConfig};

use super::{
    list::Direction,
    open::{Opened, Trouble, build_input, build_output, open},
};
use crate::{
    audio::Hz,
    console::{
        ConsoleError,
        capture::{Capture, capture},
        drift::{Level, Stretch},
        playback::{Playback, playback},
    },
};

/// What stands between a device and the sound thread, and is made anew for each device.
pub(super) trait End {
    const DIRECTION: Direction;

    /// Makes a stream of `device`; the sound of the last one is over.
    fn build(
        &mut self,
        device: &Device,
        config: StreamConfig,
        form: SampleFormat,
        trouble: Arc<Trouble>,
    ) -> Result<Stream, cpal::Error>;

    /// How often the device has called.
    fn callbacks(&self) -> u64;
}

/// A device that is kept open.
pub(super) struct Side<E> {
    wanted: Option<String>,
    opened: Option<Opened>,
    pub(super) end: E,
    pub(super) reopened: u64,
    /// When it called last, and how often it had by then.
    alive: Option<(Instant, u64)>,
    next_try: Option<Instant>,
}

impl<E: End> Side<E> {
    pub(super) fn open(wanted: Option<String>, mut end: E) -> Result<Side<E>, ConsoleError> {
        let opened = open(wanted.as_deref(), &mut end)?;
        Ok(Side { wanted, opened: Some(opened), end, reopened: 0, alive: None, next_try: None })
    }

    /// The device in use; empty while there is none.
    pub(super) fn name(&self) -> String {
        self.opened.as_ref().map(|opened| format!("{} at {}", opened.name, opened.rate)).unwrap_or_default()
    }

    /// Opens it again if it has gone.
    pub(super) fn look(&mut self, now: Instant) {
        if let Some(opened) = &self.opened {
            let callbacks = self.end.callbacks();
            let (since, before) = *self.alive.get_or_insert((now + PATIENCE, callbacks));
            if callbacks != before {
                self.alive = Some((now, callbacks));
            }
            let is_stuck = callbacks == before && now > since + STUCK;
            if !opened.trouble.has_ended.load(Acquire) && !is_stuck {
                return;
            }
            tracing::warn!("the {} {} is gone; looking for one", E::DIRECTION.noun(), opened.name);
            (self.opened, self.alive, self.next_try) = (None, None, Some(now));
        }
        if self.next_try.is_none_or(|due| due <= now) {
            self.open_again(now);
        }
    }

    fn open_again(&mut self, now: Instant) {
        // The one that was asked for first; if that is gone, any will do.
        let opened = open(self.wanted.as_deref(), &mut self.end).or_else(|error| match &self.wanted {
            Some(_) => open(None, &mut self.end),
            None => Err(error),
        });
        match opened {
            Ok(opened) => {
                tracing::info!("the {} is {} at {}", E::DIRECTION.noun(), opened.name, opened.rate);
                self.opened = Some(opened);
                self.reopened += 1;
            }
            Err(error) => {
                tracing::debug!("{error}");
                self.next_try = Some(now + TRY_AGAIN);
            }
        }
    }
}

/// The microphone's end.
pub(super) struct Microphone {
    to: Hz,
    ends: Option<(Capture, Stretch)>,
    taken: Vec<f32>,
    /// Of devices that are gone.
    overrun_before: u64,
    callbacks_before: u64,
}

impl Microphone {
    /// One whose sound is wanted at this rate.
    pub(super) fn to(to: Hz) -> Microphone {
        Microphone { to, ends: None, taken: Vec::new(), overrun_before: 0, callbacks_before: 0 }
    }

    pub(super) fn take(&mut self, out: &mut Vec<f32>) {
        let Some((capture, stretch)) = &mut self.ends else { return };
        self.taken.clear();
        capture.take(&mut self.taken);
        stretch.push(&self.taken, out);
    }

    pub(super) fn overrun_samples(&self) -> u64 {
        self.overrun_before + self.ends.as_ref().map_or(0, |(capture, _)| capture.overrun_samples())
    }
}

impl End for Microphone {
    const DIRECTION: Direction = Direction::Input;

    fn build(
        &mut self,
        device: &Device,
        config: StreamConfig,
        form: SampleFormat,
        trouble: Arc<Trouble>,
    ) -> Result<Stream, cpal::Error> {
        (self.overrun_before, self.callbacks_before) = (self.overrun_samples(), self.callbacks());
        let rate = Hz(config.sample_rate);
        let (end, callback) = capture(rate);
        self.ends = Some((end, Stretch::new(rate, self.to)));
        build_input(device, config, form, trouble, callback)
    }

    fn callbacks(&self) -> u64 {
        self.callbacks_before + self.ends.as_ref().map_or(0, |(capture, _)| capture.callbacks())
    }
}

/// The speaker's end.
pub(super) struct Speaker {
    of: Hz,
    /// The rate at which what was played is wanted.
    reference: Hz,
    ends: Option<SpeakerEnds>,
    buffer: Vec<f32>,
    pub(super) bend: f64,
    pub(super) unplayed_samples: u64,
    underruns_before: (u64, u64),
    callbacks_before: u64,
}

struct SpeakerEnds {
    rate: Hz,
    playback: Playback,
    to_device: Stretch,
    to_reference: Stretch,
    level: Level,
    /// The last of what was said is in the resampler still.
    holds_rest: bool,
}

impl Speaker {
    /// One for a voice of the rate `of`; what it has played is wanted at `reference`.
    pub(super) fn of(of: Hz, reference: Hz) -> Speaker {
        Speaker {
            of,
            reference,
            ends: None,
            buffer: Vec::new(),
            bend: 0.0,
            unplayed_samples: 0,
            underruns_before: (0, 0),
            callbacks_before: 0,
        }
    }

    pub(super) fn play(&mut self, samples: &[f32]) {
        let Some(ends) = &mut self.ends else { return };
        self.buffer.clear();
        ends.to_device.push(samples, &mut self.buffer);
        ends.holds_rest = true;
        let taken = ends.playback.play(&self.buffer);
        self.unplayed_samples += (self.buffer.len() - taken) as u64;
    }

    pub(super) fn is_dry(&self) -> bool {
        self.ends.as_ref().is_none_or(|ends| ends.playback.is_dry())
    }

    pub(super) fn cut(&mut self) {
        if let Some(ends) = &mut self.ends {
            ends.playback.cut();
        }
    }

    pub(super) fn take_played(&mut self, out: &mut Vec<f32>) {
        let Some(ends) = &mut self.ends else { return };
        self.buffer.clear();
        ends.playback.take_played(&mut self.buffer);
        ends.to_reference.push(&self.buffer, out);
    }

    /// Looks how much waits, and bends the stream where the two clocks go apart.
    pub(super) fn follow_level(&mut self, passed: Duration) {
        let Some(ends) = &mut self.ends else { return };
        let waiting = ends.playback.waiting() as u64;
        let waits = (waiting > 0).then(|| ends.rate.duration_of(waiting));
        self.bend = ends.level.follow(waits, passed);
        ends.to_device.bend(self.bend);
        if waiting == 0 && std::mem::take(&mut ends.holds_rest) {
            self.buffer.clear();
            ends.to_device.push(&vec![0.0; self.of.samples_in(REST)], &mut self.buffer);
            ends.playback.play(&self.buffer);
        }
    }

    pub(super) fn underruns(&self) -> (u64, u64) {
        let (underruns, missing) = self.ends.as_ref().map_or((0, 0), |ends| ends.playback.underruns());
        (self.underruns_before.0 + underruns, self.underruns_before.1 + missing)
    }
}

impl End for Speaker {
    const DIRECTION: Direction = Direction::Output;

    fn build(
        &mut self,
        device: &Device,
        config: StreamConfig,
        form: SampleFormat,
        trouble: Arc<Trouble>,
    ) -> Result<Stream, cpal::Error> {
        (self.underruns_before, self.callbacks_before) = (self.underruns(), self.callbacks());
        let rate = Hz(config.sample_rate);
        let (end, callback) = playback(rate);
        self.ends = Some(SpeakerEnds {
            rate,
            playback: end,
            to_device: Stretch::new(self.of, rate),
            to_reference: Stretch::new(rate, self.reference),
            level: Level::default(),
            holds_rest: false,
        });
        build_output(device, config, form, trouble, callback)
    }

    fn callbacks(&self) -> u64 {
        self.callbacks_before + self.ends.as_ref().map_or(0, |ends| ends.playback.callbacks())
    }
}

/// A device that has not called for so long is gone, whatever it says.
const STUCK: Duration = Duration::from_millis(500);
/// How long one that was just opened may take beside that.
const PATIENCE: Duration = Duration::from_secs(2);
/// Silence that brings out what a resampler holds.
const REST: Duration = Duration::from_millis(10);
/// When the next try is made after one that failed.
const TRY_AGAIN: Duration = Duration::from_millis(300);
