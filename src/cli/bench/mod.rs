//! `roomtone bench`: a load generator and a report.
//!
//! The [sandbox](stage) is a process of its own: a room for each session, in each a person whose tone burst of 100 ms
//! comes once a second. Another process holds the agents. Then a third takes their place with [the floor](floor), under the
//! same load, and so on in turn, so that what the machine does that day is the same for both.

mod agents;
mod floor;
mod part;
mod report;
mod stage;
mod worker;

use std::path::Path;

use self::{
    report::{Report, Round},
    stage::Stage,
};
use super::{
    ErrorCode, Failure,
    args::{BenchArgs, PartArgs, Role},
    say,
};
use crate::{
    agent::Registry,
    fishjam::Fishjam,
    host::machine,
    sandbox::{SandboxOptions, TlsFiles},
};
pub(super) use machine::stay_on;

/// Runs one process of a bench.
pub(super) async fn run_part(registry: &Registry, args: PartArgs) -> Result<(), Failure> {
    machine::raise_file_limit();
    if args.role == Role::Sandbox {
        return serve(args).await;
    }
    let voice = super::join::voice_track(&args.load.voice)?;
    let address = args.fishjam.parse().map_err(|error| Failure::new(ErrorCode::Flag, format!("--fishjam: {error}")))?;
    let fishjam = Fishjam::new(address, SandboxOptions::default().token.into());
    match args.role {
        Role::Floor => floor::run(fishjam, args.seconds, voice).await,
        _ => agents::run(registry, fishjam, args.seconds, voice, &args.load).await,
    }
}

/// The sandbox, until its input ends.
async fn serve(args: PartArgs) -> Result<(), Failure> {
    let tls = <[_; 2]>::try_from(args.tls).ok().map(|[certificate, key]| TlsFiles { certificate, key });
    let options = SandboxOptions { files: std::env::temp_dir(), tls, ..SandboxOptions::default() };
    let sandbox = super::sandbox::start(options).await?;
    say(&sandbox.url());
    while part::Orders::new().next().await {}
    sandbox.stop().await;
    Ok(())
}

pub(super) async fn run(args: BenchArgs) -> Result<(), Failure> {
    super::join::voice_track(&args.load.voice)?;
    if args.load.scribes && args.seconds < 30 {
        return Err(Failure::new(ErrorCode::Flag, "--scribes needs --seconds 30 or more: a speaker reads every 18 s"));
    }
    let cores = machine::cores().0;
    let pinned = args.pin.unwrap_or(0).min(cores);
    let others: Vec<usize> = if pinned < cores && pinned > 0 { (pinned..cores).collect() } else { Vec::new() };
    let stage = Stage::open(&args, (0..pinned).collect(), &others).await?;
    let has_floor = !(args.no_floor || args.program.is_some() || args.load.speech || args.load.scribes);
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        let joins = if round == args.rounds { args.load.joins } else { 0 };
        let agents = stage.measure(&args, Role::Agents, joins).await?;
        let floor = if has_floor { Some(stage.measure(&args, Role::Floor, 0).await?) } else { None };
        rounds.push(Round { agents, floor });
    }
    let report = Report::new(&args, pinned, stage.ready_ms, &rounds);
    stage.close().await;
    report.lines().iter().for_each(|line| say(line));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report).expect("plain JSON");
        std::fs::write(path, text + "\n").map_err(|error| file_failure(path, &error))?;
    }
    Ok(())
}

fn file_failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::File, format!("{}: {error}", path.display()))
}

fn wrong(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Platform, format!("the bench: {error}"))
}
