//! Which devices there are.

use cpal::{
    Device,
    traits::{DeviceTrait, HostTrait},
};
use serde::Serialize;

use crate::console::ConsoleError;

/// A device of this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// By which it can be named, as in `pulseaudio:mic`.
    pub id: String,
    /// As people know it.
    pub name: String,
    /// Whether it hears or speaks.
    pub direction: Direction,
    /// Whether it is taken where none is named.
    pub is_default: bool,
    /// The rate that it prefers, in Hz; none where it cannot be asked, as while another program holds it.
    pub rate_hz: Option<u32>,
    /// The lowest and the highest rate that it takes, in Hz.
    pub rates_hz: Option<(u32, u32)>,
    /// How many channels it prefers.
    pub channels: Option<u16>,
    /// The form of its samples, as in `i16`.
    pub format: Option<String>,
}

/// Which way sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A microphone.
    Input,
    /// A speaker.
    Output,
}

impl Direction {
    /// What such a device is called.
    pub fn noun(self) -> &'static str {
        match self {
            Direction::Input => "microphone",
            Direction::Output => "speaker",
        }
    }
}

/// All devices of the sound system that answers, inputs first.
///
/// # Errors
/// [`ConsoleError::Device`] where none answers.
pub fn devices() -> Result<Vec<DeviceInfo>, ConsoleError> {
    let host = cpal::default_host();
    let all = |direction: Direction| -> Result<Vec<DeviceInfo>, ConsoleError> {
        let default = default_of(&host, direction).and_then(|device| device.id().ok());
        let listed = listed(&host, direction)?;
        let info = |device: &Device| info(device, direction, device.id().ok() == default && default.is_some());
        Ok(listed.iter().map(info).collect())
    };
    Ok([all(Direction::Input)?, all(Direction::Output)?].concat())
}

/// The device that is meant: by its id, its name, or a part of its name, whatever the case; the default where none is named.
pub(super) fn find(wanted: Option<&str>, direction: Direction) -> Result<Device, ConsoleError> {
    let host = cpal::default_host();
    let noun = direction.noun();
    let Some(wanted) = wanted else {
        return default_of(&host, direction).ok_or_else(|| {
            let advice = "plug one in, or let files stand in: --input-file, --output-file";
            ConsoleError::Device(format!("this machine has no {noun}; {advice}"))
        });
    };
    let listed = listed(&host, direction)?;
    let lower = wanted.to_lowercase();
    let is_named = |device: &&Device| device.id().is_ok_and(|id| id.to_string() == wanted || id.id() == wanted);
    let is_like = |device: &&Device| name(device).to_lowercase().contains(&lower);
    listed.iter().find(is_named).or_else(|| listed.iter().find(is_like)).cloned().ok_or_else(|| {
        let names: Vec<String> = listed.iter().map(name).collect();
        ConsoleError::Device(format!("there is no {noun} {wanted:?}; there is {}", names.join(", ")))
    })
}

pub(super) fn name(device: &Device) -> String {
    device.description().map_or_else(|_| device.to_string(), |description| description.name().to_owned())
}

fn default_of(host: &cpal::Host, direction: Direction) -> Option<Device> {
    match direction {
        Direction::Input => host.default_input_device(),
        Direction::Output => host.default_output_device(),
    }
}

fn listed(host: &cpal::Host, direction: Direction) -> Result<Vec<Device>, ConsoleError> {
    let failed = |error: cpal::Error| ConsoleError::Device(format!("the devices cannot be listed: {error}"));
    Ok(match direction {
        Direction::Input => host.input_devices().map_err(failed)?.collect(),
        Direction::Output => host.output_devices().map_err(failed)?.collect(),
    })
}

fn info(device: &Device, direction: Direction, is_default: bool) -> DeviceInfo {
    let preferred = match direction {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    }
    .ok();
    let ranges: Vec<_> = match direction {
        Direction::Input => device.supported_input_configs().map(|ranges| ranges.collect()),
        Direction::Output => device.supported_output_configs().map(|ranges| ranges.collect()),
    }
    .unwrap_or_default();
    let ranges: &[cpal::SupportedStreamConfigRange] = &ranges;
    let lowest = ranges.iter().map(|range| range.min_sample_rate()).min();
    DeviceInfo {
        id: device.id().map(|id| id.to_string()).unwrap_or_default(),
        name: name(device),
        direction,
        is_default,
        rate_hz: preferred.as_ref().map(|config| config.sample_rate()),
        rates_hz: lowest.zip(ranges.iter().map(|range| range.max_sample_rate()).max()),
        channels: preferred.as_ref().map(|config| config.channels()),
        format: preferred.as_ref().map(|config| config.sample_format().to_string()),
    }
}
