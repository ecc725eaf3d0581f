//! A room in a sandbox, and an agent that tells the test all it hears.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Hear, Input, Room},
    audio::{Hz, Sound},
    event::{Event, PeerId, RoomId},
    fishjam::{Fishjam, rest::model::RoomConfig},
    platform::JoinOptions,
    sandbox::{Person, Sandbox, SandboxOptions, Speaker, Speaks},
    session::SessionHandle,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

/// How long a test waits for something that takes milliseconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox with one room.
pub(crate) struct House {
    pub(crate) sandbox: Sandbox,
    pub(crate) fishjam: Fishjam,
    pub(crate) room: RoomId,
}

impl House {
    pub(crate) async fn open() -> House {
        House::with(RoomConfig::default(), SandboxOptions::default()).await
    }

    pub(crate) async fn with(config: RoomConfig, options: SandboxOptions) -> House {
        let sandbox = Sandbox::start(options).await.unwrap();
        let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
        let room = fishjam.rest().create_room(&config).await.unwrap().id;
        House { sandbox, fishjam, room }
    }

    /// A silent person.
    pub(crate) async fn person(&self) -> Speaker {
        self.sandbox.add_person(&self.room, Person::default()).await.unwrap()
    }

    /// A person who says `samples` again and again.
    pub(crate) async fn talker(&self, samples: Vec<i16>) -> Speaker {
        let sound = Some(Speaks::Sound(Sound { rate: Hz::K16, samples }));
        self.sandbox.add_person(&self.room, Person { sound, looped: true, ..Person::default() }).await.unwrap()
    }

    /// An agent that hears somebody talk.
    pub(crate) async fn probe_in_the_room(&self) -> (SessionHandle, ProbeEnd) {
        self.talker(noise(16_000)).await;
        let (agent, mut end) = probe();
        let handle = self.join(agent).await;
        end.until_frame().await;
        (handle, end)
    }

    pub(crate) async fn join(&self, agent: impl Agent + 'static) -> SessionHandle {
        self.join_with(agent, |_| {}).await
    }

    pub(crate) async fn join_with(
        &self,
        agent: impl Agent + 'static,
        change: impl FnOnce(&mut JoinOptions),
    ) -> SessionHandle {
        let mut options = JoinOptions::new(self.room.clone());
        change(&mut options);
        self.fishjam.join(Box::new(agent), options).await.unwrap()
    }
}

impl House {
    /// The program with a built-in agent, in this room.
    pub(crate) fn program(&self, agent: &str, more: &[&str]) -> Program {
        let address = self.sandbox.address().to_string();
        let args = ["join", "--room", self.room.as_str(), "--agent", agent, "--fishjam", &address];
        let child = Command::new(env!("CARGO_BIN_EXE_roomtone"))
            .args(args)
            .args(more)
            .env("FISHJAM_MANAGEMENT_TOKEN", self.sandbox.token())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Program(Some(child))
    }

    /// Waits until so many peers are connected: what is said before somebody is there, they do not hear.
    pub(crate) async fn until_connected(&self, peers: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let room = self.fishjam.rest().room(&self.room).await.unwrap();
            if room.snapshot().peers.len() == peers {
                return;
            }
            assert!(Instant::now() < deadline, "in time: {peers} connected peers");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until somebody beside `known` publishes something, and says who.
    pub(crate) async fn peer_with_a_track_beside(&self, known: &PeerId) -> PeerId {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let room = self.fishjam.rest().room(&self.room).await.unwrap();
            let other = room.peers.into_iter().find(|peer| peer.id != *known && !peer.tracks.is_empty());
            match other {
                Some(peer) => return peer.id,
                None => assert!(Instant::now() < deadline, "in time: another peer with a track"),
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A running program, ended with the test.
pub(crate) struct Program(Option<Child>);

impl Program {
    /// Tells it to end, and gives what it printed.
    pub(crate) fn leave(&mut self) -> String {
        let child = self.0.take().expect("it is running");
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// An agent that passes on all that it is told, and plays what it is given.
pub(crate) struct Probe {
    requirements: AudioRequirements,
    seen: mpsc::Sender<Seen>,
    to_play: mpsc::Receiver<Vec<i16>>,
}

/// The test's end of a probe.
pub(crate) struct ProbeEnd {
    pub(crate) seen: mpsc::Receiver<Seen>,
    pub(crate) play: mpsc::Sender<Vec<i16>>,
}

/// What a probe was told.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    Event(Event),
    Frame { peer: String, samples: Vec<i16> },
    Gap { samples: u64 },
}

pub(crate) fn probe() -> (Probe, ProbeEnd) {
    probe_that(AudioRequirements { most_behind: None, ..AudioRequirements::default() })
}

pub(crate) fn probe_that(requirements: AudioRequirements) -> (Probe, ProbeEnd) {
    let (seen, seen_end) = mpsc::channel(100_000);
    let (play, to_play) = mpsc::channel(16);
    (Probe { requirements, seen, to_play }, ProbeEnd { seen: seen_end, play })
}

pub(crate) fn hears_everyone() -> AudioRequirements {
    AudioRequirements { hear: Hear::Everyone, most_behind: None, ..AudioRequirements::default() }
}

#[async_trait]
impl Agent for Probe {
    fn requirements(&self) -> AudioRequirements {
        self.requirements.clone()
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        loop {
            tokio::select! {
                input = room.inbox.next() => {
                    let seen = match input {
                        None => return Ok(()),
                        Some(Input::Event(event)) => Seen::Event(event),
                        Some(Input::Audio(frame)) => Seen::Frame {
                            peer: frame.source().peer.to_string(),
                            samples: frame.samples().to_vec(),
                        },
                        Some(Input::Gap(gap)) => Seen::Gap { samples: gap.samples },
                        Some(_) => continue,
                    };
                    self.seen.try_send(seen).expect("the test reads what the probe sees");
                }
                Some(samples) = self.to_play.recv() => {
                    assert_eq!(room.voice.play(&samples), samples.len());
                }
            }
        }
    }
}

impl ProbeEnd {
    /// Waits for something that `found` recognises, and gives what it makes of it.
    pub(crate) async fn until<T>(&mut self, mut found: impl FnMut(&Seen) -> Option<T>) -> T {
        let search = async {
            loop {
                let seen = self.seen.recv().await.expect("the agent is still there");
                if let Some(value) = found(&seen) {
                    return value;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("it happens in time")
    }

    pub(crate) async fn until_event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        self.until(|seen| match seen {
            Seen::Event(event) if wanted(event) => Some(event.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for an event of this name, as in `peer.joined`.
    pub(crate) async fn until_told(&mut self, name: &str) -> Event {
        self.until_event(|event| event.kind.name() == name).await
    }

    pub(crate) async fn until_frame(&mut self) {
        self.until(|seen| matches!(seen, Seen::Frame { .. }).then_some(())).await;
    }

    /// Everything seen within `length`.
    pub(crate) async fn during(&mut self, length: Duration) -> Vec<Seen> {
        let end = Instant::now() + length;
        let mut all = Vec::new();
        while let Ok(Some(seen)) = tokio::time::timeout_at(end, self.seen.recv()).await {
            all.push(seen);
        }
        all
    }
}

/// Waits until `holds`, looking every few milliseconds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "in time: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Speech of any length, at 16 kHz.
pub(crate) fn speech(length: Duration) -> Sound {
    let recording = Sound::read(&data("speech-long.flac")).unwrap();
    let samples = recording.samples.iter().copied().cycle().take(recording.rate.samples_in(length)).collect();
    Sound { rate: recording.rate, samples }
}

/// A sound that is never silent and nowhere like itself.
pub(crate) fn noise(samples: usize) -> Vec<i16> {
    let mut rng = fastrand::Rng::with_seed(1);
    (0..samples).map(|_| rng.i16(1_000..8_000)).collect()
}
