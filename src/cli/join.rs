//! `roomtone join`: one agent in one room of a Fishjam.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::task::JoinHandle;

use super::{
    ErrorCode, Failure, agents,
    args::{FishjamArgs, JoinArgs},
    explain, say,
    signals::Endings,
};
use crate::{
    agent::{Agent, Registry},
    fishjam::{Address, Fishjam},
    net::{SecretError, SecretSource},
    platform::{JoinError, JoinOptions, PlatformErrorKind},
    session::{SessionEvent, SessionHandle},
    signal::PublishedTrack,
};

pub(super) async fn run(registry: &Registry, args: JoinArgs) -> Result<(), Failure> {
    // From here on nothing ends the program before its peer is gone.
    let mut endings = Endings::listen();
    let builtin = agents::find(registry, args.agent.as_deref())?;
    let agent = agents::make(builtin, &args.options).await?;
    let voice = args.voice.as_deref().map(voice_track).transpose()?;
    let mut events = match &args.events {
        Some(path) => {
            let name = path.display().to_string();
            let file = File::create(path)
                .map_err(|error| Failure::new(ErrorCode::File, format!("--events {name}: {error}")))?;
            Some((BufWriter::new(file), name))
        }
        None => None,
    };
    let fishjam = fishjam(&args.fishjam)?;
    let options = JoinOptions {
        hear: args.hear.map(Into::into),
        voice,
        lead: Duration::from_millis(args.lead_ms),
        ..JoinOptions::new(args.room.as_str().into())
    };
    let Some(mut handle) = join_unless_told(&fishjam, agent, options, &mut endings).await? else { return Ok(()) };
    let told = leave_when_told(&handle, endings);
    explain(&format_args!("{} is peer {} of room {}; Ctrl-C makes it leave", builtin.name(), handle.peer, handle.room));
    let written = follow(&mut handle, &mut events).await;
    let summary = handle.ended().await;
    told.abort();
    say(&summary.how());
    say(&summary.counters_line());
    Failure::unless_regular(&summary).and(written)
}

/// Goes in, or gives up when the program is told to end meanwhile: a peer that has been made by then is removed.
async fn join_unless_told(
    fishjam: &Fishjam,
    agent: Box<dyn Agent>,
    options: JoinOptions,
    endings: &mut Endings,
) -> Result<Option<SessionHandle>, Failure> {
    let joining = fishjam.join(agent, options);
    tokio::pin!(joining);
    tokio::select! {
        joined = &mut joining => joined.map(Some).map_err(|error| join_failure(&error)),
        _ = endings.next() => {
            if let Ok(Ok(handle)) = tokio::time::timeout(LEAVE, &mut joining).await {
                handle.leave();
                handle.ended().await;
            }
            explain(&"told to end before it was in the room");
            Ok(None)
        }
    }
}

/// How long a join that nobody wants any more may still take.
const LEAVE: Duration = Duration::from_secs(2);

fn leave_when_told(handle: &SessionHandle, mut endings: Endings) -> JoinHandle<()> {
    let leave = handle.leave_token();
    tokio::spawn(async move {
        endings.next().await;
        explain(&"leaving the room");
        leave.cancel();
    })
}

/// Writes down what happens until it is over; makes the agent leave when there can be no more writing.
async fn follow(handle: &mut SessionHandle, events: &mut Option<(BufWriter<File>, String)>) -> Result<(), Failure> {
    let mut result = Ok(());
    while let Some(event) = handle.events.recv().await {
        let Some((file, path)) = events else { continue };
        if let Err(error) = write_line(file, &event) {
            result = Err(Failure::new(ErrorCode::File, format!("--events {path}: {error}")));
            *events = None;
            handle.leave();
        }
    }
    result
}

fn write_line(file: &mut impl Write, event: &SessionEvent) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, event)?;
    file.write_all(b"\n")?;
    file.flush()
}

/// The Fishjam that was named.
pub(super) fn fishjam(args: &FishjamArgs) -> Result<Fishjam, Failure> {
    let id = args.fishjam.as_deref().ok_or_else(|| {
        let advice = "set FISHJAM_ID, or give --fishjam with its id or URL (http://127.0.0.1:5002 is a sandbox's)";
        Failure::new(ErrorCode::Missing, format!("no Fishjam is named; {advice}"))
    })?;
    let address: Address = id.parse().map_err(|error| Failure::new(ErrorCode::Flag, format!("--fishjam: {error}")))?;
    let token = token("management token", "FISHJAM_MANAGEMENT_TOKEN", args.token_file.as_deref())?;
    Ok(Fishjam::new(address, token.into()))
}

/// A token out of the file that was given, or of the environment: an argument could be read by everybody on this machine.
pub(super) fn token(what: &'static str, env: &str, file: Option<&Path>) -> Result<String, Failure> {
    let source = SecretSource { what, env: env.to_owned(), file: file.map(Path::to_owned) };
    let token = source.read_token().map_err(|error| {
        Failure::new(
            ErrorCode::Secret,
            match error {
                SecretError::Missing(why) => {
                    format!("{why}; set {env}, or give --token-file with a file that holds it")
                }
                SecretError::Bad(why) => why,
            },
        )
    })?;
    Ok(token.expose_secret().to_owned())
}

/// What `--voice` says.
pub(super) fn voice_track(text: &str) -> Result<PublishedTrack, Failure> {
    text.parse().map_err(|error| Failure::new(ErrorCode::Flag, format!("--voice {error}")))
}

fn join_failure(error: &JoinError) -> Failure {
    let text = error.to_string();
    match error {
        JoinError::Platform(error) if error.kind == PlatformErrorKind::BadRequest => {
            Failure::new(ErrorCode::Flag, text)
        }
        JoinError::NoSuchRoom(_) | JoinError::RoomFull(_) => Failure::new(ErrorCode::Refused, text),
        JoinError::Voice(_) | JoinError::Codec(_) | JoinError::Rate(_) => Failure::new(ErrorCode::Flag, text),
        JoinError::Platform(error) => Failure::new(ErrorCode::of_platform(error.kind), text),
    }
}
