//! A host for half an hour among people who come, speak and go, on a link that fails: does it stay as it was?
//!
//! `make soak`, or `cargo bench --bench soak -- --minutes 30 --seed 1`. The sandbox and its faults are in this process,
//! the host in one of its own. What happens follows from the seed. Twelve times all rooms are deleted and the host is
//! looked at while it has nothing to do: over the second half memory must be what it was over the first, to 2 %, and at
//! the end no more files be open than ever before.

use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fastrand::Rng;
use roomtone::{
    audio::{Hz, Sound},
    event::{PeerId, RoomId},
    fishjam::{
        Fishjam,
        rest::model::{PeerType, Room, RoomConfig},
    },
    sandbox::{Fault, NotificationFault, Person, Sandbox, SandboxOptions, Speaks},
};
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    let minutes: f64 = argument("--minutes").unwrap_or(30.0);
    let seed = argument("--seed").unwrap_or(1.0) as u64;
    println!("{minutes} minutes, seed {seed}");
    let mut soak = Soak::begin(seed).await;
    let (begun, whole) = (Instant::now(), Duration::from_secs_f64(minutes * 60.0));
    let mut looks = Vec::new();
    for look in 1..=LOOKS {
        let until = begun + whole.mul_f64(f64::from(look) / f64::from(LOOKS)) - QUIET;
        while Instant::now() < until {
            soak.live().await;
        }
        let seen = soak.look().await;
        println!("{:5.1} min: {seen:?}", begun.elapsed().as_secs_f64() / 60.0);
        looks.push(seen);
    }
    let faults = soak.judge(&looks).await;
    faults.iter().for_each(|fault| println!("FAILED: {fault}"));
    println!("{}", if faults.is_empty() { "as it was" } else { "not as it was" });
    soak.end();
    std::process::exit(i32::from(!faults.is_empty()));
}

fn argument(name: &str) -> Option<f64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)?.parse().ok()
}

/// The host when it has nothing to do.
#[derive(Debug, Clone, Copy)]
struct Look {
    resident_kib: u64,
    /// What of that is in use, by the allocator.
    heap_kib: u64,
    files: u64,
    sessions_started: u64,
    /// The longest that a task had to wait since the last look.
    lag_ms: u64,
}

struct Soak {
    rng: Rng,
    sandbox: Sandbox,
    fishjam: Fishjam,
    http: reqwest::Client,
    metrics: String,
    host: Child,
    folder: PathBuf,
    voice: Sound,
    faults: u64,
    happened: std::collections::BTreeMap<&'static str, u64>,
}

impl Soak {
    async fn begin(seed: u64) -> Soak {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("a sandbox");
        let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
        let folder = std::env::temp_dir().join(format!("roomtone-soak-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|any| any.local_addr()).expect("a port").port();
        let path = folder.join("host.toml");
        let config = format!(
            "[fishjam]\nid = \"{}\"\n[host]\nstate = \"{}/state\"\nreconcile = \"20s\"\n[metrics]\nlisten = \
             \"127.0.0.1:{port}\"\n{DEPLOYS}",
            sandbox.address(),
            folder.display()
        );
        std::fs::write(&path, config.replace("FOLDER", &folder.display().to_string())).expect("a file");
        let host = Command::new(env!("CARGO_BIN_EXE_roomtone"))
            .args(["start", "--log", "error", "--config"])
            .arg(&path)
            .env("FISHJAM_MANAGEMENT_TOKEN", sandbox.token())
            .stdout(Stdio::null())
            .spawn()
            .expect("a host");
        let voice = Sound::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech-long.flac"));
        Soak {
            rng: Rng::with_seed(seed),
            sandbox,
            fishjam,
            http: reqwest::Client::new(),
            metrics: format!("http://127.0.0.1:{port}/metrics"),
            host,
            folder,
            voice: voice.unwrap_or(Sound { rate: Hz::K16, samples: vec![1_000; 16_000] }),
            faults: 0,
            happened: Default::default(),
        }
    }

    /// One thing happens, and a moment passes.
    async fn live(&mut self) {
        let rooms = self.fishjam.rest().rooms().await.unwrap_or_default();
        let room = self.rng.choice(&rooms).cloned();
        match (self.rng.u8(0..100), room) {
            (0..20, _) | (_, None) if rooms.len() < MOST_ROOMS => self.open_room().await,
            (0..30, Some(room)) if rooms.len() > 5 => {
                self.note("rooms deleted");
                self.fishjam.rest().delete_room(&room.id).await.ok();
            }
            (30..50, Some(room)) => self.add_person(&room.id).await,
            (50..65, Some(room)) => self.remove_person(&room),
            (65..90, Some(room)) => self.hurt_an_agent(&room),
            (90..100, Some(_)) => self.hurt_the_server(),
            _ => {}
        }
        let pause = self.rng.u64(20..300);
        sleep(Duration::from_millis(pause)).await;
    }

    async fn open_room(&mut self) {
        self.note("rooms created");
        if let Ok(room) = self.fishjam.rest().create_room(&RoomConfig::default()).await {
            self.add_person(&room.id).await;
        }
    }

    async fn add_person(&mut self, room: &RoomId) {
        self.note("people came");
        let begin = self.rng.usize(0..self.voice.samples.len() / 2);
        let samples = self.voice.samples[begin..].to_vec();
        let sound = Some(Speaks::Sound(Sound { rate: self.voice.rate, samples }));
        let person = Person { sound, looped: self.rng.bool(), ..Person::default() };
        self.sandbox.add_person(room, person).await.ok();
    }

    fn remove_person(&mut self, room: &Room) {
        let people: Vec<&PeerId> =
            room.peers.iter().filter(|peer| peer.kind == PeerType::Webrtc).map(|peer| &peer.id).collect();
        if let Some(person) = self.rng.choice(&people) {
            self.note("people left");
            self.sandbox.remove_person(&room.id, person).ok();
        }
    }

    fn hurt_an_agent(&mut self, room: &Room) {
        let agents: Vec<&PeerId> =
            room.peers.iter().filter(|peer| peer.kind == PeerType::Agent).map(|peer| &peer.id).collect();
        let Some(peer) = self.rng.choice(&agents).map(|peer| (*peer).clone()) else { return };
        let (room, for_ms) = (room.id.clone(), self.rng.u64(0..2_000));
        let fault = match self.rng.u8(0..7) {
            0 => Fault::Cut { room, peer, for_ms },
            1 => Fault::Stall { room, peer, for_ms },
            2 => Fault::Close { room, peer, code: 1011, reason: "Internal server error".into() },
            3 => Fault::CrashPeer { room, peer, reason: "made to".into() },
            4 => Fault::ExpireToken { room, peer },
            5 => Fault::Malformed { room, peer, count: 2 },
            _ => Fault::Delay { room, peer, delay_ms: self.rng.u64(0..2) * 50 },
        };
        self.hurt("agents hurt", fault);
    }

    fn hurt_the_server(&mut self) {
        let fault = match self.rng.u8(0..4) {
            0 => Fault::CutNotifiers { for_ms: self.rng.u64(0..3_000) },
            1 => Fault::Rest {
                count: 3,
                status: Some(503),
                body: String::new(),
                carried_out: false,
                only: String::new(),
            },
            2 => Fault::Notifications { count: 5, how: NotificationFault::Lose },
            _ => Fault::Notifications { count: 5, how: NotificationFault::Double },
        };
        self.hurt("server hurt", fault);
    }

    fn hurt(&mut self, what: &'static str, fault: Fault) {
        self.note(what);
        self.faults += u64::from(self.sandbox.inject(fault).is_ok());
    }

    fn note(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// Deletes all rooms, waits until the host has nothing to do, and looks at it.
    async fn look(&mut self) -> Look {
        let mut longest_lag: f64 = 0.0;
        let deadline = Instant::now() + QUIET;
        loop {
            for room in self.fishjam.rest().rooms().await.unwrap_or_default() {
                self.fishjam.rest().delete_room(&room.id).await.ok();
            }
            // Since the last scrape, which was the last look's; a value that is not there counts as none.
            longest_lag = longest_lag.max(self.value("roomtone_task_lag_max_seconds").await);
            let running: u64 = self.values("roomtone_sessions{").await.iter().map(|(_, n)| *n as u64).sum();
            if running == 0 || Instant::now() > deadline {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        // What ends late has ended, and connections and threads are no longer kept for what might come.
        sleep(Duration::from_secs(12)).await;
        Look {
            resident_kib: self.value("roomtone_process_resident_bytes").await as u64 / 1_024,
            heap_kib: self.value("roomtone_process_heap_bytes").await as u64 / 1_024,
            files: self.value("roomtone_process_open_files").await as u64,
            sessions_started: self.value("roomtone_sessions_started_total").await as u64,
            lag_ms: (longest_lag * 1e3) as u64,
        }
    }

    /// What is not as it should be.
    async fn judge(&self, looks: &[Look]) -> Vec<String> {
        let mut wrong = Vec::new();
        let (first, last) = (looks[0], looks[looks.len() - 1]);
        // One look differs from the next by where the allocator's pools happen to stand; what grows shows in the mean.
        let (before, after) = looks.split_at(looks.len() / 2);
        let mean = |looks: &[Look]| looks.iter().map(|look| look.resident_kib).sum::<u64>() as f64 / looks.len() as f64;
        let growth = mean(after) / mean(before) - 1.0;
        println!("memory {:+.2} %, files {} and {}, {} faults", growth * 100.0, first.files, last.files, self.faults);
        println!("in use by the allocator's count {} and {} KiB", first.heap_kib, last.heap_kib);
        println!("{:?}", self.happened);
        if growth > 0.02 {
            wrong.push(format!("memory grew by {:.1} %", growth * 100.0));
        }
        // Connections to REST are kept for a while, so their number differs from look to look.
        let most = looks[..looks.len() - 1].iter().map(|look| look.files).max().unwrap_or(0);
        if last.files > most {
            wrong.push(format!("{} files are open, {most} before", last.files));
        }
        let ended: f64 = self.values("roomtone_sessions_ended_total").await.iter().map(|(_, n)| n).sum();
        if ended as u64 != last.sessions_started {
            wrong.push(format!("{} sessions were begun and {ended} ended", last.sessions_started));
        }
        for name in ["given_up_total", "agent_stalls_total", "sink_lines_lost_total", "sessions_admitted"] {
            let value = self.value(&format!("roomtone_{name}")).await;
            if value != 0.0 {
                wrong.push(format!("{name} is {value}"));
            }
        }
        for (what, lost) in self.values("roomtone_lost_total").await {
            println!("lost {lost} {what}");
            // The others are what faults cost: cuts and lost notifications.
            if lost > 0.0 && (what.contains("broken") || what.contains("unfetched")) {
                wrong.push(format!("{lost} {what}"));
            }
        }
        let lag_ms = looks.iter().map(|look| look.lag_ms).max().unwrap_or(0);
        println!("the longest that a task waited: {lag_ms} ms");
        for (how, n) in self.values("roomtone_sessions_ended_total").await {
            println!("ended {n} {how}");
        }
        println!("restarts {}", self.value("roomtone_restarts_total").await);
        println!("links mended {}", self.value("roomtone_link_reconnects_total").await);
        wrong
    }

    async fn value(&self, name: &str) -> f64 {
        self.values(name).await.first().map_or(f64::NAN, |(_, value)| *value)
    }

    /// The samples whose line begins with `name`, with what follows the name.
    async fn values(&self, name: &str) -> Vec<(String, f64)> {
        let Ok(answer) = self.http.get(&self.metrics).send().await else { return Vec::new() };
        let text = answer.text().await.unwrap_or_default();
        let line = |line: &str| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            Some((labels.to_owned(), value.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }

    fn end(mut self) {
        std::io::stdout().flush().ok();
        self.host.kill().ok();
        self.host.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

const DEPLOYS: &str = "
[[deploy]]
agent = \"echo\"
restart = { limit = 1000, first_wait = \"100ms\", longest_wait = \"2s\" }
sink.file = \"FOLDER/events.jsonl\"
[[deploy]]
agent = \"greeter\"
join.when = \"first-person\"
leave = { last_person_gone = \"2s\", max_duration = \"20s\" }
restart = { limit = 1000, first_wait = \"100ms\", longest_wait = \"2s\" }
";
/// How often the host is looked at.
const LOOKS: u32 = 12;
/// How long it has to come to rest.
const QUIET: Duration = Duration::from_secs(25);
const MOST_ROOMS: usize = 25;
