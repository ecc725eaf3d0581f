//! How the program ends where it could not do what it was told.

use std::{fmt, process::ExitCode};

use super::ErrorCode;
use crate::session::SessionSummary;

/// Why a command failed: a code that `explain` tells more of, and what there is to say, in one line or in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: ErrorCode,
    lines: Vec<String>,
}

impl Failure {
    /// One that is said in a line: what it is about, and what to do.
    pub fn new(code: ErrorCode, line: impl Into<String>) -> Failure {
        Failure { code, lines: vec![line.into()] }
    }

    /// Several that have one cause.
    pub fn of_lines(code: ErrorCode, lines: Vec<String>) -> Failure {
        Failure { code, lines }
    }

    /// How the command that had this session ends: well, or with how the session did.
    pub(super) fn unless_regular(summary: &SessionSummary) -> Result<(), Failure> {
        match summary.is_regular() {
            true => Ok(()),
            false => Err(Failure::new(ErrorCode::Session, summary.how())),
        }
    }

    /// What kind it is.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What there is to say.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The program's exit code. 0 stands for success, 2 for arguments that make no sense.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code.exit_code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("; "))
    }
}
