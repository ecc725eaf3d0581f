//! `roomtone bench`: a load generator and a report.
//!
//! The sandbox is a process of its own: a room for each session, in each a person whose tone burst of 100 ms comes
//! once a second. Another process holds the agents. Then a third takes their place with [the floor](floor), under the
//! same load, so that what the machine does that day is the same for both.

mod agents;
mod floor;
mod part;
mod report;
mod worker;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::process::Command;

use self::{
    part::{Left, Said},
    report::{Report, Run},
    worker::Worker,
};
use super::{
    ErrorCode, Failure,
    args::{BenchArgs, LoadArgs, PartArgs, Role},
    say,
};
use crate::{
    agent::Registry,
    audio::{Hz, wav},
    fishjam::{Fishjam, rest::model::RoomConfig},
    host::machine,
    net::build_http,
    sandbox::{Sandbox, SandboxOptions},
    speech,
};
pub(super) use machine::stay_on;

/// Runs one process of a bench.
pub(super) async fn run_part(registry: &Registry, args: PartArgs) -> Result<(), Failure> {
    machine::raise_file_limit();
    if args.role == Role::Sandbox {
        return serve().await;
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
async fn serve() -> Result<(), Failure> {
    let options = SandboxOptions { files: std::env::temp_dir(), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.map_err(|error| Failure::new(ErrorCode::Port, error.to_string()))?;
    say(&format_args!("http://{}", sandbox.socket_address()));
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
    let theirs: Vec<usize> = (0..pinned).collect();
    let others: Vec<usize> = if pinned < cores && pinned > 0 { (pinned..cores).collect() } else { Vec::new() };
    let stage = Stage::open(&args, &others).await?;
    let agents = stage.measure(&args, Role::Agents, &theirs).await?;
    let floor = match args.no_floor || args.program.is_some() || args.load.speech || args.load.scribes {
        true => None,
        false => Some(stage.measure(&args, Role::Floor, &theirs).await?),
    };
    let report = Report::new(&args, pinned, stage.ready_ms, &agents, floor.as_ref());
    stage.sandbox.ended().await;
    report.lines().iter().for_each(|line| say(line));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report).expect("plain JSON");
        std::fs::write(path, text + "\n")
            .map_err(|error| Failure::new(ErrorCode::File, format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// The sandbox with its rooms.
struct Stage {
    sandbox: Worker,
    url: String,
    http: reqwest::Client,
    /// How long the sandbox's process took from its start to its first word.
    ready_ms: f64,
}

impl Stage {
    /// Starts the sandbox and lets a person speak in each room.
    async fn open(args: &BenchArgs, cores: &[usize]) -> Result<Stage, Failure> {
        let begun = Instant::now();
        let mut sandbox = Worker::start("the sandbox", part_command(Role::Sandbox, cores, None)?)?;
        let url = sandbox.line(STARTS).await?;
        let ready_ms = begun.elapsed().as_secs_f64() * 1e3;
        let stage = Stage { sandbox, url, http: build_http(reqwest::Client::builder()), ready_ms };
        let folder = std::env::temp_dir().join(format!("roomtone-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::new(ErrorCode::File, format!("{}: {error}", folder.display())))?;
        let filled = stage.fill(args, &folder.join("burst.wav")).await;
        std::fs::remove_dir_all(&folder).ok();
        filled.map(|()| stage)
    }

    async fn fill(&self, args: &BenchArgs, burst: &Path) -> Result<(), Failure> {
        let sound = if args.load.scribes { sentence_and_quiet() } else { burst_and_quiet() };
        wav::write(burst, Hz::K16, 1, &sound).map_err(|error| Failure::new(ErrorCode::File, error.to_string()))?;
        let lasts_ms = Hz::K16.duration_of(sound.len() as u64).as_millis() as u64;
        let address = self.url.parse().map_err(|error| wrong(&error))?;
        let fishjam = Fishjam::new(address, SandboxOptions::default().token.into());
        let rooms = stream::iter(0..args.sessions).map(async |n| {
            let room = fishjam.rest().create_room(&RoomConfig::default()).await.map_err(|error| wrong(&error))?.id;
            if !args.load.speech {
                // Blocks of different rooms come at different times, as they would of people.
                let pause_ms = if args.load.scribes { 0 } else { lasts_ms * (100 - args.talk) / args.talk };
                // Far from each other, however few they are.
                let delay_ms = u64::from(n) * if args.load.scribes { 1_373 } else { 37 } % (lasts_ms + pause_ms);
                let person = json!({ "sound": burst, "loop": true, "pause_ms": pause_ms, "delay_ms": delay_ms });
                let people = format!("{}/sandbox/rooms/{room}/people", self.url);
                let answer =
                    self.http.post(people).bearer_auth(SandboxOptions::default().token).json(&person).send().await;
                answer.and_then(reqwest::Response::error_for_status).map_err(|error| wrong(&error))?;
            }
            Ok(())
        });
        rooms.buffered(AT_ONCE).collect::<Vec<Result<(), Failure>>>().await.into_iter().collect()
    }

    /// Lets one program hold the agents, and measures it.
    async fn measure(&self, args: &BenchArgs, role: Role, cores: &[usize]) -> Result<Run, Failure> {
        let program = args.program.as_deref().filter(|_| role == Role::Agents);
        let command = match program {
            Some(program) => other_command(program, &self.url, args.seconds, cores),
            None => part_command(role, cores, Some((&self.url, args)))?,
        };
        let name = program.map_or(format!("{role:?}").to_lowercase(), str::to_owned);
        let mut worker = Worker::start(&name, command)?;
        let unexpected = |said: Said| Failure::new(ErrorCode::Bench, format!("{name} said {said:?} out of turn"));
        let ready = match worker.event(GETS_READY).await? {
            Said::Ready(ready) => ready,
            said => return Err(unexpected(said)),
        };
        tokio::time::sleep(SETTLE).await;
        self.call(reqwest::Method::DELETE, "/sandbox/echoes").await?;
        let undelivered = self.undelivered().await?;
        worker.order().await?;
        let measured = match worker.event(Duration::from_secs(args.seconds) + STARTS).await? {
            Said::Measured(measured) => measured,
            said => return Err(unexpected(said)),
        };
        let echoes = self.call(reqwest::Method::GET, "/sandbox/echoes").await?;
        let undelivered = self.undelivered().await?.saturating_sub(undelivered);
        worker.dismiss();
        let left = match (role, program) {
            (Role::Agents, None) => match worker.event(LEAVES + JOIN_AND_LEAVE * args.load.joins).await? {
                Said::Left(left) => left,
                said => return Err(unexpected(said)),
            },
            _ => Left::default(),
        };
        worker.ended().await;
        Ok(Run { ready, measured, left, echoes, undelivered })
    }

    async fn undelivered(&self) -> Result<u64, Failure> {
        let state = self.call(reqwest::Method::GET, "/sandbox/state").await?;
        Ok(state["lost"]["undelivered_chunks"].as_u64().unwrap_or(0))
    }

    async fn call(&self, method: reqwest::Method, path: &str) -> Result<Value, Failure> {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let answer = request.bearer_auth(SandboxOptions::default().token).send().await;
        let bytes = answer.map_err(|error| wrong(&error))?.bytes().await.map_err(|error| wrong(&error))?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn part_command(role: Role, cores: &[usize], of: Option<(&str, &BenchArgs)>) -> Result<Command, Failure> {
    let program =
        std::env::current_exe().map_err(|error| Failure::new(ErrorCode::Machine, format!("this program: {error}")))?;
    let mut command = Command::new(program);
    command.arg("bench-part").arg(format!("{role:?}").to_lowercase());
    if !cores.is_empty() {
        command.args(["--cores", &list(cores)]);
    }
    if let Some((url, BenchArgs { seconds, load: LoadArgs { voice, speech, scribes, set, joins }, .. })) = of {
        command.args(["--fishjam", url, "--voice", voice, "--seconds", &seconds.to_string()]);
        command.args(["--joins", &joins.to_string()]);
        command.args(speech.then_some("--speech")).args(scribes.then_some("--scribes"));
        command.args(set.iter().flat_map(|pair| ["--set", pair]));
    }
    Ok(command)
}

/// A program of another make, told where to go as its last arguments.
fn other_command(program: &str, url: &str, seconds: u64, cores: &[usize]) -> Command {
    let mut words = program.split_whitespace();
    let mut command = match cores {
        [] => Command::new(words.next().unwrap_or_default()),
        cores => {
            let mut command = Command::new("taskset");
            command.args(["-c", &list(cores)]);
            command
        }
    };
    let token = SandboxOptions::default().token;
    command.args(words).args(["--fishjam", url, "--token", &token, "--seconds", &seconds.to_string()]);
    command
}

/// Cores as programs take them: `0,1`.
fn list(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

fn wrong(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Platform, format!("the bench: {error}"))
}

/// A second of sound: a burst of 1 kHz, and a room tone of -60 dBFS that no codec takes for silence. The burst does not
/// come first: after a pause the first chunks wait for a moment, until it is clear that it was one.
fn burst_and_quiet() -> Vec<i16> {
    let mut rng = fastrand::Rng::with_seed(1);
    let tone = |n: usize| (f64::sin(std::f64::consts::TAU * n as f64 / 16.0) * 16_000.0) as i16;
    (0..16_000).map(|n| if (3_200..4_800).contains(&n) { tone(n) } else { rng.i16(-30..=30) }).collect()
}

/// A sentence, and one and a half times as long the room tone of an open microphone.
fn sentence_and_quiet() -> Vec<i16> {
    let (sentence, mut rng) = (speech::sentence(), fastrand::Rng::with_seed(1));
    let quiet = (0..sentence.len() * 3 / 2).map(|_| rng.i16(-30..=30));
    sentence.iter().copied().chain(quiet).collect()
}

/// How long a process may take to start.
const STARTS: Duration = Duration::from_secs(10);
/// How long thousands of sessions may take to come in.
const GETS_READY: Duration = Duration::from_secs(300);
/// How long they run before they are measured.
const SETTLE: Duration = Duration::from_secs(2);
/// How long all may take to leave, and one to come and go.
const LEAVES: Duration = Duration::from_secs(120);
const JOIN_AND_LEAVE: Duration = Duration::from_millis(100);
/// Rooms that are made at once.
const AT_ONCE: usize = 8;
