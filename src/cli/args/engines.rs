//! What can be typed about speech engines and what they leave behind.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

#[derive(Debug, Group)]
pub(in crate::cli) struct EnginesArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<EnginesCommand>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EnginesCommand {
    /// List the engines: installed or not, licence, languages, size, and how fast each was here
    List,
    /// Put engines into the user's data folder, through Python's pip
    Install(InstallArgs),
    /// Let installed engines understand the sentence that comes with the program, and measure how fast they are
    Check {
        /// Which; all that are installed unless named
        names: Vec<String>,
    },
    /// Remove engines from the data folder
    Remove {
        /// Which
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Group)]
pub(in crate::cli) struct InstallArgs {
    /// Which
    #[arg(required = true)]
    pub(in crate::cli) names: Vec<String>,
    /// Take the packages from this folder, and nothing from the network
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// Put them there again, though they are
    #[arg(long)]
    pub(in crate::cli) again: bool,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct EraseArgs {
    /// The folder of transcripts or recordings: what a deploy has as `folder`
    #[arg(long, value_name = "DIR", required = true)]
    pub(in crate::cli) folder: PathBuf,
    /// All of this room
    #[arg(long, value_name = "ID", required_unless_present = "person", conflicts_with = "person")]
    pub(in crate::cli) room: Option<String>,
    /// All of this person, by peer id or by name, in every room
    #[arg(long, value_name = "WHO")]
    pub(in crate::cli) person: Option<String>,
}
