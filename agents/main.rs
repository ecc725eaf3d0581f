//! The program: roomtone's command line with the built-in agents.
//!
//! Each agent is a module of its own and a line in the table. They use only what the library's documentation shows.

mod echo;
mod greeter;
mod recorder;

use std::process::ExitCode;

use roomtone::agent::{Builtin, Registry};

const AGENTS: Registry = Registry(&[
    Builtin { name: "echo", about: "says back what it hears, one speaker at a time or all mixed", make: echo::make },
    Builtin {
        name: "greeter",
        about: "plays a sound when someone joins, and stops when somebody speaks",
        make: greeter::make,
    },
    Builtin {
        name: "recorder",
        about: "records each speaker to a file of their own, and all of them mixed",
        make: recorder::make,
    },
]);

fn main() -> ExitCode {
    roomtone::cli::main(AGENTS)
}
