//! The program: reads the arguments, does what they say, prints one clear line where that fails.

use std::{ffi::OsString, future::Future, process::ExitCode, time::Duration};

use clap::{CommandFactory, FromArgMatches};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    ErrorCode, Failure, admin, agents,
    args::{Args, Command},
    bench, demo, dev, doctor, engines, error_code, events, explain, join, logs, lost, manual, new, people, rooms,
    sandbox, start, top,
};
#[cfg(feature = "console")]
use super::{console, replay};
use crate::agent::Registry;

/// A program around a table of agents, with roomtone's whole command line.
pub struct Program {
    name: &'static str,
    version: &'static str,
    args: Option<Vec<OsString>>,
}

/// A program that has no flags of its own.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct NoFlags {}

impl Program {
    /// A program of this name and version, usually `env!("CARGO_PKG_NAME")` and `env!("CARGO_PKG_VERSION")`.
    pub fn new(name: &'static str, version: &'static str) -> Program {
        Program { name, version, args: None }
    }

    /// The same with these arguments in place of the process's own, as for a test of a whole program.
    pub fn args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Program {
        let args = [OsString::from(self.name)].into_iter().chain(args.into_iter().map(A::into));
        Program { args: Some(args.collect()), ..self }
    }

    /// Runs it with these agents. The first one is taken where none is named.
    pub fn run(self, agents: Registry) -> ExitCode {
        self.run_with(|_: NoFlags| async { Ok(agents) })
    }

    /// Runs it with agents that `set_up` makes, which may wait: for a model to be loaded, a service to answer. It is given
    /// the program's own flags, which may stand anywhere on the command line.
    ///
    /// ```no_run
    /// # use roomtone::{agent::Registry, cli::Program};
    /// #[derive(clap::Args)]
    /// struct Flags {
    ///     /// Which voice the agents have
    ///     #[arg(long, global = true, default_value = "calm")]
    ///     tone: String,
    /// }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     Program::new("my-agents", "1.0.0").run_with(|flags: Flags| async move {
    ///         println!("a {} voice", flags.tone);
    ///         Ok(Registry::default())
    ///     })
    /// }
    /// ```
    pub fn run_with<F, S>(self, set_up: impl FnOnce(F) -> S) -> ExitCode
    where
        F: clap::Args,
        S: Future<Output = Result<Registry, Failure>>,
    {
        let command = Args::command().name(self.name).bin_name(self.name).version(self.version);
        // The flags' own documentation would take the place of the program's.
        let about = command.get_about().cloned().unwrap_or_default();
        let command = F::augment_args(command).about(about).long_about(None);
        let known = command.clone();
        let mut matches = command.get_matches_from(self.args.unwrap_or_else(|| std::env::args_os().collect()));
        let parsed =
            Args::from_arg_matches_mut(&mut matches).and_then(|args| Ok((args, F::from_arg_matches(&matches)?)));
        let (args, flags) = parsed.unwrap_or_else(|error| error.exit());
        let result = match args.command {
            Command::Completions { shell } => manual::completions(known, shell),
            Command::Man(args) => manual::pages(known, &args.out),
            Command::New(args) => new::run(&args),
            Command::Explain { code } => error_code::explain(code.as_deref()),
            _ => carry_out(args, set_up(flags)),
        };
        let result = result.and_then(|()| match lost() {
            Some(why) => Err(Failure::new(ErrorCode::Machine, format!("the results could not be printed: {why}"))),
            None => Ok(()),
        });
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                for line in failure.lines() {
                    explain(&format_args!("{}: {}: {line}", self.name, failure.code()));
                }
                failure.exit_code()
            }
        }
    }
}

fn carry_out(args: Args, agents: impl Future<Output = Result<Registry, Failure>>) -> Result<(), Failure> {
    let draft = match &args.command {
        Command::Start(start) => Some(start::read(start.file())?),
        _ => None,
    };
    let traces = draft.as_ref().and_then(|(_, draft)| start::traces(draft));
    let traces = logs::start(args.log(), args.log_format, traces.as_deref())?;
    if let Command::BenchPart(part) = &args.command {
        // Before the runtime counts its cores.
        bench::stay_on(&part.cores);
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some((_, draft)) = &draft {
        // Agents with a thread of their own take it from those that may block.
        runtime.worker_threads(start::threads(draft)).max_blocking_threads(MOST_THREADS);
    }
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(ErrorCode::Machine, format!("the machine gives no threads to run on: {error}"))
    })?;
    let result = runtime.block_on(async {
        // A file at the limit of its size is an error of whoever writes it, and not the end of the program.
        let _ignored = signal(SignalKind::from_raw(SIGXFSZ));
        let agents = agents.await?;
        match args.command {
            Command::Start(_) => start::run(agents, draft.expect("read above")).await,
            Command::Check(args) => start::check(&agents, args.file()).await,
            Command::Config { command } => agents::config(command),
            Command::Sessions(args) => admin::sessions(args).await,
            Command::Top(args) => top::run(args).await,
            Command::Reload(args) => admin::reload(args).await,
            Command::Drain(args) => admin::drain(args).await,
            #[cfg(feature = "console")]
            Command::Console(args) => console::run(&agents, args).await,
            #[cfg(feature = "console")]
            Command::Replay(args) => replay::run(&agents, args).await,
            #[cfg(feature = "console")]
            Command::Devices(args) => console::list_devices(&args),
            Command::Demo(args) => demo::run(&agents, args).await,
            Command::Sandbox(args) => sandbox::run(args).await,
            Command::Join(args) => join::run(&agents, args).await,
            Command::Rooms(args) => rooms::run(args).await,
            Command::People(args) => people::run(args).await,
            Command::Events(args) => events::run(args).await,
            Command::Agents { name, json } => agents::run(&agents, name.as_deref(), json),
            Command::Engines(args) => engines::run(args).await,
            Command::Erase(args) => engines::erase(&args),
            Command::Bench(args) => bench::run(args).await,
            Command::BenchPart(args) => bench::run_part(&agents, args).await,
            Command::Dev(args) => dev::run(args).await,
            Command::Doctor(args) => doctor::run(args).await,
            Command::Completions { .. } | Command::Man(_) | Command::New(_) | Command::Explain { .. } => {
                unreachable!("these need no agents")
            }
        }
    });
    // What still runs now has been told to end, and must not hold the program up.
    runtime.shutdown_timeout(Duration::from_millis(100));
    traces.end();
    result
}

/// The number of the signal on the machines that this builds for.
const SIGXFSZ: i32 = 25;
/// They are begun when they are needed.
const MOST_THREADS: usize = 20_000;
