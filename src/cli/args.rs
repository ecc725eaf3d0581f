//! What can be typed.

use std::path::{Path, PathBuf};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use crate::agent::Hear;

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
    /// List the agents, or the options of one
    Agents {
        /// Whose options
        name: Option<String>,
    },
    /// Measure what a session costs on this machine, beside the least that it could cost
    Bench(BenchArgs),
    /// One process of a bench
    #[command(hide = true)]
    BenchPart(PartArgs),
}

#[derive(Debug, Group)]
pub(super) struct StartArgs {
    /// The configuration; `config reference` prints one with every key
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// The same
    #[arg(long, env = "ROOMTONE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl StartArgs {
    /// The configuration that was named.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref().or(self.config.as_deref())
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print a host's file with every key, its default and what it means
    Reference,
}

#[derive(Debug, Group)]
pub(super) struct RoomsArgs {
    #[command(flatten)]
    pub(super) fishjam: FishjamArgs,
    #[command(subcommand)]
    pub(super) command: RoomsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RoomsCommand {
    /// List the rooms and how many are in them
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a room, and print its id
    Create {
        /// The most peers at a time
        #[arg(long, value_name = "N")]
        max_peers: Option<u32>,
    },
    /// Delete rooms; everyone in them is disconnected
    Delete {
        /// Which rooms
        #[arg(required = true, value_parser = room_id)]
        rooms: Vec<String>,
    },
}

#[derive(Debug, Group)]
pub(super) struct PeopleArgs {
    #[command(flatten)]
    pub(super) fishjam: FishjamArgs,
    #[command(subcommand)]
    pub(super) command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PeopleCommand {
    /// Bring a person into a room. In a sandbox they speak a sound file; elsewhere a peer is made, and its token printed
    Add {
        /// Which room
        #[arg(value_parser = room_id)]
        room: String,
        /// What the person says
        file: Option<PathBuf>,
        /// Say it again and again
        #[arg(long = "loop")]
        repeat: bool,
    },
    /// Remove somebody from a room
    Remove {
        /// Which room
        #[arg(value_parser = room_id)]
        room: String,
        /// Who
        peer: String,
    },
}

/// Which host, and by what right.
#[derive(Debug, Group)]
pub(super) struct AdminArgs {
    /// The host's admin interface: a URL, or an address and a port
    #[arg(long, global = true, env = "ROOMTONE_ADMIN", default_value = "http://127.0.0.1:9465", value_name = "URL")]
    pub(super) admin: String,
    /// A file that holds the admin token [default: the environment's ROOMTONE_ADMIN_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct TopArgs {
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    /// Print so many screens as text, one a second, and end
    #[arg(long, value_name = "N")]
    pub(super) screens: Option<u32>,
    /// The most lines of sessions in each of them
    #[arg(long, default_value_t = 40, value_name = "N", requires = "screens")]
    pub(super) rows: usize,
}

#[derive(Debug, Group)]
pub(super) struct SessionsArgs {
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<SessionsCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionsCommand {
    /// Bring an agent into a room, whatever its rules say
    Join {
        /// Which room
        #[arg(value_parser = room_id)]
        room: String,
        /// Which deploy of the configuration
        deploy: String,
    },
    /// End a session; it does not come back by itself
    Leave {
        /// Its number, as the list shows it
        session: u64,
    },
    /// Show how loud its tracks are
    Tap {
        /// Its number
        session: u64,
        /// For how long
        #[arg(long, default_value_t = 10, value_name = "S")]
        seconds: u64,
    },
}

#[derive(Debug, Group)]
pub(super) struct DemoArgs {
    /// Which agent; `agents` lists them [default: the first of them]
    #[arg(long, value_name = "NAME")]
    pub(super) agent: Option<String>,
    /// What the person says: a sound file of any usual kind [default: seven seconds of a person reading]
    #[arg(long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// Where the results go
    #[arg(long, default_value = "out/demo", value_name = "DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) options: AgentArgs,
}

#[derive(Debug, Group)]
pub(super) struct SandboxArgs {
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:5002", value_name = "ADDRESS")]
    pub(super) listen: String,
    /// The management token; better in the environment or a file, as whoever is on this machine sees arguments
    #[arg(
        long,
        env = "ROOMTONE_SANDBOX_TOKEN",
        default_value = "development",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub(super) token: String,
    /// A file that holds it instead
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Make a room of this name; may be given again
    #[arg(long = "room", value_name = "NAME")]
    pub(super) rooms: Vec<String>,
    /// Bring a person into each of these rooms who says this sound file again and again; may be given again
    #[arg(long = "person", value_name = "FILE", requires = "rooms")]
    pub(super) people: Vec<PathBuf>,
    /// Answer to this name, too, beside addresses and this machine's own names; may be given again
    #[arg(long = "host", value_name = "NAME")]
    pub(super) hosts: Vec<String>,
    /// Let pages of this origin in, too, as in `https://app.example`; may be given again
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(super) origins: Vec<String>,
    /// The folder whose files people may speak
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub(super) files: PathBuf,
    /// The secret with which webhooks are signed
    #[arg(
        long,
        env = "ROOMTONE_SANDBOX_WEBHOOK_SECRET",
        default_value = "webhook-secret",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(super) webhook_secret: String,
    /// Whether a request that would crash the real media engine crashes the agent's peer
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub(super) strict: bool,
}

#[derive(Debug, Group)]
pub(super) struct JoinArgs {
    /// Which room
    #[arg(long, value_name = "ID", value_parser = room_id)]
    pub(super) room: String,
    /// Which agent; `agents` lists them [default: the first of them]
    #[arg(long, value_name = "NAME")]
    pub(super) agent: Option<String>,
    #[command(flatten)]
    pub(super) options: AgentArgs,
    #[command(flatten)]
    pub(super) fishjam: FishjamArgs,
    /// Whose sound the agent gets [default: what the agent wants, which is people]
    #[arg(long, value_name = "WHOM")]
    pub(super) hear: Option<HearArg>,
    /// How the agent's voice is sent: pcm16 or opus, the rate, and for Opus its settings, as in pcm16:24000 or
    /// opus:48000,bitrate=32000,complexity=9,dtx,fec [default: what fits the agent]
    #[arg(long, value_name = "FORM")]
    pub(super) voice: Option<String>,
    /// How far ahead of what is heard the voice is sent
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(40..=10_000))]
    pub(super) lead_ms: u64,
    /// Write everything that happens to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct BenchArgs {
    /// How many rooms, each with one speaker and one agent
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(super) sessions: u32,
    /// How long it is measured, once everyone is in
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) seconds: u64,
    /// Write the results to this file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// For how much of the time each speaker speaks, in percent; otherwise nothing is sent
    #[arg(long, value_name = "PERCENT", default_value_t = 100, conflicts_with = "speech",
        value_parser = clap::value_parser!(u64).range(10..=100))]
    pub(super) talk: u64,
    /// Give the agents this many cores of their own, and the sandbox the others (all, if none is left)
    #[arg(long, value_name = "CORES")]
    pub(super) pin: Option<usize>,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    /// Leave the floor out
    #[arg(long)]
    pub(super) no_floor: bool,
    /// Measure this program in place of the agents; docs/benchmarks.md says what it must do
    #[arg(long, value_name = "COMMAND", conflicts_with = "load_args")]
    pub(super) program: Option<String>,
}

/// What the agents of a bench do.
#[derive(Debug, Clone, Group)]
#[group(id = "load_args")]
pub(super) struct LoadArgs {
    /// How the agents' voice is sent: pcm16 or opus, and the rate
    #[arg(long, value_name = "FORM", default_value = "pcm16:24000")]
    pub(super) voice: String,
    /// Speak ten seconds at once, eight times a hundred seconds, rather than say back what is heard
    #[arg(long)]
    pub(super) speech: bool,
    /// After the measurement, join and leave so often, and see whether memory stays where it was
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) joins: u32,
}

#[derive(Debug, Group)]
pub(super) struct PartArgs {
    pub(super) role: Role,
    /// The cores to stay on, as in 0,1
    #[arg(long, value_delimiter = ',')]
    pub(super) cores: Vec<usize>,
    #[arg(long, default_value = "")]
    pub(super) fishjam: String,
    #[arg(long, default_value_t = 1)]
    pub(super) seconds: u64,
    #[command(flatten)]
    pub(super) load: LoadArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// The rooms and their speakers
    Sandbox,
    /// The agents, in one process
    Agents,
    /// The least that could do the agents' work
    Floor,
}

/// Which Fishjam, and by what right.
#[derive(Debug, Group)]
pub(super) struct FishjamArgs {
    /// The Fishjam's id or URL
    #[arg(long, global = true, env = "FISHJAM_ID", value_name = "ID_OR_URL")]
    pub(super) fishjam: Option<String>,
    /// A file that holds the management token [default: the environment's FISHJAM_MANAGEMENT_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

/// The agent's own options.
#[derive(Debug, Group)]
pub(super) struct AgentArgs {
    /// Set an option of the agent, as in --set mixed=true; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Read the agent's options from a TOML file; --set overrides it
    #[arg(long = "options", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum HearArg {
    /// Everyone but other agents
    People,
    /// Other agents too
    Everyone,
}

impl From<HearArg> for Hear {
    fn from(whom: HearArg) -> Hear {
        match whom {
            HearArg::People => Hear::People,
            HearArg::Everyone => Hear::Everyone,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  roomtone demo                                     hear the echo agent, and look at out/demo/report.html
  roomtone demo --agent greeter --input me.mp3      another agent, another voice
  roomtone sandbox                                  a Fishjam on http://127.0.0.1:5002, token `development`
  FISHJAM_MANAGEMENT_TOKEN=development roomtone join \\
      --fishjam http://127.0.0.1:5002 --room ID --agent echo
  roomtone sandbox --room demo --person me.mp3      with a room in which somebody speaks
  FISHJAM_ID=ID FISHJAM_MANAGEMENT_TOKEN=TOKEN roomtone start config/echo-every-room.toml
  roomtone join --room ID --agent recorder --set format=opus --set folder=/var/recordings

Exit codes:
  0  it went well, or was told to end and did
  2  the arguments make no sense
  3  something given cannot be used: a file, an agent, an option, a port
  4  the Fishjam cannot be reached, or refuses
  5  it was in the room and ended badly: the agent failed, the link was lost for good, the room crashed";

/// An id that can be a part of a path, and nothing else in it.
fn room_id(text: &str) -> Result<String, &'static str> {
    let is_part = |c: char| !c.is_whitespace() && !c.is_control() && !"/?#%\\".contains(c);
    match text {
        "" => Err("the room's id is empty; `rooms list` shows those there are"),
        "." | ".." => Err("this is no room's id"),
        _ if text.chars().all(is_part) => Ok(text.to_owned()),
        _ => Err("no room's id has spaces, or any of / ? # % \\; `rooms list` shows those there are"),
    }
}
