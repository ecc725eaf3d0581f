//! `roomtone agents`, `roomtone config`, and how an agent is made from what was typed.

use serde_json::json;
use toml::Table;

use super::{
    ErrorCode, Failure,
    args::{AgentArgs, ConfigCommand},
    say, say_json, say_lines,
};
use crate::agent::{Agent, Builtin, Maker, OptionsError, Registry};

/// Lists the agents, or one's options.
pub(super) fn run(registry: &Registry, name: Option<&str>, json: bool) -> Result<(), Failure> {
    if json {
        let named = name.map(|name| find(registry, Some(name))).transpose()?;
        let listed = registry.iter().filter(|agent| named.is_none_or(|named| named.name() == agent.name()));
        listed.for_each(|agent| {
            let (name, about, options) = (agent.name(), agent.about(), agent.options().trim());
            say_json(&json!({ "name": name, "about": about, "options": options }));
        });
        return Ok(());
    }
    if let Some(name) = name {
        let agent = registry.find(name).map_err(|error| Failure::new(ErrorCode::NoSuchAgent, error.to_string()))?;
        say(&format_args!("# {}: {}", agent.name(), agent.about()));
        match agent.options().trim() {
            "" => say(&"# It has no options."),
            options => say_lines(options),
        }
        return Ok(());
    }
    let width = registry.iter().map(|agent| agent.name().len()).max().unwrap_or(0);
    for agent in registry.iter() {
        say(&format_args!("{:width$}  {}", agent.name(), agent.about()));
    }
    Ok(())
}

pub(super) fn config(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Reference => say_lines(REFERENCE.trim_end()),
    }
    Ok(())
}

/// The agent that is meant, or the first.
pub(super) fn find<'a>(registry: &'a Registry, name: Option<&str>) -> Result<&'a Builtin, Failure> {
    registry.find_or_first(name).map_err(|error| Failure::new(ErrorCode::NoSuchAgent, error.to_string()))
}

/// Makes an agent with the options that were typed.
pub(super) async fn make(builtin: &Builtin, args: &AgentArgs) -> Result<Box<dyn Agent>, Failure> {
    made(builtin, builtin.prepare(options(args)?).await)
}

/// The agent, or why there is none.
pub(super) fn made(builtin: &Builtin, maker: Result<Maker, OptionsError>) -> Result<Box<dyn Agent>, Failure> {
    maker
        .map(|maker| maker.make())
        .map_err(|error| Failure::new(ErrorCode::AgentOptions, format!("agent {}: {error}", builtin.name())))
}

/// The options that were typed.
pub(super) fn options(args: &AgentArgs) -> Result<Table, Failure> {
    let mut table = match &args.file {
        Some(path) => {
            let fail =
                |why: &dyn std::fmt::Display| Failure::new(ErrorCode::File, format!("{}: {why}", path.display()));
            let text = crate::text::of_file(path).map_err(|text| Failure::new(ErrorCode::File, text))?;
            text.parse::<Table>().map_err(|error| fail(&error.to_string().trim().replace('\n', " ")))?
        }
        None => Table::new(),
    };
    set_in(&mut table, &args.set)?;
    Ok(table)
}

/// What `--set key=value` says.
pub(super) fn set(pairs: &[String]) -> Result<Table, Failure> {
    let mut table = Table::new();
    set_in(&mut table, pairs)?;
    Ok(table)
}

/// A key with dots is one of a table within, as in TOML; what else stands there stays.
fn set_in(table: &mut Table, pairs: &[String]) -> Result<(), Failure> {
    for pair in pairs {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Failure::new(ErrorCode::Flag, format!("--set {pair:?} has no '='; write --set key=value"))
        })?;
        let (tables, key) = key.trim().rsplit_once('.').map_or((None, key.trim()), |(tables, key)| (Some(tables), key));
        let mut place = &mut *table;
        for name in tables.into_iter().flat_map(|tables| tables.split('.')) {
            let within = place.entry(name.trim()).or_insert_with(|| Table::new().into());
            place = within.as_table_mut().ok_or_else(|| {
                Failure::new(ErrorCode::Flag, format!("--set {pair:?}: {name} has no keys, it is a value"))
            })?;
        }
        place.insert(key.trim().to_owned(), value_of(value.trim()));
    }
    Ok(())
}

/// A TOML value; what is none is taken as text, so that paths need no quotes.
fn value_of(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Every key of a host's file, with its default.
const REFERENCE: &str = include_str!("../../config/reference.toml");
