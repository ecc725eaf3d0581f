//! What can be typed about this machine's microphone and speaker.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::{agents::AgentArgs, values::between};

#[derive(Debug, Group)]
pub(in crate::cli) struct ConsoleArgs {
    /// Which agent; `agents` lists them [default: the first of them]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) agent: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) options: AgentArgs,
    /// The microphone, by its id or a part of its name; `devices` lists them [default: the machine's]
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["input_file", "output_file"])]
    pub(in crate::cli) input: Option<String>,
    /// The speaker
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["input_file", "output_file"])]
    pub(in crate::cli) output: Option<String>,
    /// Say this sound file in place of a microphone; it ends when all is said and the agent is quiet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) input_file: Option<PathBuf>,
    /// Write what is heard to this WAV file in place of a speaker
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) output_file: Option<PathBuf>,
    /// Let the microphone of files hear the speaker as in a room, so much louder than it plays, as in -10
    #[arg(long, value_name = "DB", requires = "input_file", allow_negative_numbers = true)]
    pub(in crate::cli) echo_db: Option<f32>,
    /// Do not take what comes out of the speaker off the microphone's sound: with headphones nothing of it is heard
    #[arg(long)]
    pub(in crate::cli) headphones: bool,
    /// Let the agent hear the microphone as it is: no echo cancellation, no noise suppression, no gain
    #[arg(long)]
    pub(in crate::cli) raw: bool,
    /// Keep the session in this new folder, so that `replay` can run it again: sound as heard and as said, events, options, and
    /// what engines answered
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) record: Option<PathBuf>,
    /// How far ahead of what is heard the agent's voice is queued
    #[arg(long, value_name = "MS", default_value_t = 120, value_parser = between(40_u64, 800))]
    pub(in crate::cli) lead_ms: u64,
    /// Print lines in place of a screen, as where this is no terminal
    #[arg(long)]
    pub(in crate::cli) plain: bool,
    /// Print everything that happens, one JSON object a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct ReplayArgs {
    /// The folder of a session that `console --record` kept
    #[arg(value_name = "DIR")]
    pub(in crate::cli) folder: PathBuf,
    /// How fast
    #[arg(long, value_enum, default_value = "fast")]
    pub(in crate::cli) speed: Speed,
    /// Keep this run in another new folder
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) keep: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Speed {
    /// As fast as it goes
    Fast,
    /// As it once went
    RealTime,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct DevicesArgs {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
