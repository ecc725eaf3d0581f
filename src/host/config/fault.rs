//! What is wrong with a file, one line each.

use std::{fmt, path::PathBuf};

/// One thing that is wrong: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fault {
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The deploy that it is in, with its agent and the rooms it is for.
    pub deploy: Option<String>,
    /// The key, with its tables, as in `leave.idle`.
    pub key: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!("line {line}"));
        let key = Some(self.key.clone()).filter(|key| !key.is_empty());
        let place: Vec<String> = [line, self.deploy.clone(), key].into_iter().flatten().collect();
        match place.is_empty() {
            true => f.write_str(&self.problem),
            false => write!(f, "{}: {}", place.join(", "), self.problem),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read: which, and why.
    #[error("{0}")]
    Read(String),
    /// The file is not right.
    #[error("{}", self.lines().join("; "))]
    Faults {
        /// The file.
        path: PathBuf,
        /// All that was found.
        faults: Vec<Fault>,
    },
}

impl ConfigError {
    /// All that is wrong, each in a line that begins with the file.
    pub fn lines(&self) -> Vec<String> {
        match self {
            ConfigError::Read(why) => vec![why.clone()],
            ConfigError::Faults { path, faults } => {
                faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect()
            }
        }
    }
}
