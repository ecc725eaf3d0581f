//! The sandbox of a bench, a process of its own, with a room for each session and in each a person who speaks.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    file_failure, machine,
    part::{Left, Said},
    report::{Run, Taken},
    worker::Worker,
    wrong,
};
use crate::{
    audio::{Hz, wav},
    cli::{
        ErrorCode, Failure,
        args::{BenchArgs, LoadArgs, Role},
    },
    fishjam::rest::{Client, model::RoomConfig},
    net::{Credential, Trust, build_trusting},
    sandbox::SandboxOptions,
    speech,
};

/// See the module's head.
pub(super) struct Stage {
    sandbox: Worker,
    url: String,
    http: reqwest::Client,
    /// How long the sandbox's process took from its start to its first word.
    pub(super) ready_ms: f64,
    /// What speakers say, and who the sandbox is; gone with it.
    folder: Folder,
    /// Cores for those who are measured.
    cores: Vec<usize>,
}

impl Stage {
    /// Starts the sandbox on `others` and lets a person speak in each room.
    pub(super) async fn open(args: &BenchArgs, cores: Vec<usize>, others: &[usize]) -> Result<Stage, Failure> {
        let begun = Instant::now();
        let folder = Folder::new()?;
        let mut command = part_command(Role::Sandbox, others)?;
        if args.tls {
            command.arg("--tls").args(folder.identity()?);
        }
        let mut sandbox = Worker::start("the sandbox", command)?;
        let url = sandbox.line(STARTS).await?;
        let ready_ms = begun.elapsed().as_secs_f64() * 1e3;
        let trust = folder.trust(args)?;
        let http = build_trusting(&trust, reqwest::Client::builder());
        let stage = Stage { sandbox, url, http, ready_ms, folder, cores };
        stage.fill(args, trust).await?;
        Ok(stage)
    }

    async fn fill(&self, args: &BenchArgs, trust: Trust) -> Result<(), Failure> {
        let burst = &self.folder.0.join("burst.wav");
        let sound = if args.load.scribes { sentence_and_quiet() } else { burst_and_quiet() };
        wav::write(burst, Hz::K16, 1, &sound).map_err(|error| Failure::new(ErrorCode::File, error.to_string()))?;
        let lasts_ms = Hz::K16.duration_of(sound.len() as u64).as_millis() as u64;
        let address = self.url.parse().map_err(|error| wrong(&error))?;
        let credential = Credential::fixed(SandboxOptions::default().token.into());
        let fishjam = Client::with(address, credential, trust);
        let rooms = stream::iter(0..args.sessions).map(async |n| {
            let room = fishjam.create_room(&RoomConfig::default()).await.map_err(|error| wrong(&error))?.id;
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

    /// Lets one program hold the agents, and measures it. Its agents `joins` times come and go afterwards.
    pub(super) async fn measure(&self, args: &BenchArgs, role: Role, joins: u32) -> Result<Run, Failure> {
        let program = args.program.as_deref().filter(|_| role == Role::Agents);
        let mut command = match program {
            Some(program) => other_command(program, &self.url, args.seconds, &self.cores),
            None => agents_command(role, &self.cores, &self.url, args, joins)?,
        };
        if args.tls {
            // Programs of every make take whom to trust from here.
            command.env("SSL_CERT_FILE", self.folder.certificate());
        }
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
        let others = Others::begin(&self.sandbox, &worker);
        worker.order().await?;
        let measured = match worker.event(Duration::from_secs(args.seconds) + STARTS).await? {
            Said::Measured(measured) => measured,
            said => return Err(unexpected(said)),
        };
        let taken = others.end();
        let echoes = self.call(reqwest::Method::GET, "/sandbox/echoes").await?;
        let undelivered = self.undelivered().await?.saturating_sub(undelivered);
        worker.dismiss();
        let left = match (role, program) {
            (Role::Agents, None) => match worker.event(LEAVES + JOIN_AND_LEAVE * joins).await? {
                Said::Left(left) => left,
                said => return Err(unexpected(said)),
            },
            _ => Left::default(),
        };
        worker.ended().await;
        Ok(Run { ready, measured, left, echoes, undelivered, taken })
    }

    /// Waits until the sandbox has ended.
    pub(super) async fn close(self) {
        self.sandbox.ended().await;
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

/// What was kept from the bench meanwhile by what is none of it.
struct Others {
    begun: Instant,
    ours: [u32; 3],
    worked: Duration,
    stolen: Duration,
}

impl Others {
    fn begin(sandbox: &Worker, part: &Worker) -> Others {
        let ours = [std::process::id(), sandbox.id(), part.id()];
        let (worked, stolen) = (machine::cpu_time_of_others(&ours), machine::stolen_time());
        Others { begun: Instant::now(), ours, worked, stolen }
    }

    /// How many cores other programs took, and other machines.
    fn end(self) -> Taken {
        let share = |now: Duration, then| now.saturating_sub(then).as_secs_f64() / self.begun.elapsed().as_secs_f64();
        Taken {
            by_programs: share(machine::cpu_time_of_others(&self.ours), self.worked),
            by_machines: share(machine::stolen_time(), self.stolen),
        }
    }
}

/// A folder of this bench's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, Failure> {
        let folder = std::env::temp_dir().join(format!("roomtone-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| file_failure(&folder, &error))?;
        Ok(Folder(folder))
    }

    fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    /// Makes a certificate for this machine, and its key.
    fn identity(&self) -> Result<[PathBuf; 2], Failure> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(|error| wrong(&error))?;
        let files = [self.certificate(), self.0.join("key.pem")];
        for (path, text) in files.iter().zip([made.cert.pem(), made.signing_key.serialize_pem()]) {
            std::fs::write(path, text).map_err(|error| file_failure(path, &error))?;
        }
        Ok(files)
    }

    /// Whom the bench itself trusts.
    fn trust(&self, args: &BenchArgs) -> Result<Trust, Failure> {
        match args.tls {
            true => Trust::with_ca_file(&self.certificate())
                .map_err(|error| Failure::new(ErrorCode::File, error.to_string())),
            false => Ok(Trust::of_machine()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn part_command(role: Role, cores: &[usize]) -> Result<Command, Failure> {
    let program =
        std::env::current_exe().map_err(|error| Failure::new(ErrorCode::Machine, format!("this program: {error}")))?;
    let mut command = Command::new(program);
    command.arg("bench-part").arg(format!("{role:?}").to_lowercase());
    if !cores.is_empty() {
        command.args(["--cores", &list(cores)]);
    }
    Ok(command)
}

fn agents_command(role: Role, cores: &[usize], url: &str, args: &BenchArgs, joins: u32) -> Result<Command, Failure> {
    let BenchArgs { seconds, load: LoadArgs { voice, speech, scribes, set, .. }, .. } = args;
    let mut command = part_command(role, cores)?;
    command.args(["--fishjam", url, "--voice", voice, "--seconds", &seconds.to_string()]);
    command.args(["--joins", &joins.to_string()]);
    command.args(speech.then_some("--speech")).args(scribes.then_some("--scribes"));
    command.args(set.iter().flat_map(|pair| ["--set", pair]));
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
