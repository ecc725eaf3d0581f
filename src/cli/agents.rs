//! `roomtone agents`, and how an agent is made from what was typed.

use toml::Table;

use super::{Failure, args::AgentArgs, say};
use crate::agent::{Agent, Registry};

pub(super) fn run(registry: Registry) -> Result<(), Failure> {
    let width = registry.0.iter().map(|agent| agent.name.len()).max().unwrap_or(0);
    for agent in registry.0 {
        say(&format_args!("{:width$}  {}", agent.name, agent.about));
    }
    Ok(())
}

/// Makes the agent called `name`.
pub(super) fn make(registry: Registry, name: &str, args: &AgentArgs) -> Result<Box<dyn Agent>, Failure> {
    let builtin = registry.find(name).map_err(|error| Failure::Input(error.to_string()))?;
    let mut table = match &args.file {
        Some(path) => {
            let fail = |why: &dyn std::fmt::Display| Failure::Input(format!("{}: {why}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| fail(&error))?;
            text.parse::<Table>().map_err(|error| fail(&error.to_string().trim().replace('\n', " ")))?
        }
        None => Table::new(),
    };
    for pair in &args.set {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::Input(format!("--set {pair:?} has no '='; write --set key=value")))?;
        table.insert(key.trim().to_owned(), value_of(value.trim()));
    }
    (builtin.make)(table).map_err(|error| Failure::Input(format!("agent {name}: {error}")))
}

/// A TOML value; what is none is taken as text, so that paths need no quotes.
fn value_of(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}
