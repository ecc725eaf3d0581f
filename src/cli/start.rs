//! `roomtone start`: a host for many rooms. `roomtone check`: whether its file is right.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    Failure,
    args::{CheckArgs, StartArgs},
    say,
};
use crate::{
    agent::Registry,
    host::{Config, Control, Host, HostError},
};

/// What is known before there is a runtime.
pub(super) struct Prepared {
    path: PathBuf,
    config: Config,
}

pub(super) fn prepare(registry: Registry, args: &StartArgs) -> Result<Prepared, Failure> {
    let path = args.config.clone().ok_or_else(|| {
        Failure::Input("no configuration is named; give --config FILE, or set ROOMTONE_CONFIG".to_owned())
    })?;
    let config = read(registry, &path)?;
    Ok(Prepared { path, config })
}

fn read(registry: Registry, path: &Path) -> Result<Config, Failure> {
    Config::read(path, registry).map_err(|error| Failure::Input(error.to_string()))
}

impl Prepared {
    /// One for each core, and those that agents may block.
    pub(super) fn threads(&self) -> usize {
        std::thread::available_parallelism().map_or(1, |cores| cores.get()) + self.config.host.spare_threads
    }

    /// Where traces go: the file says it, or the environment as OpenTelemetry has it.
    pub(super) fn traces(&self) -> Option<String> {
        let of_file = self.config.traces.as_ref().map(|traces| traces.endpoint.clone());
        of_file.or_else(|| std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok().filter(|url| !url.is_empty()))
    }
}

pub(super) async fn run(registry: Registry, prepared: Prepared) -> Result<(), Failure> {
    let Prepared { path, config } = prepared;
    let host = Host::start_from(config, Some(&path), registry).await.map_err(|error| match error {
        HostError::Fishjam(_) => Failure::Fishjam(error.to_string()),
        _ => Failure::Input(error.to_string()),
    })?;
    let served = host.served();
    for (what, address) in [("metrics", served.metrics), ("admin", served.admin), ("webhook", served.webhook)] {
        if let Some(address) = address {
            tracing::info!("{what} on http://{address}");
        }
    }
    let signals = tokio::spawn(obey_signals(host.control()));
    let report = host.ended().await;
    signals.abort();
    say(&report);
    Ok(())
}

/// SIGHUP reads the file again, the first SIGTERM or Ctrl-C drains, the second ends at once.
async fn obey_signals(control: Control) {
    let mut hangup = signal(SignalKind::hangup()).expect("signals can be listened to");
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened to");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened to");
    let mut is_draining = false;
    loop {
        let ends = tokio::select! {
            _ = hangup.recv() => false,
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
        };
        let told = match (ends, is_draining) {
            (false, _) => match control.reload().await {
                Ok(Err(why)) => {
                    tracing::error!("the configuration was not taken over: {why}");
                    Ok(())
                }
                told => told.map(drop),
            },
            (true, false) => control.drain().await,
            (true, true) => control.stop().await,
        };
        if told.is_err() {
            return;
        }
        is_draining |= ends;
    }
}

pub(super) fn check(registry: Registry, args: &CheckArgs) -> Result<(), Failure> {
    let config = read(registry, &args.file)?;
    let deploys: Vec<&str> = config.deploys.iter().map(|deploy| deploy.name.as_str()).collect();
    say(&format_args!("{} is right: deploys {}", args.file.display(), deploys.join(", ")));
    for (what, variable) in needed(&config) {
        let is_set = std::env::var(&variable).is_ok_and(|value| !value.trim().is_empty());
        say(&format_args!("{what}: {variable} is {}", if is_set { "set" } else { "not set here" }));
    }
    Ok(())
}

/// What the environment must hold when the host starts.
fn needed(config: &Config) -> Vec<(&'static str, String)> {
    let mut needed = Vec::new();
    let fishjam = &config.fishjam;
    if fishjam.id.is_none() {
        needed.push(("the Fishjam", "FISHJAM_ID".to_owned()));
    }
    if fishjam.token_file.is_none() {
        needed.push(("the management token", fishjam.token_env.clone()));
    }
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
