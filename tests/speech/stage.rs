//! A room in a sandbox with an agent that converses and one person, for tests and benches of whole conversations: real time, real
//! sound, and everything that can be known of it afterwards.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use roomtone::{
    agent::{Agent, Note},
    audio::{Hz, Sound},
    conversation::turn::TurnEvent,
    event::{PeerId, RoomId},
    fishjam::{Fishjam, rest::model::RoomConfig},
    platform::JoinOptions,
    sandbox::{Person, Sandbox, SandboxOptions},
    session::{SessionEventKind, SessionHandle},
};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

/// See the module's head.
pub(crate) struct Stage {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) room: RoomId,
    pub(crate) person: PeerId,
    pub(crate) agent: PeerId,
    pub(crate) origin: Instant,
    notes: Arc<Mutex<Vec<(Duration, Note)>>>,
    leave: CancellationToken,
    drain: CancellationToken,
    follows: JoinHandle<roomtone::session::SessionSummary>,
}

pub(crate) async fn sandbox() -> Arc<Sandbox> {
    Arc::new(Sandbox::start(SandboxOptions::default()).await.unwrap())
}

impl Stage {
    pub(crate) async fn set(sandbox: &Arc<Sandbox>, agent: impl Agent + 'static) -> Stage {
        let stage = Stage::enter(sandbox, agent).await;
        // It knows that somebody is there, and has said what it says first.
        let has_begun = |event: &TurnEvent| matches!(event, TurnEvent::AgentFinished { .. });
        stage.until("the agent's beginning", 0, Duration::from_secs(60), has_begun).await.unwrap();
        stage
    }

    /// The same, while the agent may still be saying what it says first.
    pub(crate) async fn enter(sandbox: &Arc<Sandbox>, agent: impl Agent + 'static) -> Stage {
        let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
        let room = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
        let person = sandbox.add_person(&room, Person::default()).await.unwrap().peer;
        let origin = Instant::now();
        let handle = fishjam.join(Box::new(agent), JoinOptions::new(room.clone())).await.unwrap();
        let agent = handle.peer.clone();
        for peer in [&person, &agent] {
            sandbox.record(&room, peer, Hz::K24, origin).unwrap();
        }
        let notes = Arc::new(Mutex::new(Vec::new()));
        let (leave, drain) = (handle.leave_token(), CancellationToken::new());
        let follows = tokio::spawn(follow(handle, origin, notes.clone(), drain.clone()));
        Stage { sandbox: sandbox.clone(), room, person, agent, origin, notes, leave, drain, follows }
    }

    pub(crate) async fn say(&self, sound: &Sound) {
        self.sandbox.say(&self.room, &self.person, sound.clone(), Duration::ZERO).await.unwrap();
    }

    /// All notes, with their times on the scene's clock.
    pub(crate) fn notes(&self) -> Vec<(Duration, Note)> {
        self.notes.lock().unwrap().clone()
    }

    /// What happened in the conversation, behind that many events.
    pub(crate) fn events(&self, behind: usize) -> Vec<(Duration, TurnEvent)> {
        let notes = self.notes.lock().unwrap();
        let events = notes
            .iter()
            .filter_map(|(at, note)| Some((*at, serde_json::from_value(note.data.get("turn")?.clone()).unwrap())));
        events.skip(behind).collect()
    }

    /// Waits for an event behind that many, and gives its time.
    pub(crate) async fn until(
        &self,
        what: &str,
        behind: usize,
        within: Duration,
        is_it: impl Fn(&TurnEvent) -> bool,
    ) -> Option<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < within {
            if let Some((at, _)) = self.events(behind).iter().find(|(_, event)| is_it(event)) {
                return Some(*at);
            }
            sleep(Duration::from_millis(10)).await;
        }
        eprintln!("{what} did not come within {within:?}");
        None
    }

    /// What was heard of both, from the scene's beginning on.
    pub(crate) fn recordings(&self) -> (Sound, Sound) {
        let of = |peer| self.sandbox.recording(&self.room, peer).unwrap();
        (of(&self.person), of(&self.agent))
    }

    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Tells the agent that it will have to leave.
    pub(crate) fn drain(&self) {
        self.drain.cancel();
    }

    /// Waits until the agent is gone, by whatever happened.
    pub(crate) async fn gone(self) -> roomtone::session::SessionSummary {
        self.follows.await.unwrap()
    }

    pub(crate) async fn end(self) -> roomtone::session::SessionSummary {
        self.leave.cancel();
        self.gone().await
    }
}

async fn follow(
    mut handle: SessionHandle,
    origin: Instant,
    notes: Arc<Mutex<Vec<(Duration, Note)>>>,
    drain: CancellationToken,
) -> roomtone::session::SessionSummary {
    let mut is_told = false;
    loop {
        let event = tokio::select! {
            event = handle.events.recv() => event,
            () = drain.cancelled(), if !is_told => {
                is_told = true;
                handle.drain(Duration::from_secs(60));
                continue;
            }
        };
        let Some(event) = event else { break };
        if let SessionEventKind::Note(note) = event.kind {
            // What the conversation says of a moment it says by its own clock.
            let at = handle.begun.saturating_duration_since(origin) + note.heard.unwrap_or(event.at);
            notes.lock().unwrap().push((at, note));
        }
    }
    handle.ended().await
}

/// A person, from Debian's `pocketsphinx-testdata`, as far as they speak.
pub(crate) fn person(file: &str) -> Sound {
    let path = Path::new("/usr/share/pocketsphinx/test/data").join(file);
    let sound = match file.ends_with(".raw") {
        true => {
            let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            Sound { rate: Hz::K16, samples }
        }
        false => Sound::read(&path).unwrap(),
    };
    trimmed(&sound.at(Hz::K16))
}

/// Without what is silent at both ends.
pub(crate) fn trimmed(sound: &Sound) -> Sound {
    let (first, last) = loud(&sound.samples, sound.rate).unwrap_or((0, sound.samples.len()));
    Sound { rate: sound.rate, samples: sound.samples[first..last].to_vec() }
}

/// The first and behind the last loud sample, by blocks of 5 ms.
pub(crate) fn loud(samples: &[i16], rate: Hz) -> Option<(usize, usize)> {
    let block = rate.samples_in(Duration::from_millis(5));
    let is_loud =
        |block: &[i16]| block.iter().map(|s| i64::from(*s).pow(2)).sum::<i64>() > 200_i64.pow(2) * block.len() as i64;
    let blocks: Vec<bool> = samples.chunks(block).map(is_loud).collect();
    let first = blocks.iter().position(|loud| *loud)?;
    let last = blocks.iter().rposition(|loud| *loud)?;
    Some((first * block, ((last + 1) * block).min(samples.len())))
}
