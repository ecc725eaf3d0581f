//! What can be typed about a measurement.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::values::between;

#[derive(Debug, Group)]
pub(in crate::cli) struct BenchArgs {
    /// How many rooms, each with one speaker and one agent
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = between(1_u32, 20_000))]
    pub(in crate::cli) sessions: u32,
    /// How long it is measured, once everyone is in
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = between(1_u64, 86_400))]
    pub(in crate::cli) seconds: u64,
    /// How often agents and floor take their turns; medians are printed
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = between(1_u32, 1_000))]
    pub(in crate::cli) rounds: u32,
    /// Let everything go by TLS, as it does in a room of a Fishjam
    #[arg(long)]
    pub(in crate::cli) tls: bool,
    /// Write the results to this file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,
    /// For how much of the time each speaker speaks, in percent; otherwise nothing is sent
    #[arg(long, value_name = "PERCENT", default_value_t = 100, conflicts_with_all = ["speech", "scribes"],
        value_parser = between(10_u64, 100))]
    pub(in crate::cli) talk: u64,
    /// Give the agents this many cores of their own, and the sandbox the others (all, if none is left)
    #[arg(long, value_name = "CORES", value_parser = between(1_usize, 1_024))]
    pub(in crate::cli) pin: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) load: LoadArgs,
    /// Leave the floor out
    #[arg(long)]
    pub(in crate::cli) no_floor: bool,
    /// Measure this program in place of the agents; docs/benchmarks.md says what it must do
    #[arg(long, value_name = "COMMAND", conflicts_with = "load_args")]
    pub(in crate::cli) program: Option<String>,
}

/// What the agents of a bench do.
#[derive(Debug, Clone, Group)]
#[group(id = "load_args")]
pub(in crate::cli) struct LoadArgs {
    /// How the agents' voice is sent: pcm16 or opus, and the rate
    #[arg(long, value_name = "FORM", default_value = "pcm16:24000")]
    pub(in crate::cli) voice: String,
    /// Speak ten seconds at once, eight times a hundred seconds, rather than say back what is heard
    #[arg(long)]
    pub(in crate::cli) speech: bool,
    /// Let the agents be scribes: each speaker reads a sentence two fifths of the time, and what was said is written down
    #[arg(long, conflicts_with = "speech")]
    pub(in crate::cli) scribes: bool,
    /// Which options the scribes have, as in --set 'engines=[{name="moonshine",threads=2}]'
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scribes")]
    pub(in crate::cli) set: Vec<String>,
    /// After the measurement, join and leave so often, and see whether memory stays where it was
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = between(0_u32, 1_000_000))]
    pub(in crate::cli) joins: u32,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct PartArgs {
    pub(in crate::cli) role: Role,
    /// The cores to stay on, as in 0,1
    #[arg(long, value_delimiter = ',')]
    pub(in crate::cli) cores: Vec<usize>,
    #[arg(long, default_value = "")]
    pub(in crate::cli) fishjam: String,
    #[arg(long, default_value_t = 1)]
    pub(in crate::cli) seconds: u64,
    /// A certificate and its key for the sandbox
    #[arg(long, num_args = 2)]
    pub(in crate::cli) tls: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) load: LoadArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Role {
    /// The rooms and their speakers
    Sandbox,
    /// The agents, in one process
    Agents,
    /// The least that could do the agents' work
    Floor,
}
