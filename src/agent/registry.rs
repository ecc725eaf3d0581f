//! The table of agents that a program can start by name.

use serde::de::DeserializeOwned;
use toml::Table;

use super::Agent;

/// One agent of the table.
#[derive(Clone, Copy)]
pub struct Builtin {
    /// The name by which it is started.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Makes one from its options.
    pub make: fn(Table) -> Result<Box<dyn Agent>, OptionsError>,
}

/// The agents that a program knows.
#[derive(Clone, Copy)]
pub struct Registry(pub &'static [Builtin]);

impl Registry {
    /// The agent called `name`.
    ///
    /// # Errors
    /// [`OptionsError::UnknownAgent`] that lists the names there are.
    pub fn find(&self, name: &str) -> Result<&'static Builtin, OptionsError> {
        self.0.iter().find(|builtin| builtin.name == name).ok_or_else(|| OptionsError::UnknownAgent {
            name: name.to_owned(),
            known: self.0.iter().map(|builtin| builtin.name).collect::<Vec<_>>().join(", "),
        })
    }
}

/// Why an agent could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// There is no agent of this name.
    #[error("there is no agent called {name:?}; there are: {known}")]
    UnknownAgent {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// An option is unknown, missing, or of another type.
    #[error("the options do not fit: {0}")]
    Shape(String),
    /// An option has the right type and a value that cannot be.
    #[error("option {key:?}: {problem}")]
    Value {
        /// The option.
        key: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// Reads an agent's options into its own struct. Derive `Deserialize` with `deny_unknown_fields` and `default`, so
/// that a slip of the pen is an error and nothing needs to be said twice.
///
/// ```
/// #[derive(Debug, Default, serde::Deserialize)]
/// #[serde(deny_unknown_fields, default)]
/// struct Options { mixed: bool }
///
/// let table = toml::from_str("mixd = true").unwrap();
/// let error = roomtone::agent::options::<Options>(table).unwrap_err();
/// assert!(error.to_string().contains("unknown field `mixd`"));
/// ```
///
/// # Errors
/// [`OptionsError::Shape`] with the key that does not fit.
pub fn options<T: DeserializeOwned>(table: Table) -> Result<T, OptionsError> {
    T::deserialize(table).map_err(|error| OptionsError::Shape(error.to_string().trim().replace('\n', " ")))
}
