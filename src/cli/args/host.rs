//! What can be typed about a host: its file, and what a running one is asked and told.

use std::path::{Path, PathBuf};

use clap::{Args as Group, Subcommand};

use super::{rooms::room_id, values::between};

#[derive(Debug, Group)]
pub(in crate::cli) struct StartArgs {
    /// The configuration; `config reference` prints one with every key
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// The same
    #[arg(long, env = "ROOMTONE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl StartArgs {
    /// The configuration that was named.
    pub(in crate::cli) fn file(&self) -> Option<&Path> {
        self.file.as_deref().or(self.config.as_deref())
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Print a host's file with every key, its default and what it means
    Reference,
}

/// Which host, and by what right.
#[derive(Debug, Group)]
pub(in crate::cli) struct AdminArgs {
    /// The host's admin interface: a URL, or an address and a port
    #[arg(long, global = true, env = "ROOMTONE_ADMIN", default_value = "http://127.0.0.1:9465", value_name = "URL")]
    pub(in crate::cli) admin: String,
    /// A file that holds the admin token [default: the environment's ROOMTONE_ADMIN_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct TopArgs {
    #[command(flatten)]
    pub(in crate::cli) admin: AdminArgs,
    /// Print so many screens as text, one a second, and end
    #[arg(long, value_name = "N", value_parser = between(1_u32, 1_000_000))]
    pub(in crate::cli) screens: Option<u32>,
    /// The most lines of sessions in each of them
    #[arg(long, default_value_t = 40, value_name = "N", requires = "screens", value_parser = between(1_usize, 10_000))]
    pub(in crate::cli) rows: usize,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct SessionsArgs {
    #[command(flatten)]
    pub(in crate::cli) admin: AdminArgs,
    /// As JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(subcommand)]
    pub(in crate::cli) command: Option<SessionsCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SessionsCommand {
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
        #[arg(value_parser = session_number)]
        session: u64,
    },
    /// Show how loud its tracks are
    Tap {
        /// Its number
        #[arg(value_parser = session_number)]
        session: u64,
        /// For how long
        #[arg(long, default_value_t = 10, value_name = "S", value_parser = between(1_u64, 86_400))]
        seconds: u64,
    },
}

/// A session's number.
fn session_number(text: &str) -> Result<u64, &'static str> {
    // As the list has it, or as logs do, behind the mark of the host.
    text.rsplit('-')
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|_| "a session's number is meant, as `sessions` lists them")
}
