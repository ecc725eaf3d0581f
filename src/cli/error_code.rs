//! The codes of errors, and `roomtone explain`, which tells more of them. What it tells stands in `docs/errors.md`.

use std::fmt;

use super::{Failure, say, say_lines};
use crate::{fishjam::rest::RestErrorKind, platform::PlatformErrorKind};

/// What kind of error it is. The number stays what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A file or a folder cannot be read or written.
    File = 101,
    /// A file has no sound that can be read.
    SoundFile = 102,
    /// A configuration has faults.
    Config = 103,
    /// There is no agent of this name.
    NoSuchAgent = 104,
    /// An agent's options do not fit, or it cannot be made ready.
    AgentOptions = 105,
    /// What stands behind a flag makes no sense.
    Flag = 106,
    /// Something must be named and is not.
    Missing = 107,
    /// A token or a secret cannot be read.
    Secret = 108,
    /// A port cannot be listened on.
    Port = 109,
    /// A microphone or a speaker cannot be had.
    Device = 110,
    /// A speech engine is missing, damaged, or cannot be installed.
    Engine = 111,
    /// There is no such room or peer.
    NoSuchRoom = 112,
    /// A recording of a session cannot be made or read.
    Recording = 113,
    /// A cargo project is missing, cannot be made or cannot be run.
    Project = 114,
    /// The machine refuses something that every program needs.
    Machine = 115,
    /// `doctor` has found something.
    Doctor = 116,
    /// This build does not have it.
    Build = 117,
    /// Lines are no frames of the protocol that they should be of.
    Frames = 118,
    /// The code that was asked for is none.
    NoSuchCode = 119,
    /// A server cannot be reached.
    Unreachable = 201,
    /// A server refuses.
    Refused = 202,
    /// A platform has failed otherwise.
    Platform = 203,
    /// No host answers at its admin address.
    NoHost = 204,
    /// A host refuses.
    HostRefuses = 205,
    /// A session ended badly.
    Session = 301,
    /// A session that was run again went another way.
    Differs = 302,
    /// A part of a bench has failed.
    Bench = 303,
}

impl ErrorCode {
    /// All of them, in the order of their numbers.
    pub const ALL: [ErrorCode; 27] = [
        ErrorCode::File,
        ErrorCode::SoundFile,
        ErrorCode::Config,
        ErrorCode::NoSuchAgent,
        ErrorCode::AgentOptions,
        ErrorCode::Flag,
        ErrorCode::Missing,
        ErrorCode::Secret,
        ErrorCode::Port,
        ErrorCode::Device,
        ErrorCode::Engine,
        ErrorCode::NoSuchRoom,
        ErrorCode::Recording,
        ErrorCode::Project,
        ErrorCode::Machine,
        ErrorCode::Doctor,
        ErrorCode::Build,
        ErrorCode::Frames,
        ErrorCode::NoSuchCode,
        ErrorCode::Unreachable,
        ErrorCode::Refused,
        ErrorCode::Platform,
        ErrorCode::NoHost,
        ErrorCode::HostRefuses,
        ErrorCode::Session,
        ErrorCode::Differs,
        ErrorCode::Bench,
    ];

    /// 3 where something that was given cannot be used, 4 where a server cannot be reached or refuses, 5 where a session ended
    /// badly.
    pub fn exit_code(self) -> u8 {
        match self as u16 {
            200..300 => 4,
            300.. => 5,
            _ => 3,
        }
    }

    /// What a platform that was reached, or was not, has said.
    pub(super) fn of_platform(kind: PlatformErrorKind) -> ErrorCode {
        match kind {
            PlatformErrorKind::Unauthorized => ErrorCode::Refused,
            PlatformErrorKind::Later => ErrorCode::Unreachable,
            _ => ErrorCode::Platform,
        }
    }

    /// The same of a Fishjam's REST side.
    pub(super) fn of_fishjam(kind: RestErrorKind) -> ErrorCode {
        match kind {
            RestErrorKind::Unauthorized | RestErrorKind::QuotaExceeded => ErrorCode::Refused,
            RestErrorKind::Unreachable | RestErrorKind::Timeout | RestErrorKind::Unavailable => ErrorCode::Unreachable,
            _ => ErrorCode::Platform,
        }
    }

    /// What `docs/errors.md` says of it: a heading, and what to look at.
    fn section(self) -> &'static str {
        let heading = format!("\n## {self} ");
        let from = EXPLAINED.find(&heading).expect("a test looks at each");
        let section = &EXPLAINED[from + "\n## ".len()..];
        section.find("\n## ").map_or(section, |end| &section[..end]).trim_end()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RT{}", *self as u16)
    }
}

/// Tells more of one code, or lists all.
pub(super) fn explain(code: Option<&str>) -> Result<(), Failure> {
    let Some(text) = code else {
        ErrorCode::ALL.iter().for_each(|code| say(&code.section().lines().next().unwrap_or_default()));
        return Ok(());
    };
    let wanted = text.to_uppercase();
    let wanted = wanted.strip_prefix("RT").unwrap_or(&wanted);
    match ErrorCode::ALL.iter().find(|code| (**code as u16).to_string() == wanted) {
        Some(code) => {
            say_lines(code.section());
            Ok(())
        }
        None => Err(Failure::new(
            ErrorCode::NoSuchCode,
            format!("there is no error {text:?}; `explain` alone lists them all"),
        )),
    }
}

const EXPLAINED: &str = include_str!("../../docs/errors.md");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_section_and_every_section_its_code() {
        for (code, next) in ErrorCode::ALL.iter().zip(ErrorCode::ALL.iter().skip(1)) {
            assert!((*code as u16) < *next as u16);
        }
        for code in ErrorCode::ALL {
            let section = code.section();
            assert!(section.lines().count() > 2 && section.len() > 150, "{code} needs more words: {section}");
        }
        let sections = EXPLAINED.lines().filter(|line| line.starts_with("## RT")).count();
        assert_eq!(sections, ErrorCode::ALL.len());
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        for code in ["RT101", "rt101", "101"] {
            explain(Some(code)).unwrap();
        }
        for none in ["RT100", "", "101 ", "R101"] {
            assert_eq!(explain(Some(none)).unwrap_err().code(), ErrorCode::NoSuchCode);
        }
    }
}
