//! What can be typed about the machine, the program itself, and projects of one's own.

use std::path::PathBuf;

use clap::Args as Group;

use super::rooms::FishjamArgs;

#[derive(Debug, Group)]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) fishjam: FishjamArgs,
    /// Print JSON, an object for each finding
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct ManArgs {
    /// Where the pages go
    #[arg(long, default_value = "out/man", value_name = "DIR")]
    pub(in crate::cli) out: PathBuf,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct NewArgs {
    /// The folder to make; its name is the project's
    #[arg(value_name = "FOLDER")]
    pub(in crate::cli) folder: PathBuf,
    /// Where roomtone comes from: the folder of its sources, or a version
    #[arg(long, value_name = "PATH_OR_VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    pub(in crate::cli) roomtone: String,
}

#[derive(Debug, Group)]
pub(in crate::cli) struct DevArgs {
    /// What the program is to do, behind -- [default: console --plain]
    #[arg(last = true, value_name = "COMMAND")]
    pub(in crate::cli) run: Vec<String>,
}
