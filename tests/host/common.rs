//! A sandbox with a host beside it, and agents that behave in every way.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Builtin, Input, Maker, Registry, Room},
    audio::{Hz, Sound},
    event::{PeerId, RoomId},
    fishjam::{
        Fishjam,
        rest::model::{PeerType, RoomConfig, Status},
    },
    host::{Config, Host, SessionStatus, State},
    sandbox::{Fault, Person, Sandbox, SandboxOptions, Speaker, Speaks},
};
use tokio::time::{Instant, sleep};

/// How long a test waits for something that takes milliseconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of this test's own, gone with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("roomtone-host-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A Fishjam with room for hosts.
pub(crate) struct Town {
    pub(crate) sandbox: Sandbox,
    pub(crate) fishjam: Fishjam,
    pub(crate) folder: Folder,
    pub(crate) gate: Gate,
}

/// Holds the agents that block until the test lets them go on, or ends.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.gate.open();
    }
}

impl Town {
    pub(crate) async fn new() -> Town {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
        let folder = Folder::new();
        folder.file("token", sandbox.token());
        folder.file("secret", "admin-secret");
        Town { sandbox, fishjam, folder, gate: Gate::default() }
    }

    /// The text of a configuration: `host` are lines of `[host]`, `rest` all that comes after.
    pub(crate) fn text(&self, host: &str, rest: &str) -> String {
        let folder = self.folder.0.display();
        format!(
            "[fishjam]\nid = \"{}\"\ntoken_file = \"{folder}/token\"\n[host]\nstate = \"{folder}/state\"\n{host}\n{rest}",
            self.sandbox.address()
        )
    }

    pub(crate) async fn host(&self, host: &str, rest: &str) -> Host {
        let config = Config::parse(&self.text(host, rest), &agents_behind(&self.gate)).await;
        Host::start(config.unwrap_or_else(|faults| panic!("{faults:?}"))).await.unwrap()
    }

    pub(crate) async fn room(&self) -> RoomId {
        self.fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id
    }

    /// Makes so many rooms, as many at a time as the server takes.
    pub(crate) async fn rooms(&self, count: usize) -> Vec<RoomId> {
        stream::iter(0..count).map(|_| self.room()).buffer_unordered(8).collect().await
    }

    pub(crate) async fn person(&self, room: &RoomId) -> Speaker {
        self.sandbox.add_person(room, Person::default()).await.unwrap()
    }

    /// A person who says the same again and again.
    pub(crate) async fn talker(&self, room: &RoomId) -> Speaker {
        let mut rng = fastrand::Rng::with_seed(1);
        let sound = Sound { rate: Hz::K16, samples: (0..16_000).map(|_| rng.i16(1_000..8_000)).collect() };
        let person = Person { sound: Some(Speaks::Sound(sound)), looped: true, ..Person::default() };
        self.sandbox.add_person(room, person).await.unwrap()
    }

    /// The agents of each room: whether they are connected.
    pub(crate) async fn agents(&self) -> BTreeMap<RoomId, Vec<(PeerId, bool)>> {
        let rooms = self.fishjam.rest().rooms().await.unwrap();
        let agents = |room: &roomtone::fishjam::rest::model::Room| {
            let agents = room.peers.iter().filter(|peer| peer.kind == PeerType::Agent);
            agents.map(|peer| (peer.id.clone(), peer.status == Status::Connected)).collect()
        };
        rooms.iter().map(|room| (room.id.clone(), agents(room))).collect()
    }

    /// Waits until every room has exactly one agent, connected, and no other agent's peer.
    pub(crate) async fn until_each_has_one(&self) {
        self.until("each room has one agent", |agents| agents.values().all(|agents| is_one(agents))).await;
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&BTreeMap<RoomId, Vec<(PeerId, bool)>>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let agents = self.agents().await;
            if holds(&agents) {
                return;
            }
            assert!(Instant::now() < deadline, "in time: {what}; there are {agents:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.sandbox.inject(fault).unwrap();
    }
}

pub(crate) fn is_one(agents: &[(PeerId, bool)]) -> bool {
    matches!(agents, [(_, true)])
}

/// Waits until the host says so of its sessions.
pub(crate) async fn until(host: &Host, what: &str, holds: impl Fn(&[SessionStatus]) -> bool) -> Vec<SessionStatus> {
    let (control, deadline) = (host.control(), Instant::now() + PATIENCE);
    loop {
        let sessions = control.sessions().await.unwrap();
        if holds(&sessions) {
            return sessions;
        }
        assert!(Instant::now() < deadline, "in time: {what}; there are {sessions:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn until_ready(host: &Host) {
    let deadline = Instant::now() + PATIENCE;
    while !host.control().status().await.unwrap().ready {
        assert!(Instant::now() < deadline, "ready in time");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until something holds that is looked at without waiting.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "in time: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn in_state(sessions: &[SessionStatus], state: State) -> usize {
    sessions.iter().filter(|session| session.state == state).count()
}

/// A running `roomtone start`.
pub(crate) struct Program {
    child: Option<Child>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    pub(crate) fn start(town: &Town, text: &str) -> Program {
        Program::start_with(town, text, &[])
    }

    pub(crate) fn start_with(town: &Town, text: &str, more: &[&str]) -> Program {
        let config = town.folder.file("host.toml", text);
        let mut child = Command::new(env!("CARGO_BIN_EXE_roomtone"))
            .args(["start", "--config"])
            .arg(config)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stderr, log) = (child.stderr.take().unwrap(), Arc::<Mutex<String>>::default());
        let shared = log.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                shared.lock().unwrap().push_str(&(line.unwrap() + "\n"));
            }
        });
        Program { child: Some(child), log, reader: Some(reader) }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    pub(crate) async fn until_logged(&self, times: usize, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.log.lock().unwrap().matches(text).count() < times {
            assert!(Instant::now() < deadline, "in time: {text:?} in {}", self.log.lock().unwrap());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Where it serves `what`, as its log says.
    pub(crate) async fn served(&self, what: &str) -> String {
        let words = format!("{what} on ");
        self.until_logged(1, &words).await;
        let log = self.log.lock().unwrap();
        let url = log.split(&words).nth(1).unwrap();
        url.split(['"', '\n', ' ']).next().unwrap().to_owned()
    }

    /// Waits until it has ended, and gives its exit code and what it printed.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, String) {
        let (code, printed, _) = self.ended_with_log().await;
        (code, printed)
    }

    /// The same, and what it logged.
    pub(crate) async fn ended_with_log(&mut self) -> (Option<i32>, String, String) {
        let (child, reader) = (self.child.take().unwrap(), self.reader.take().unwrap());
        let waiting = tokio::task::spawn_blocking(move || {
            let output = child.wait_with_output().unwrap();
            reader.join().unwrap();
            output
        });
        let output = waiting.await.unwrap();
        let log = self.log.lock().unwrap().clone();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Agents for tests, by how they behave.
pub(crate) fn agents() -> Registry {
    agents_behind(&Gate::default())
}

fn agents_behind(gate: &Gate) -> Registry {
    let agent = |name: &'static str, about: &'static str, behaviour: Behaviour| {
        let gate = gate.clone();
        Builtin::new(name, about, move |_| {
            let gate = gate.clone();
            async move { Ok(Maker::new(move || Behaving(behaviour, gate.clone()))) }
        })
    };
    Registry::new([
        agent("echo", "says back what it hears", Behaviour::Echo),
        agent("sleeper", "blocks its thread until the test lets it go on", Behaviour::Sleeps),
        agent("spinner", "computes until the test lets it go on", Behaviour::Spins),
        agent("panicker", "panics when it hears something", Behaviour::Panics),
        agent("picky", "panics when it is asked what it wants", Behaviour::Picky),
        agent("failure", "fails at once", Behaviour::Fails),
        agent("finisher", "is done at once", Behaviour::Finishes),
        agent("scribe", "writes a note about each event", Behaviour::Writes),
        agent("spoiler", "fails when its time is over", Behaviour::FailsAtTheEnd),
    ])
}

#[derive(Clone, Copy)]
enum Behaviour {
    Echo,
    Sleeps,
    Spins,
    Panics,
    Picky,
    Fails,
    Finishes,
    Writes,
    FailsAtTheEnd,
}

struct Behaving(Behaviour, Gate);

#[async_trait]
impl Agent for Behaving {
    fn requirements(&self) -> AudioRequirements {
        assert!(!matches!(self.0, Behaviour::Picky), "it wants nothing of this");
        AudioRequirements::default()
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        match self.0 {
            Behaviour::Fails => return Err("it cannot do this".into()),
            Behaviour::Finishes => return Ok(()),
            _ => {}
        }
        while let Some(input) = room.next().await {
            match (self.0, input) {
                (Behaviour::Echo, Input::Audio(frame)) => drop(room.voice.play(frame.samples())),
                (Behaviour::Sleeps, Input::Audio(_)) => {
                    while !self.1.is_open() {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                }
                (Behaviour::Spins, Input::Audio(_)) => {
                    while !self.1.is_open() {
                        std::hint::spin_loop();
                    }
                }
                (Behaviour::Panics, Input::Audio(_)) => panic!("it was too loud"),
                (Behaviour::Writes, Input::Draining { .. }) => drop(room.notes.write("draining")),
                (Behaviour::Writes, Input::Event(event)) => {
                    room.notes.write(event.kind.name());
                }
                _ => {}
            }
        }
        match self.0 {
            Behaviour::FailsAtTheEnd => Err("the last page could not be written".into()),
            _ => Ok(()),
        }
    }
}
