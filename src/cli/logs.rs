//! Logs, to standard error; results go to standard output.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::args::LogFormat;

pub(super) fn start(rules: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(rules).unwrap_or_else(|error| {
        eprintln!("roomtone: --log {rules:?}: {error}; logging warnings");
        EnvFilter::new("warn")
    });
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Human => logs.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => logs.json().init(),
    }
}
