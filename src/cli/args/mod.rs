//! What can be typed.

mod agents;
mod bench;
#[cfg(feature = "console")]
mod console;
mod development;
mod engines;
mod events;
mod host;
mod rooms;
mod values;

use clap::{Parser, Subcommand, ValueEnum};

pub(super) use agents::{AgentArgs, DemoArgs, JoinArgs, SandboxArgs};
pub(super) use bench::{BenchArgs, LoadArgs, PartArgs, Role};
#[cfg(feature = "console")]
pub(super) use console::{ConsoleArgs, DevicesArgs, ReplayArgs, Speed};
pub(super) use development::{DevArgs, DoctorArgs, ManArgs, NewArgs};
pub(super) use engines::{EnginesArgs, EnginesCommand, EraseArgs, InstallArgs};
pub(super) use events::EventsArgs;
pub(super) use host::{AdminArgs, ConfigCommand, SessionsArgs, SessionsCommand, StartArgs, TopArgs};
pub(super) use rooms::{FishjamArgs, PeopleArgs, PeopleCommand, RoomsArgs, RoomsCommand};

/// Hosts AI agents in real-time rooms.
#[derive(Debug, Parser)]
#[command(about, after_long_help = EXAMPLES, propagate_version = true)]
pub(super) struct Args {
    /// What is logged, to standard error: error, warn, info, debug, trace, or rules such as roomtone=debug [default:
    /// warn; info for start]
    #[arg(long, global = true, value_name = "LEVEL", env = "ROOMTONE_LOG")]
    log: Option<String>,
    /// The form of the log
    #[arg(long, global = true, value_name = "FORM", default_value = "human")]
    pub(super) log_format: LogFormat,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Args {
    /// What is logged.
    pub(super) fn log(&self) -> &str {
        let default = if matches!(self.command, Command::Start(_)) { "info" } else { "warn" };
        self.log.as_deref().unwrap_or(default)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Human,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Keep the agents of a configuration in their rooms
    Start(StartArgs),
    /// Say whether a configuration is right
    Check(StartArgs),
    /// Print what a configuration may hold
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Show a running host, live
    Top(TopArgs),
    /// List a running host's sessions, begin one, end one, or look at its levels
    Sessions(SessionsArgs),
    /// Let a running host read its configuration again
    Reload(AdminArgs),
    /// Tell a running host to end once its sessions have
    Drain(AdminArgs),
    /// Talk to an agent through this machine's microphone and speaker
    #[cfg(feature = "console")]
    Console(ConsoleArgs),
    /// Run a session again that `console --record` kept, and say whether it went the same way
    #[cfg(feature = "console")]
    Replay(ReplayArgs),
    /// List this machine's microphones and speakers
    #[cfg(feature = "console")]
    Devices(DevicesArgs),
    /// Let an agent hear a recording in a room on this machine, and show what it did
    Demo(DemoArgs),
    /// Run a Fishjam on this machine, for trying agents and testing clients
    Sandbox(SandboxArgs),
    /// Bring an agent into one room of a Fishjam
    Join(JoinArgs),
    /// List, make or delete the rooms of a Fishjam
    Rooms(RoomsArgs),
    /// Bring somebody into a room, or remove them
    People(PeopleArgs),
    /// Show what happens on a platform, live or out of a file, or the table of all events
    Events(EventsArgs),
    /// List the agents, or the options of one
    Agents {
        /// Whose options
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the speech engines, install them, check them
    Engines(EnginesArgs),
    /// Remove what was written down of a room or a person
    Erase(EraseArgs),
    /// Make a project with an agent of your own: its program, its test, its host's file, its image
    New(NewArgs),
    /// Watch the sources of the project here, build them, and run what comes of it in place of what ran before
    Dev(DevArgs),
    /// Look at what this machine may lack, and say what to do about it
    Doctor(DoctorArgs),
    /// Tell more of an error by its code, as in RT104, or list them all
    Explain {
        /// Which
        code: Option<String>,
    },
    /// Print what lets a shell complete this program's commands
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write this program's man pages
    Man(ManArgs),
    /// Measure what a session costs on this machine, beside the least that it could cost
    Bench(BenchArgs),
    /// One process of a bench
    #[command(hide = true)]
    BenchPart(PartArgs),
}

const EXAMPLES: &str = "\
Examples:
  roomtone demo                                     hear the echo agent, and look at out/demo/report.html
  roomtone demo --agent greeter --input me.mp3      another agent, another voice
  roomtone console --agent concierge                talk to it, through your microphone and speaker
  roomtone new my-agent --roomtone ../roomtone      a project with an agent of your own
  roomtone sandbox                                  a Fishjam on http://127.0.0.1:5002, token `development`
  FISHJAM_MANAGEMENT_TOKEN=development roomtone join \\
      --fishjam http://127.0.0.1:5002 --room ID --agent echo
  roomtone sandbox --room demo --person me.mp3      with a room in which somebody speaks
  FISHJAM_ID=ID FISHJAM_MANAGEMENT_TOKEN=TOKEN roomtone start config/echo-every-room.toml
  roomtone events --source nkmedia --url ws://HOST:9010/ --user NAME    what happens there, a line each
  roomtone engines install moonshine                speech to text on this machine, without an account
  roomtone demo --agent scribe --input me.mp3       what was said: out/demo/transcript.txt
  roomtone join --room ID --agent recorder --set format=opus --set folder=/var/recordings

Every error has a code; `roomtone explain CODE` tells more of it.

Exit codes:
  0  it went well, or was told to end and did
  2  the arguments make no sense
  3  something given cannot be used: a file, an agent, an option, a port
  4  the Fishjam cannot be reached, or refuses
  5  it was in the room and ended badly: the agent failed, the link was lost for good, the room crashed";
