//! The command line: one file for each command. A program hands in its table of agents and gets the whole of it.

mod admin;
mod agents;
mod args;
mod bench;
mod demo;
mod exit;
mod join;
mod logs;
mod sandbox;
mod start;

use std::{fmt::Display, io::Write, path::Path, process::ExitCode};

use clap::Parser;

use crate::agent::Registry;
use args::{Args, Command};
pub use exit::Failure;

/// Prints a line of results. Whoever reads them may have had enough: a closed pipe is no failure.
fn say(line: &dyn Display) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// Runs the program: reads the arguments, does what they say, prints one clear line where that fails.
///
/// # Panics
/// If the machine gives no thread to run on.
pub fn main(registry: Registry) -> ExitCode {
    let args = Args::parse();
    let prepared = match &args.command {
        Command::Start(start) => match start::prepare(registry, start) {
            Ok(prepared) => Some(prepared),
            Err(failure) => return fail(&failure),
        },
        _ => None,
    };
    let traces = prepared.as_ref().and_then(start::Prepared::traces);
    let traces = match logs::start(args.log(), args.log_format, traces.as_deref()) {
        Ok(traces) => traces,
        Err(failure) => return fail(&failure),
    };
    if let Command::BenchPart(part) = &args.command {
        // Before the runtime counts its cores.
        bench::stay_on(&part.cores);
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(prepared) = &prepared {
        // Agents with a thread of their own take it from those that may block.
        runtime.worker_threads(prepared.threads()).max_blocking_threads(MOST_THREADS);
    }
    let runtime = runtime.enable_all().build().expect("threads to run on");
    let result = runtime.block_on(async {
        match args.command {
            Command::Start(_) => start::run(registry, prepared.expect("prepared above")).await,
            Command::Check(args) => start::check(registry, &args),
            Command::Sessions(args) => admin::sessions(args).await,
            Command::Top(args) => admin::top(args).await,
            Command::Reload(args) => admin::reload(args).await,
            Command::Drain(args) => admin::drain(args).await,
            Command::Demo(demo) => demo::run(registry, demo).await,
            Command::Sandbox(sandbox) => sandbox::run(sandbox).await,
            Command::Join(join) => join::run(registry, join).await,
            Command::Agents => agents::run(registry),
            Command::Bench(args) => bench::run(args).await,
            Command::BenchPart(args) => bench::run_part(registry, args).await,
        }
    });
    // What still runs now has been told to end, and must not hold the program up.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    traces.end();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

/// They are begun when they are needed.
const MOST_THREADS: usize = 20_000;

/// A token out of the file that was given, or of the environment: an argument could be read by everybody on this machine.
fn token(what: &str, env: &str, file: Option<&Path>) -> Result<String, Failure> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::Input(format!("--token-file {}: {error}", path.display())))?,
        None => std::env::var(env).unwrap_or_default(),
    };
    match text.trim() {
        "" => Err(Failure::Input(format!(
            "there is no {what}; set {env}, or give --token-file with a file that holds it"
        ))),
        token => Ok(token.to_owned()),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("roomtone: {failure}");
    failure.code()
}
