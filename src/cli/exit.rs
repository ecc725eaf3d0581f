//! How the program ends.

use std::{fmt, process::ExitCode};

/// Why a command failed, by what the caller can do about it.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 3. Something that was given cannot be used: a file, an agent's name, an option, a port.
    Input(String),
    /// Exit code 3. All that is wrong with a file, each in a line.
    Faults(Vec<String>),
    /// Exit code 4. The Fishjam cannot be reached, or does not want us.
    Fishjam(String),
    /// Exit code 4. All that a host says is wrong, each in a line.
    Refused(Vec<String>),
    /// Exit code 5. It was in the room and ended badly: the agent failed, the link was lost for good, the room crashed.
    Session(String),
}

impl Failure {
    /// The program's exit code. 0 stands for success, 2 for arguments that make no sense.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Input(_) | Failure::Faults(_) => 3,
            Failure::Fishjam(_) | Failure::Refused(_) => 4,
            Failure::Session(_) => 5,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Input(text) | Failure::Fishjam(text) | Failure::Session(text) => f.write_str(text),
            Failure::Faults(lines) | Failure::Refused(lines) => f.write_str(&lines.join("; ")),
        }
    }
}
