//! What can be typed about a Fishjam: which one, its rooms, who is in them.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

use super::values::between;

#[derive(Debug, Group)]
pub(in crate::cli) struct RoomsArgs {
    #[command(flatten)]
    pub(in crate::cli) fishjam: FishjamArgs,
    #[command(subcommand)]
    pub(in crate::cli) command: RoomsCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RoomsCommand {
    /// List the rooms and how many are in them
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a room, and print its id
    Create {
        /// The most peers at a time
        #[arg(long, value_name = "N", value_parser = between(1_u32, 1_000_000))]
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
pub(in crate::cli) struct PeopleArgs {
    #[command(flatten)]
    pub(in crate::cli) fishjam: FishjamArgs,
    #[command(subcommand)]
    pub(in crate::cli) command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PeopleCommand {
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

/// Which Fishjam, and by what right.
#[derive(Debug, Group)]
pub(in crate::cli) struct FishjamArgs {
    /// The Fishjam's id or URL
    #[arg(long, global = true, env = "FISHJAM_ID", value_name = "ID_OR_URL")]
    pub(in crate::cli) fishjam: Option<String>,
    /// A file that holds the management token [default: the environment's FISHJAM_MANAGEMENT_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
}

/// An id that can be a part of a path, and nothing else in it.
pub(super) fn room_id(text: &str) -> Result<String, &'static str> {
    let is_part = |c: char| !c.is_whitespace() && !c.is_control() && !"/?#%\\".contains(c);
    match text {
        "" => Err("the room's id is empty; `rooms list` shows those there are"),
        "." | ".." => Err("this is no room's id"),
        _ if text.chars().all(is_part) => Ok(text.to_owned()),
        _ => Err("no room's id has spaces, or any of / ? # % \\; `rooms list` shows those there are"),
    }
}
