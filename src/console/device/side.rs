//! One device that is kept open: the microphone, or the speaker.

use std::{
    sync::{
        Arc,
        atomic::Ordering::Acquire,
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
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

/// What stands between a device and the sound thread: made anew for each device, adopted when it is open.
pub(super) trait End {
    const DIRECTION: Direction;
    type Rates: Copy + Send + 'static;
    type Ends: Send + 'static;

    fn build(
        rates: Self::Rates,
        device: &Device,
        config: StreamConfig,
        form: SampleFormat,
        trouble: Arc<Trouble>,
    ) -> Result<(Stream, Self::Ends), cpal::Error>;

    fn rates(&self) -> Self::Rates;

    /// The sound of the last device is over, this one's begins.
    fn adopt(&mut self, ends: Self::Ends);

    /// How often the device has called.
    fn callbacks(&self) -> u64;
}

type Opening<E> = Receiver<Result<(Opened, <E as End>::Ends), ConsoleError>>;

/// A device that is kept open.
pub(super) struct Side<E: End> {
    wanted: Option<String>,
    opened: Option<Opened>,
    pub(super) end: E,
    pub(super) reopened: u64,
    /// When it called last, and how often it had by then.
    alive: Option<(Instant, u64)>,
    /// One that is being opened, and until when that is waited for.
    opening: Option<(Opening<E>, Instant)>,
    /// That one was asked for, and did not have to take the place of one that is gone.
    chosen: Option<String>,
    next_try: Option<Instant>,
}

impl<E: End> Side<E> {
    pub(super) fn open(wanted: Option<String>, mut end: E) -> Result<Side<E>, ConsoleError> {
        let opening = begin_to_open::<E>(wanted.clone(), end.rates(), false)?;
        let hangs = |_| {
            let (noun, seconds) = (E::DIRECTION.noun(), OPEN.as_secs());
            Err(ConsoleError::Device(format!(
                "the {noun} has not opened within {seconds} s; is the sound system stuck?"
            )))
        };
        let (opened, ends) = opening.recv_timeout(OPEN).unwrap_or_else(hangs)?;
        end.adopt(ends);
        Ok(Side {
            wanted,
            opened: Some(opened),
            end,
            reopened: 0,
            alive: None,
            opening: None,
            chosen: None,
            next_try: None,
        })
    }

    /// The device in use; empty while there is none.
    pub(super) fn name(&self) -> String {
        self.opened.as_ref().map(|opened| format!("{} at {}", opened.name, opened.rate)).unwrap_or_default()
    }

    /// Goes on with another one, which opens while the one before still runs; that stays if it cannot be had.
    pub(super) fn choose(&mut self, device: String) {
        let (rates, named) = (self.end.rates(), Some(device.clone()));
        match begin_to_open::<E>(named, rates, false) {
            Ok(opening) => (self.opening, self.chosen) = (Some((opening, Instant::now() + OPEN)), Some(device)),
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Opens it again if it has gone.
    pub(super) fn look(&mut self, now: Instant) {
        if let Some((opening, until)) = self.opening.take() {
            match opening.try_recv() {
                Ok(Ok((opened, ends))) => self.on_opened(opened, ends),
                Err(TryRecvError::Empty) if now < until => self.opening = Some((opening, until)),
                Ok(Err(error)) if self.chosen.take().is_some() => tracing::warn!("{error}"),
                Ok(Err(error)) => {
                    tracing::debug!("{error}");
                    self.next_try = Some(now + TRY_AGAIN);
                }
                // Its thread may stand there for ever: another one is not begun soon.
                Err(_) => (self.next_try, self.chosen) = (Some(now + OPEN), None),
            }
            return;
        }
        if self.is_alive(now) {
            return;
        }
        if let Some(gone) = self.opened.take() {
            tracing::warn!("the {} {} is gone; looking for one", E::DIRECTION.noun(), gone.name);
            (self.alive, self.next_try) = (None, None);
            // To close what hangs may hang, too.
            std::thread::spawn(move || drop(gone));
        }
        if self.next_try.is_none_or(|due| due <= now)
            && let Ok(opening) = begin_to_open::<E>(self.wanted.clone(), self.end.rates(), true)
        {
            self.opening = Some((opening, now + OPEN));
        }
    }

    fn is_alive(&mut self, now: Instant) -> bool {
        let Some(opened) = &self.opened else { return false };
        let callbacks = self.end.callbacks();
        let (since, before) = *self.alive.get_or_insert((now + PATIENCE, callbacks));
        if callbacks != before {
            self.alive = Some((now, callbacks));
        }
        let is_stuck = callbacks == before && now > since + STUCK;
        !opened.trouble.has_ended.load(Acquire) && !is_stuck
    }

    fn on_opened(&mut self, opened: Opened, ends: E::Ends) {
        tracing::info!("the {} is {} at {}", E::DIRECTION.noun(), opened.name, opened.rate);
        self.end.adopt(ends);
        if let Some(before) = self.opened.replace(opened) {
            // To close what hangs may hang.
            std::thread::spawn(move || drop(before));
        }
        self.alive = None;
        match self.chosen.take() {
            Some(chosen) => self.wanted = Some(chosen),
            None => self.reopened += 1,
        }
    }
}

/// Opens a device on a thread of its own, which sound does not wait for. Where the one that was named is gone, any will do.
fn begin_to_open<E: End>(wanted: Option<String>, rates: E::Rates, or_any: bool) -> Result<Opening<E>, ConsoleError> {
    let (told, opening) = sync_channel(1);
    let run = move || {
        let opened = open::<E>(wanted.as_deref(), rates).or_else(|error| match or_any && wanted.is_some() {
            true => open::<E>(None, rates),
            false => Err(error),
        });
        // Nobody may wait for it any more.
        told.send(opened).ok();
    };
    let spawned = std::thread::Builder::new().name("console device".into()).spawn(run);
    spawned.map_err(|error| ConsoleError::Device(format!("the machine gives no thread for sound: {error}")))?;
    Ok(opening)
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
    type Rates = Hz;
    type Ends = (Capture, Stretch);

    fn build(
        to: Hz,
        device: &Device,
        config: StreamConfig,
        form: SampleFormat,
        trouble: Arc<Trouble>,
    ) -> Result<(Stream, Self::Ends), cpal::Error> {
        let rate = Hz(config.sample_rate);
        let (end, callback) = capture(rate);
        let stream = build_input(device, config, form, trouble, callback)?;
        Ok((stream, (end, Stretch::new(rate, to))))
    }

    fn rates(&self) -> Hz {
        self.to
    }

    fn adopt(&mut self, ends: Self::Ends) {
        (self.overrun_before, self.callbacks_before) = (self.overrun_samples(), self.callbacks());
        self.ends = Some(ends);
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

pub(super) struct SpeakerEnds {
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
            ends.to_device.reset();
            ends.holds_rest = false;
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
        if ends.level.surplus().is_some() {
            let target = ends.rate.samples_in(ends.level.target().unwrap_or_default());
            self.unplayed_samples += ends.playback.leave_out_all_but(target) as u64;
        }
        ends.to_device.bend(self.bend);
        if waiting == 0 && std::mem::take(&mut ends.holds_rest) {
            self.buffer.clear();
            ends.to_device.push(&vec![0.0; self.of.samples_in(REST)], &mut self.buffer);
            ends.playback.play_rest(&self.buffer);
        }
    }

    pub(super) fn underruns(&self) -> (u64, u64) {
        let (underruns, missing) = self.ends.as_ref().map_or((0, 0), |ends| ends.playback.underruns());
        (self.underruns_before.0 + underruns, self.underruns_before.1 + missing)
    }
}

impl End for Speaker {
    const DIRECTION: Direction = Direction::Output;
    type Rates = [Hz; 2];
    type Ends = SpeakerEnds;

    fn build(
        [of, reference]: [Hz; 2],
        device: &Device,
        config: StreamConfig,
        form: SampleFormat,
        trouble: Arc<Trouble>,
    ) -> Result<(Stream, SpeakerEnds), cpal::Error> {
        let rate = Hz(config.sample_rate);
        let (end, callback) = playback(rate);
        let stream = build_output(device, config, form, trouble, callback)?;
        let ends = SpeakerEnds {
            rate,
            playback: end,
            to_device: Stretch::new(of, rate),
            to_reference: Stretch::new(rate, reference),
            level: Level::default(),
            holds_rest: false,
        };
        Ok((stream, ends))
    }

    fn rates(&self) -> [Hz; 2] {
        [self.of, self.reference]
    }

    fn adopt(&mut self, ends: SpeakerEnds) {
        (self.underruns_before, self.callbacks_before) = (self.underruns(), self.callbacks());
        self.ends = Some(ends);
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
/// How long a sound system may take to open a device.
const OPEN: Duration = Duration::from_secs(10);
/// When the next try is made after one that failed.
const TRY_AGAIN: Duration = Duration::from_millis(300);
