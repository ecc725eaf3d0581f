//! `roomtone join`: one agent in one room of a Fishjam.

use std::{
    fs::File,
    io::{BufWriter, Write},
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    Failure, agents,
    args::{FishjamArgs, JoinArgs},
    say, token,
};
use crate::{
    agent::Registry,
    dialect::fishjam::VoiceTrack,
    fishjam::{Address, Fishjam, Happening, JoinError, JoinOptions, Stay, rest::RestErrorKind},
};

pub(super) async fn run(registry: Registry, args: JoinArgs) -> Result<(), Failure> {
    let agent = agents::make(registry, &args.agent, &args.options)?;
    let voice = args.voice.as_deref().map(voice_track).transpose()?;
    let mut events = args.events.as_ref().map(|path| {
        let file = File::create(path).map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
        Ok(BufWriter::new(file))
    });
    let mut events = events.take().transpose()?;
    let fishjam = fishjam(&args.fishjam)?;
    let options = JoinOptions {
        hear: args.hear.map(Into::into),
        voice,
        lead: Duration::from_millis(args.lead_ms),
        ..JoinOptions::new(args.room.as_str().into())
    };
    let mut stay = fishjam.join(agent, options).await.map_err(|error| join_failure(&error))?;
    eprintln!("{} is peer {} of room {}; Ctrl-C makes it leave", args.agent, stay.peer, stay.room);
    let written = follow(&mut stay, &mut events).await;
    let departure = stay.ended().await;
    say(&departure.how());
    say(&departure.summary());
    match departure.is_regular() {
        true => written,
        false => Err(Failure::Session(departure.how())),
    }
}

/// Writes down what happens until it is over; tells the agent to leave when the program is told to end, or when there
/// is no more writing.
async fn follow(stay: &mut Stay, events: &mut Option<BufWriter<File>>) -> Result<(), Failure> {
    let leave = stay.leave_token();
    let told = tokio::spawn(async move {
        interrupted().await;
        leave.cancel();
    });
    let mut result = Ok(());
    while let Some(happening) = stay.happenings.recv().await {
        let Some(file) = events else { continue };
        if let Err(error) = write_line(file, &happening) {
            result = Err(Failure::Input(format!("--events: {error}")));
            *events = None;
            stay.leave();
        }
    }
    told.abort();
    result
}

fn write_line(file: &mut impl Write, happening: &Happening) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, happening)?;
    file.write_all(b"\n")?;
    file.flush()
}

/// Waits until the program is told to end: Ctrl-C or SIGTERM.
pub(super) async fn interrupted() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened to");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn fishjam(args: &FishjamArgs) -> Result<Fishjam, Failure> {
    let id = args.fishjam.as_deref().ok_or_else(|| {
        Failure::Input("no Fishjam is named; set FISHJAM_ID, or give --fishjam with its id or URL".into())
    })?;
    let address: Address = id.parse().map_err(|error| Failure::Input(format!("--fishjam: {error}")))?;
    let token = token("management token", "FISHJAM_MANAGEMENT_TOKEN", args.token_file.as_deref())?;
    Ok(Fishjam::new(address, token.into()))
}

/// What `--voice` says.
pub(super) fn voice_track(text: &str) -> Result<VoiceTrack, Failure> {
    text.parse().map_err(|error| Failure::Input(format!("--voice {error}")))
}

fn join_failure(error: &JoinError) -> Failure {
    let text = error.to_string();
    match error {
        JoinError::Rest(error) if error.kind == RestErrorKind::BadRequest => Failure::Input(text),
        JoinError::Voice(_) | JoinError::Codec(_) | JoinError::Rate(_) => Failure::Input(text),
        _ => Failure::Fishjam(text),
    }
}
