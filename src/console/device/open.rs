//! Opening a stream of a device, whatever the form of its samples.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, Release},
        },
    },
    time::Duration,
};

use cpal::{
    BufferSize, Device, ErrorKind, SampleFormat, Stream, StreamConfig, SupportedBufferSize, SupportedStreamConfig,
    traits::{DeviceTrait, StreamTrait},
};

use super::{
    list::{Direction, find, name},
    side::End,
};
use crate::{audio::Hz, console::ConsoleError};

/// An open device. It ends with this.
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) rate: Hz,
    pub(super) trouble: Arc<Trouble>,
    _stream: Stream,
}

/// What a device's error callback has told. It may be called by the thread that moves the sound, so it only counts.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// The stream is over: unplugged, or its form has changed.
    pub(super) has_ended: AtomicBool,
    /// What passes by itself: a late buffer, a server that does not know its own time yet.
    pub(super) passing: AtomicU64,
}

impl Trouble {
    fn on_error(&self, error: &cpal::Error) {
        match error.kind() {
            // ALSA's way to PulseAudio tells of hundreds of errors before sound begins, and plays on nevertheless.
            ErrorKind::Xrun | ErrorKind::BackendError | ErrorKind::RealtimeDenied | ErrorKind::Other => {
                self.passing.fetch_add(1, Relaxed);
            }
            _ => self.has_ended.store(true, Release),
        }
    }
}

/// Opens the device that is meant and lets its sound run; its other ends come with it. This may take as long as a sound system
/// does, which may be for ever.
pub(super) fn open<E: End>(wanted: Option<&str>, rates: E::Rates) -> Result<(Opened, E::Ends), ConsoleError> {
    let device = find(wanted, E::DIRECTION)?;
    let failed = |error: &cpal::Error| ConsoleError::Device(explain(&device, E::DIRECTION, error));
    let supported = match E::DIRECTION {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    }
    .map_err(|error| failed(&error))?;
    let trouble = Arc::new(Trouble::default());
    let config = config(&device, E::DIRECTION, &supported);
    let build = |config| E::build(rates, &device, config, supported.sample_format(), trouble.clone());
    let built = build(config).or_else(|error| match error.kind() {
        // One that says it has such buffers and does not is asked for its own.
        ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput => {
            build(StreamConfig { buffer_size: BufferSize::Default, ..config })
        }
        _ => Err(error),
    });
    let (stream, ends) = built.map_err(|error| failed(&error))?;
    stream.play().map_err(|error| failed(&error))?;
    let opened =
        Opened { name: name(&device), rate: Hz(config.sample_rate), trouble: trouble.clone(), _stream: stream };
    Ok((opened, ends))
}

/// The device's own form, in buffers as long as the way to it needs.
fn config(device: &Device, direction: Direction, supported: &SupportedStreamConfig) -> StreamConfig {
    let is_served = device.id().is_ok_and(|id| id.host().name() == "PulseAudio");
    let wanted = Hz(supported.sample_rate()).samples_in(match (is_served, direction) {
        (false, _) => BUFFER,
        (true, Direction::Output) => SERVED_OUTPUT,
        (true, Direction::Input) => SERVED_INPUT,
    }) as u32;
    let frames = match supported.buffer_size() {
        SupportedBufferSize::Range { min, max } => wanted.clamp(*min, (*max).max(*min)),
        SupportedBufferSize::Unknown => wanted,
    };
    StreamConfig { buffer_size: BufferSize::Fixed(frames), ..supported.config() }
}

/// Builds a stream whose samples have the form that the device prefers.
macro_rules! in_its_form {
    ($form:expr, $build:ident) => {
        match $form {
            SampleFormat::I8 => $build!(i8),
            SampleFormat::I16 => $build!(i16),
            SampleFormat::I24 => $build!(cpal::I24),
            SampleFormat::I32 => $build!(i32),
            SampleFormat::I64 => $build!(i64),
            SampleFormat::U8 => $build!(u8),
            SampleFormat::U16 => $build!(u16),
            SampleFormat::U24 => $build!(cpal::U24),
            SampleFormat::U32 => $build!(u32),
            SampleFormat::U64 => $build!(u64),
            SampleFormat::F32 => $build!(f32),
            SampleFormat::F64 => $build!(f64),
            other => Err(cpal::Error::with_message(
                ErrorKind::UnsupportedConfig,
                format!("samples of the form {other} are not known here"),
            )),
        }
    };
}

pub(super) fn build_input(
    device: &Device,
    config: StreamConfig,
    form: SampleFormat,
    trouble: Arc<Trouble>,
    mut callback: crate::console::capture::CaptureCallback,
) -> Result<Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    macro_rules! build {
        ($sample:ty) => {
            device.build_input_stream(
                config,
                move |samples: &[$sample], _: &_| callback.take(samples, channels),
                move |error| trouble.on_error(&error),
                None,
            )
        };
    }
    in_its_form!(form, build)
}

pub(super) fn build_output(
    device: &Device,
    config: StreamConfig,
    form: SampleFormat,
    trouble: Arc<Trouble>,
    mut callback: crate::console::playback::PlaybackCallback,
) -> Result<Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    macro_rules! build {
        ($sample:ty) => {
            device.build_output_stream(
                config,
                move |samples: &mut [$sample], _: &_| callback.fill(samples, channels),
                move |error| trouble.on_error(&error),
                None,
            )
        };
    }
    in_its_form!(form, build)
}

/// One line that says which device, and what to do.
fn explain(device: &Device, direction: Direction, error: &cpal::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::DeviceBusy => "another program holds it; end that, or choose another device",
        ErrorKind::PermissionDenied => {
            "the system does not allow it; on Linux join the group `audio`, on macOS allow the terminal the microphone"
        }
        ErrorKind::DeviceNotAvailable => {
            "plug one in or choose another (`devices` lists them), or let files stand in: --input-file, --output-file"
        }
        ErrorKind::HostUnavailable => "no sound system answers; start PipeWire or PulseAudio, or use files",
        _ => "choose another device (`devices` lists them)",
    };
    let error = error.to_string();
    let error = error.trim_end_matches('.');
    format!("the {} {:?} cannot be opened: {error}; {advice}", direction.noun(), name(device))
}

/// What is asked of a device itself: some have shorter ones, none of the last years has longer ones only.
const BUFFER: Duration = Duration::from_millis(10);
/// What is asked of a server that mixes for others, too, and twice as much waits there.
const SERVED_OUTPUT: Duration = Duration::from_millis(20);
/// A server that is late with a microphone loses what is older than this: it keeps no more than one buffer for us. It does not
/// wait for it to be full.
const SERVED_INPUT: Duration = Duration::from_millis(40);
