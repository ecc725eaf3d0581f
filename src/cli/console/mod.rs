//! `roomtone console`: talk to an agent through this machine's microphone and speaker, or let files stand in. On a terminal
//! it is a screen, elsewhere lines.

mod plain;
mod screen;
mod spectrum;
mod view;

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use toml::Table;

use self::view::View;
use super::{
    ErrorCode, Failure, agents,
    args::{ConsoleArgs, DevicesArgs},
    explain, say, say_json,
    screen::Screen,
    signals::Endings,
};
use crate::{
    agent::{Builtin, Registry},
    console::{Choice, Console, ConsoleError, ConsoleOptions, Ends, Processing, Recorder, devices},
    session::{SessionHandle, SessionMonitor, SessionSummary},
};

pub(super) async fn run(registry: &Registry, args: ConsoleArgs) -> Result<(), Failure> {
    let mut endings = Endings::listen();
    let builtin = agents::find(registry, args.agent.as_deref())?;
    let table = agents::options(&args.options)?;
    let has_screen = !args.plain && !args.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let (mut screen, mut folder, mut lines) = (None, args.record.clone(), Vec::new());
    let (mut options, mut is_muted) = (options(&args), false);
    let result = loop {
        let console = Console::new(options.clone());
        console.desk().mute(is_muted);
        let begun = tokio::select! {
            begun = begin(builtin, &table, &console, folder.as_deref()) => begun,
            _ = endings.next() => break Ok(()),
        };
        let handle = match begun {
            Ok(handle) => handle,
            Err(failure) => break Err(failure),
        };
        if !has_screen {
            return plain::run(builtin.name(), &console, handle, endings, args.json).await;
        }
        let screen = match &mut screen {
            Some(screen) => screen,
            none => none.insert(Screen::take()?),
        };
        let mut view = View::new(builtin.name(), folder.clone());
        let (handle, next) = match screen::run(&console, handle, &mut endings, screen, &mut view).await {
            Ok(ended) => ended,
            Err(failure) => break Err(failure),
        };
        is_muted = console.desk().is_muted();
        if let Ends::Devices(choice) = &mut options.ends {
            view.chosen(choice);
        }
        let summary = handle.ended().await;
        lines.extend(view.lines());
        lines.extend(summary_lines(&console, &summary));
        match next {
            Next::End => break Failure::unless_regular(&summary),
            Next::Record => folder = Some(free_folder()),
            Next::Unrecorded => folder = None,
        }
    };
    drop(screen);
    lines.iter().for_each(|line| say(line));
    result
}

/// What comes behind a conversation.
enum Next {
    End,
    /// Another one, which is kept.
    Record,
    /// Another one, which is not.
    Unrecorded,
}

/// Makes the agent, and opens the devices.
async fn begin(
    builtin: &Builtin,
    options: &Table,
    console: &Console,
    folder: Option<&Path>,
) -> Result<SessionHandle, Failure> {
    let recorder = folder.map(|folder| Recorder::create(folder, builtin.name(), options)).transpose();
    let recorder = recorder.map_err(|error| Failure::new(ErrorCode::Recording, error.to_string()))?;
    let maker = match &recorder {
        Some(recorder) => recorder.prepare(builtin.prepare(options.clone())).await,
        None => builtin.prepare(options.clone()).await,
    };
    let (agent, console) = (agents::made(builtin, maker)?, console.clone());
    // A sound system may take its time, or be stuck.
    let opened = tokio::task::spawn_blocking(move || match recorder {
        Some(recorder) => console.begin_recorded(agent, recorder),
        None => console.begin(agent),
    });
    let opened = opened.await.map_err(|error| Failure::new(ErrorCode::Device, format!("the sound system: {error}")))?;
    opened.map_err(failure)
}

/// A folder for a recording that was not named.
fn free_folder() -> PathBuf {
    let folders = (1..).map(|n| Path::new("out/console").join(format!("recording-{n}")));
    let mut free = folders.skip_while(|folder| folder.exists());
    free.next().expect("there is always another number")
}

fn options(args: &ConsoleArgs) -> ConsoleOptions {
    let is_files = args.input_file.is_some() || args.output_file.is_some();
    let ends = match is_files {
        true => Ends::Files { input: args.input_file.clone(), output: args.output_file.clone(), echo_db: args.echo_db },
        false => Ends::Devices(Choice { input: args.input.clone(), output: args.output.clone() }),
    };
    // A file is heard as it is, unless there is something to take off it.
    let processing = match args.raw || is_files && args.echo_db.is_none() {
        true => Processing::NONE,
        false => Processing { echo: !args.headphones, ..Processing::default() },
    };
    ConsoleOptions { ends, processing, lead: Duration::from_millis(args.lead_ms) }
}

fn failure(error: ConsoleError) -> Failure {
    let code = match &error {
        ConsoleError::File(_) => ErrorCode::File,
        ConsoleError::SoundFile(_) => ErrorCode::SoundFile,
        ConsoleError::Recording(_) => ErrorCode::Recording,
        ConsoleError::Rate(_) | ConsoleError::Codec(_) => ErrorCode::AgentOptions,
        _ => ErrorCode::Device,
    };
    Failure::new(code, error.to_string())
}

/// Waits until all of an input file was said and the agent has been quiet for a while; for ever where there is no input file.
async fn until_all_is_said(console: &Console, monitor: &SessionMonitor) {
    let mut quiet_since: Option<(Instant, u64)> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        if !console.desk().figures().is_said {
            continue;
        }
        let said = monitor.counters().outbound.loud_packets;
        match quiet_since {
            Some((since, before)) if before == said && since.elapsed() > QUIET => return,
            Some((_, before)) if before == said => {}
            _ => quiet_since = Some((Instant::now(), said)),
        }
    }
}

/// How the session and the devices were, in lines.
fn summary_lines(console: &Console, summary: &SessionSummary) -> [String; 3] {
    let figures = console.desk().figures();
    let of_devices = format!(
        "speaker ran dry {} times ({} samples) and lost {} samples, microphone lost {} samples and {} blocks, devices opened again {} times",
        figures.underruns,
        figures.missing_samples,
        figures.unplayed_samples,
        figures.overrun_samples,
        console.desk().lost_blocks(),
        figures.reopened
    );
    [summary.how(), summary.counters_line(), of_devices]
}

/// `roomtone devices`.
pub(super) fn list_devices(args: &DevicesArgs) -> Result<(), Failure> {
    let devices = devices().map_err(failure)?;
    if args.json {
        devices.iter().for_each(say_json);
        return Ok(());
    }
    if devices.is_empty() {
        explain(&"this machine has no sound devices, or no sound system answers; `console --input-file` goes without");
    }
    let width = devices.iter().map(|device| device.id.chars().count()).max().unwrap_or(0);
    for device in &devices {
        let direction = device.direction.noun();
        let default = if device.is_default { ", default" } else { "" };
        let form = match (device.rate_hz, device.channels, &device.format) {
            (Some(rate), Some(channels), Some(format)) => format!("{rate} Hz, {channels} ch, {format}"),
            _ => "cannot be asked now".to_owned(),
        };
        let rates = match device.rates_hz {
            Some((low, high)) if low != high => format!(", takes {low} to {high} Hz"),
            _ => String::new(),
        };
        say(&format_args!("{direction:<10} {:<width$}  {} ({form}{rates}{default})", device.id, device.name));
    }
    Ok(())
}

/// How often it is looked whether all is said.
const LOOK: Duration = Duration::from_millis(100);
/// How long an agent may think: after this it has no more to say.
const QUIET: Duration = Duration::from_secs(4);
