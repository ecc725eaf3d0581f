//! What can be typed about one agent: the demo, the sandbox that it is tried in, the room that it joins.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::{
    rooms::{FishjamArgs, room_id},
    values::between,
};
use crate::{agent::Hear, protocol::Protocol};

#[derive(Debug, Group)]
pub(in crate::cli) struct DemoArgs {
    /// Which agent; `agents` lists them [default: the first of them]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) agent: Option<String>,
    /// What the person says: a sound file of any usual kind; may be given again, each said when both have been quiet, or with
    /// @2s two seconds after the agent has begun to reply [default: seven seconds of a person reading]
    #[arg(long, value_name = "FILE[@TIME]")]
    pub(in crate::cli) input: Vec<String>,
    /// Where the results go
    #[arg(long, default_value = "out/demo", value_name = "DIR")]
    pub(in crate::cli) out: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) options: AgentArgs,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct SandboxArgs {
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:5002", value_name = "ADDRESS")]
    pub(in crate::cli) listen: String,
    /// The management token; better in the environment or a file, as whoever is on this machine sees arguments
    #[arg(
        long,
        env = "ROOMTONE_SANDBOX_TOKEN",
        default_value = "development",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub(in crate::cli) token: String,
    /// A file that holds it instead
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Make a room of this name; may be given again
    #[arg(long = "room", value_name = "NAME")]
    pub(in crate::cli) rooms: Vec<String>,
    /// Bring a person into each of these rooms who says this sound file again and again; may be given again
    #[arg(long = "person", value_name = "FILE", requires = "rooms")]
    pub(in crate::cli) people: Vec<PathBuf>,
    /// Answer to this name, too, beside addresses and this machine's own names; may be given again
    #[arg(long = "host", value_name = "NAME")]
    pub(in crate::cli) hosts: Vec<String>,
    /// Let pages of this origin in, too, as in `https://app.example`; may be given again
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(in crate::cli) origins: Vec<String>,
    /// The folder whose files people may speak
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub(in crate::cli) files: PathBuf,
    /// The secret with which webhooks are signed
    #[arg(
        long,
        env = "ROOMTONE_SANDBOX_WEBHOOK_SECRET",
        default_value = "webhook-secret",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(in crate::cli) webhook_secret: String,
    /// Serve by TLS: a PEM file with the certificate, and with those between it and its authority; clients of this program trust
    /// it by the environment variable SSL_CERT_FILE. With --key-file
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(in crate::cli) cert_file: Option<PathBuf>,
    /// The certificate's private key
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// Serve a fake of another platform in its place: signalwire, nkmedia or dubtrack; POST /sandbox/play plays a script
    #[arg(long, value_name = "PLATFORM", conflicts_with_all = ["rooms", "people", "cert_file"])]
    pub(in crate::cli) platform: Option<Protocol>,
    /// Whether a request that would crash the real media engine crashes the agent's peer
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub(in crate::cli) strict: bool,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct JoinArgs {
    /// Which room
    #[arg(long, value_name = "ID", value_parser = room_id)]
    pub(in crate::cli) room: String,
    /// Which agent; `agents` lists them [default: the first of them]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) agent: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) options: AgentArgs,
    #[command(flatten)]
    pub(in crate::cli) fishjam: FishjamArgs,
    /// Whose sound the agent gets [default: what the agent wants, which is people]
    #[arg(long, value_name = "WHOM")]
    pub(in crate::cli) hear: Option<HearArg>,
    /// How the agent's voice is sent: pcm16 or opus, the rate, and for Opus its settings, as in pcm16:24000 or
    /// opus:48000,bitrate=32000,complexity=9,dtx,fec [default: what fits the agent]
    #[arg(long, value_name = "FORM")]
    pub(in crate::cli) voice: Option<String>,
    /// How far ahead of what is heard the voice is sent
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = between(40_u64, 10_000))]
    pub(in crate::cli) lead_ms: u64,
    /// Write everything that happens to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) events: Option<PathBuf>,
}

/// The agent's own options.
#[derive(Debug, Group)]
pub(in crate::cli) struct AgentArgs {
    /// Set an option of the agent, as in --set mixed=true or --set dialogue.voices='["flite"]'; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(in crate::cli) set: Vec<String>,
    /// Read the agent's options from a TOML file; --set overrides it
    #[arg(long = "options", value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum HearArg {
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
