//! The command line: one file for each command. A program hands in its agents and gets the whole of it, under its own
//! name and version, with flags of its own where it has any.
//!
//! ```no_run
//! # use roomtone::{agent::Registry, cli::Program};
//! # fn agents() -> Registry { Registry::default() }
//! fn main() -> std::process::ExitCode {
//!     Program::new("my-agents", env!("CARGO_PKG_VERSION")).run(agents())
//! }
//! ```

mod admin;
mod agents;
mod args;
mod bench;
#[cfg(feature = "console")]
mod console;
mod demo;
mod dev;
mod doctor;
mod engines;
mod error_code;
mod events;
mod exit;
mod join;
mod logs;
mod manual;
mod new;
mod output;
mod people;
mod program;
#[cfg(feature = "console")]
mod replay;
mod rooms;
mod sandbox;
mod screen;
mod signals;
mod start;
mod top;

pub use error_code::ErrorCode;
pub use exit::Failure;
use output::{explain, lost, patiently, say, say_json, say_lines};
pub use program::{NoFlags, Program};
