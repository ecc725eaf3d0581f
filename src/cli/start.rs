//! `roomtone start`: a host for many rooms. `roomtone check`: whether its file is right.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::signal::unix::SignalKind;

use super::{ErrorCode, Failure, say, signals::Endings};
use crate::{
    agent::Registry,
    host::{
        Config, Control, Host, HostError,
        config::{ConfigError, Draft},
    },
    protocol::Protocol,
    text::count,
};

/// Reads the configuration, as far as that goes without its agents.
pub(super) fn read(file: Option<&Path>) -> Result<(PathBuf, Draft), Failure> {
    let path = file.ok_or_else(|| {
        let advice =
            "give one, as in `start host.toml`, or set ROOMTONE_CONFIG; `config reference` prints one to begin with";
        Failure::new(ErrorCode::Missing, format!("no configuration is named; {advice}"))
    })?;
    let draft = Draft::read(path).map_err(|error| failure(&error))?;
    Ok((path.to_owned(), draft))
}

/// A line for each fault.
fn failure(error: &ConfigError) -> Failure {
    Failure::of_lines(ErrorCode::Config, error.lines())
}

/// One for each core, and those that agents may block.
pub(super) fn threads(draft: &Draft) -> usize {
    let spare = draft.host().spare_threads.min(MOST_SPARE_THREADS);
    std::thread::available_parallelism().map_or(1, |cores| cores.get()) + spare
}

/// Where traces go: the file says it, or the environment as OpenTelemetry has it.
pub(super) fn traces(draft: &Draft) -> Option<String> {
    let of_file = draft.traces().map(|traces| traces.endpoint.clone());
    of_file.or_else(|| std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok().filter(|url| !url.is_empty()))
}

pub(super) async fn run(registry: Registry, (path, draft): (PathBuf, Draft)) -> Result<(), Failure> {
    let signals = Endings::listen_for_reload();
    let config = draft.prepare(&registry).await.map_err(|error| failure(&error))?;
    let drain = config.host.drain;
    let is_secure = config.admin.as_ref().is_some_and(|admin| admin.cert_file.is_some());
    let host = Host::start_from(config, &path, registry).await.map_err(|error| match error {
        HostError::Platform(ref of_platform) => {
            Failure::new(ErrorCode::of_platform(of_platform.kind), error.to_string())
        }
        HostError::Missing { .. } => Failure::new(ErrorCode::Secret, error.to_string()),
        HostError::State { .. } => Failure::new(ErrorCode::File, error.to_string()),
        _ => Failure::new(ErrorCode::Port, error.to_string()),
    })?;
    let served = host.served();
    for (what, address) in [("metrics", served.metrics), ("admin", served.admin), ("webhook", served.webhook)] {
        if let Some(address) = address {
            let scheme = if what == "admin" && is_secure { "https" } else { "http" };
            tracing::info!("{what} on {scheme}://{address}");
        }
    }
    let obeying = tokio::spawn(obey(signals, host.control(), drain));
    let report = host.ended().await;
    obeying.abort();
    report.lines().iter().for_each(|line| say(line));
    Ok(())
}

/// SIGHUP reads the file again, the first SIGTERM or Ctrl-C drains, the second ends at once.
async fn obey(mut signals: Endings, control: Control, drain: Duration) {
    let mut is_draining = false;
    loop {
        let ends = signals.next().await != SignalKind::hangup();
        let told = match (ends, is_draining) {
            (false, _) => match control.reload().await {
                Ok(Err(why)) => {
                    tracing::error!("the configuration was not taken over: {why}");
                    Ok(())
                }
                told => told.map(drop),
            },
            (true, false) => {
                let sessions = control.status().await.map_or(0, |status| status.sessions);
                tracing::info!(
                    "ending: {} may go on for {} s; a second SIGTERM or Ctrl-C ends them at once",
                    count(sessions, "session"),
                    drain.as_secs()
                );
                control.drain().await
            }
            (true, true) => control.stop().await,
        };
        if told.is_err() {
            return;
        }
        is_draining |= ends;
    }
}

pub(super) async fn check(registry: &Registry, file: Option<&Path>) -> Result<(), Failure> {
    let (path, draft) = read(file)?;
    let config = draft.prepare(registry).await.map_err(|error| failure(&error))?;
    let deploys: Vec<&str> = config.deploys.iter().map(|deploy| deploy.name.as_str()).collect();
    say(&format_args!("{} is right: deploys {}", path.display(), deploys.join(", ")));
    for (what, variable) in needed(&config) {
        let is_set = std::env::var(&variable).is_ok_and(|value| !value.trim().is_empty());
        say(&format_args!("{what}: {variable} is {}", if is_set { "set" } else { "not set here" }));
    }
    Ok(())
}

/// What the environment must hold when the host starts.
fn needed(config: &Config) -> Vec<(&'static str, String)> {
    let mut needed = Vec::new();
    if config.fishjam.id.is_none() && config.uses(Protocol::Fishjam) {
        needed.push(("the Fishjam", "FISHJAM_ID".to_owned()));
    }
    let of_platforms = config.secrets_of_platforms().into_iter().filter(|source| source.file.is_none());
    needed.extend(of_platforms.map(|source| (source.what, source.env)));
    if let Some(webhook) = config.webhook.as_ref().filter(|webhook| webhook.secret_file.is_none()) {
        needed.push(("the webhook secret", webhook.secret_env.clone()));
    }
    if let Some(admin) = config.admin.as_ref().filter(|admin| admin.token_file.is_none()) {
        needed.push(("the admin token", admin.token_env.clone()));
    }
    let sinks = config.deploys.iter().filter_map(|deploy| deploy.sink.secret_env.clone());
    needed.extend(sinks.map(|variable| ("a sink's secret", variable)));
    needed
}

/// More than the configuration allows would be refused later, with its reason.
const MOST_SPARE_THREADS: usize = 1_024;
