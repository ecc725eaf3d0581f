//! The table of agents that a program can start by name.
//!
//! An agent is made in two steps. Once, its options are read and checked, and what all rooms share is loaded: files,
//! models, clients. That may take time, and may fail with a reason. Then each room gets an agent of its own from what was
//! loaded, which costs next to nothing.
//!
//! ```
//! use roomtone::agent::{Agent, AgentError, Builtin, Maker, Registry, Room, options};
//!
//! #[derive(Default, serde::Deserialize)]
//! #[serde(deny_unknown_fields, default)]
//! struct Options { greeting: String }
//!
//! struct Greeter { greeting: std::sync::Arc<str> }
//!
//! #[async_trait::async_trait]
//! impl Agent for Greeter {
//!     async fn run(&mut self, _room: &mut Room) -> Result<(), AgentError> { Ok(()) }
//! }
//!
//! let agents = Registry::new([Builtin::new("greeter", "says hello", |table| async move {
//!     let options: Options = options(table)?;
//!     let greeting: std::sync::Arc<str> = options.greeting.into();
//!     Ok(Maker::new(move || Greeter { greeting: greeting.clone() }))
//! })]);
//! assert!(agents.find("greeter").is_ok());
//! ```

use std::{borrow::Cow, fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use toml::Table;

use super::Agent;
use crate::text;

/// One agent of the table.
pub struct Builtin {
    name: Cow<'static, str>,
    about: Cow<'static, str>,
    options: Cow<'static, str>,
    prepare: Box<Prepare>,
}

type Prepare = dyn Fn(Table) -> BoxFuture<'static, Result<Maker, OptionsError>> + Send + Sync;

impl Builtin {
    /// An agent called `name`; `about` is what it does, in a line. `prepare` reads its options and loads what its rooms
    /// share. It is called once for each deploy and may wait, up to a minute; what computes or blocks for long belongs into
    /// `spawn_blocking`. It may capture what it needs.
    pub fn new<F, P>(name: impl Into<Cow<'static, str>>, about: impl Into<Cow<'static, str>>, prepare: F) -> Builtin
    where
        F: Fn(Table) -> P + Send + Sync + 'static,
        P: Future<Output = Result<Maker, OptionsError>> + Send + 'static,
    {
        Builtin {
            name: name.into(),
            about: about.into(),
            options: Cow::Borrowed(""),
            prepare: Box::new(move |table| Box::pin(prepare(table))),
        }
    }

    /// The same, with its options as TOML for people: each with its default and a comment.
    pub fn with_options(self, toml: impl Into<Cow<'static, str>>) -> Builtin {
        Builtin { options: toml.into(), ..self }
    }

    /// The name by which it is started.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does, in a line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Its options as TOML for people; empty where nobody wrote them down.
    pub fn options(&self) -> &str {
        &self.options
    }

    /// Reads its options, and loads what its rooms share.
    ///
    /// # Errors
    /// [`OptionsError`]; a panic and a minute without an end are errors, too.
    pub async fn prepare(&self, options: Table) -> Result<Maker, OptionsError> {
        // A panic is the agent's own.
        match timeout(LONGEST, AssertUnwindSafe((self.prepare)(options)).catch_unwind()).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(OptionsError::Shape("the agent panicked over them".into())),
            Err(_) => Err(OptionsError::Shape(format!("the agent was not ready within {} s", LONGEST.as_secs()))),
        }
    }
}

impl fmt::Debug for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builtin({})", self.name)
    }
}

/// Makes an agent for each room, out of what was loaded once. Clones make the same.
#[derive(Clone)]
pub struct Maker {
    make: Arc<dyn Fn() -> Box<dyn Agent> + Send + Sync>,
    limit: Option<Limit>,
}

/// What agents share, and how many of them it can serve: a model, a machine of its own. A host admits no more, whichever
/// deploys they are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What they share.
    pub name: Arc<str>,
    /// How many it can serve.
    pub most: usize,
}

impl Maker {
    /// A maker; `make` is called for each room, and should cost next to nothing.
    pub fn new<A: Agent + 'static>(make: impl Fn() -> A + Send + Sync + 'static) -> Maker {
        Maker { make: Arc::new(move || Box::new(make())), limit: None }
    }

    /// The same, of agents that share something which can serve so many.
    pub fn limited(self, name: impl Into<Arc<str>>, most: usize) -> Maker {
        Maker { limit: Some(Limit { name: name.into(), most }), ..self }
    }

    /// What its agents share, if that can serve so many and no more.
    pub fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }

    /// An agent for one room.
    pub fn make(&self) -> Box<dyn Agent> {
        (self.make)()
    }
}

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Maker")
    }
}

/// The agents that a program knows. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<[Builtin]>);

impl Registry {
    /// These agents. The first is the one that commands take where none is named.
    pub fn new(agents: impl IntoIterator<Item = Builtin>) -> Registry {
        Registry(agents.into_iter().collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Builtin> {
        self.0.iter()
    }

    /// The agent called `name`.
    ///
    /// # Errors
    /// [`OptionsError::UnknownAgent`] that lists the names there are.
    pub fn find(&self, name: &str) -> Result<&Builtin, OptionsError> {
        self.0.iter().find(|builtin| builtin.name == name).ok_or_else(|| OptionsError::UnknownAgent {
            name: name.to_owned(),
            known: self.0.iter().map(Builtin::name).collect::<Vec<_>>().join(", "),
        })
    }

    /// The agent called `name`, or the first.
    ///
    /// # Errors
    /// [`OptionsError::UnknownAgent`], also of a table without agents.
    pub fn find_or_first(&self, name: Option<&str>) -> Result<&Builtin, OptionsError> {
        match (name, self.0.first()) {
            (None, Some(first)) => Ok(first),
            (name, _) => self.find(name.unwrap_or_default()),
        }
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
/// assert!(error.to_string().contains("there is no key `mixd`"));
/// ```
///
/// # Errors
/// [`OptionsError::Shape`] with the key that does not fit.
pub fn options<T: DeserializeOwned>(table: Table) -> Result<T, OptionsError> {
    T::deserialize(table).map_err(|error| OptionsError::Shape(text::in_a_writers_words(error.to_string().trim())))
}

/// How long loading may take.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{AgentError, Room};

    struct Nobody;

    #[async_trait::async_trait]
    impl Agent for Nobody {
        async fn run(&mut self, _: &mut Room) -> Result<(), AgentError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn loading_that_panics_or_never_ends_is_an_error() {
        let table = Registry::new([
            Builtin::new("fine", "is made", |_| async { Ok(Maker::new(|| Nobody)) }),
            Builtin::new("panics", "cannot be made", |_| async { panic!("no model") }),
            Builtin::new("hangs", "is never made", |_| std::future::pending()),
        ]);
        let make = async |name: &str| table.find(name).unwrap().prepare(Table::new()).await;
        assert!(make("fine").await.is_ok());
        assert!(make("panics").await.unwrap_err().to_string().contains("panicked"));
        assert!(make("hangs").await.unwrap_err().to_string().contains("within 60 s"));
        assert_eq!(table.find_or_first(None).unwrap().name(), "fine");
        assert!(table.find("nobody").unwrap_err().to_string().contains("fine, panics, hangs"));
    }
}
