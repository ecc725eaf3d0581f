//! An agent that records: each speaker's track to a file of its own, and everybody mixed.
//!
//! Files are whole at every moment but for their last second, by the clock of the wall, and memory does not grow with
//! their length. `recording.jsonl` beside them says whose each file is and when it began.

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Input, Maker, OptionsError, Room, options},
    archive::recording::{Format, Tape, TapeSettings},
    audio::Hz,
    event::{EventKind, TrackEvent},
    files,
};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

/// The options of `recorder`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Where recordings go: a folder for each room in here.
    folder: PathBuf,
    /// `wav`, or `opus` for Ogg Opus.
    format: Format,
    /// Whether everybody is also recorded into one file.
    mix: bool,
    /// The rate of the files.
    rate_hz: Hz,
}

impl Default for Options {
    fn default() -> Options {
        Options { folder: "recordings".into(), format: Format::Wav, mix: true, rate_hz: Hz::K16 }
    }
}

pub(crate) async fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    let options: Options = options(table)?;
    let value = |key, problem: &str| Err(OptionsError::Value { key, problem: problem.into() });
    if !matches!(options.rate_hz.0, 8_000 | 12_000 | 16_000 | 24_000 | 48_000) {
        return value("rate_hz", "must be 8000, 12000, 16000, 24000 or 48000");
    }
    if options.format == Format::Opus && !cfg!(feature = "opus") {
        return value("format", "this build has no Opus; use \"wav\"");
    }
    Ok(Maker::new(move || Recorder { options: options.clone() }))
}

struct Recorder {
    options: Options,
}

#[async_trait]
impl Agent for Recorder {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements {
            hear_rate: self.options.rate_hz,
            most_behind: None,
            speak_rate: None,
            ..AudioRequirements::default()
        }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let folder = self.options.folder.join(files::name(room.id().as_str()));
        files::create_folder(&folder)?;
        let Options { format, rate_hz: rate, mix, .. } = self.options;
        let mut tape = Tape::new(folder, &TapeSettings { format, rate, mix }, room)?;
        let mut flush = interval(FLUSH);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let input = tokio::select! {
                biased;
                input = room.next() => input,
                _ = flush.tick() => {
                    tape.flush()?;
                    continue;
                }
            };
            match input {
                Some(Input::Audio(frame)) => tape.on_frame(&frame)?,
                Some(Input::Gap(gap)) => tape.on_gap(&gap)?,
                Some(Input::Event(event)) => {
                    if let EventKind::Track(TrackEvent::Removed { track, .. }) = &event.kind {
                        tape.on_track_removed(&track.id)?;
                    }
                }
                Some(_) => {}
                None => break,
            }
        }
        let late = tape.finish()?;
        if late > Duration::ZERO {
            room.notes.write(format!("the mix lacks {} ms that came too late for it", late.as_millis()));
        }
        Ok(())
    }
}

/// What was heard is on the disk after this long.
const FLUSH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
