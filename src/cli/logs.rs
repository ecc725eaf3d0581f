//! Logs, to standard error; results go to standard output.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{Failure, args::LogFormat};

pub(super) fn start(rules: &str, format: LogFormat) -> Result<(), Failure> {
    let advice = "write error, warn, info, debug, trace, off, or rules such as roomtone=debug";
    // A single word that is no level would be taken for a module of that name, and nothing would be logged.
    let is_word = rules.chars().all(char::is_alphanumeric);
    if is_word && rules.parse::<LevelFilter>().is_err() {
        return Err(Failure::Input(format!("--log {rules:?} is no level; {advice}")));
    }
    let filter =
        EnvFilter::try_new(rules).map_err(|error| Failure::Input(format!("--log {rules:?}: {error}; {advice}")))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Human => logs.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
