//! What a running host can be asked and told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{config::Config, measures::Measures, reconciler::State, supervisor::Reply};
use crate::{
    event::{PeerId, RoomId},
    session::{Counters, SessionMonitor},
    speech::EngineMeasures,
    text::count,
};

/// Asks and tells a host. Clones talk to the same one; once it has ended, every call says so.
#[derive(Debug, Clone)]
pub struct Control(mpsc::Sender<Command>);

/// One question or order.
#[derive(Debug)]
pub(super) enum Command {
    Status(Reply<HostStatus>),
    Sessions(Reply<Vec<SessionStatus>>),
    Join { room: RoomId, deploy: String, reply: Reply<Result<(), String>> },
    Leave { session: u64, reply: Reply<bool> },
    SessionMonitor { session: u64, reply: Reply<Option<SessionMonitor>> },
    Measure(Reply<Measures>),
    Reload { config: Option<Box<Config>>, reply: Reply<Result<Reloaded, String>> },
    Drain,
    Stop,
}

/// The host as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostStatus {
    /// roomtone's version.
    pub version: String,
    /// This host's own mark, which its sessions carry in logs and events, as in `3f2a-7`.
    pub id: String,
    /// Where its Fishjam is.
    pub platform: String,
    /// Where it is.
    pub address: String,
    /// For how long it has run, in seconds.
    pub up_s: f64,
    /// Whether it knows its rooms and takes more of them.
    pub ready: bool,
    /// Whether it has been told to end.
    pub draining: bool,
    /// Whether notifications come in.
    pub notifications: bool,
    /// What keeps it from serving its rooms, in a line.
    #[serde(default)]
    pub trouble: Option<String>,
    /// How long sessions may go on once it is told to end, in seconds.
    #[serde(default)]
    pub drain_s: f64,
    /// How many rooms there are.
    pub rooms: usize,
    /// How many sessions stand how.
    pub states: BTreeMap<String, usize>,
    /// The most sessions at a time; 0 for no limit.
    pub max_sessions: usize,
    /// Sessions that are there or under way.
    pub sessions: usize,
    /// The engines that are loaded.
    #[serde(default)]
    pub engines: Vec<EngineStatus>,
}

/// An engine that sessions share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineStatus {
    /// Its name.
    pub name: String,
    /// Sessions that it serves.
    pub sessions: u64,
    /// Sessions that it serves in time.
    pub capacity: u64,
    /// Words that it understood.
    pub words: u64,
    /// Utterances that it did not understand.
    pub lost: u64,
    /// Seconds of computing for each second of speech.
    pub real_time_factor: Option<f64>,
    /// From the end of an activity to its final text, the mean in milliseconds.
    pub final_ms: Option<f64>,
}

impl From<&EngineMeasures> for EngineStatus {
    fn from(engine: &EngineMeasures) -> EngineStatus {
        EngineStatus {
            name: engine.name.to_string(),
            sessions: engine.sessions,
            capacity: engine.capacity,
            words: engine.words,
            lost: engine.lost.values().sum(),
            real_time_factor: engine.real_time_factor(),
            final_ms: engine.to_final.mean().map(|mean| mean.as_secs_f64() * 1e3),
        }
    }
}

/// One agent in one room, or the reason why it is not there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionStatus {
    /// The session's number, while there is one.
    pub session: Option<u64>,
    /// Its room.
    pub room: RoomId,
    /// Its deploy.
    pub deploy: String,
    /// How it stands.
    pub state: State,
    /// Its peer, once it is in the room.
    pub peer: Option<PeerId>,
    /// For how long it has been there, in seconds.
    pub for_s: Option<f64>,
    /// How often it was restarted.
    pub restarts: u32,
    /// Why it is not there, or leaves.
    pub why: Option<String>,
    /// Whether it computes without a pause, now.
    pub blocking: bool,
    /// What it counted.
    pub counters: Option<SessionCounters>,
}

/// What a session counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionCounters {
    /// Chunks heard.
    pub chunks: u64,
    /// Packets said.
    pub packets: u64,
    /// Times the agent cut itself off.
    pub interrupts: u64,
    /// Times its voice ran dry for a moment.
    pub underruns: u64,
    /// Times its link was mended.
    pub reconnects: u64,
    /// Each loss that there was.
    pub lost: BTreeMap<String, u64>,
}

impl From<&Counters> for SessionCounters {
    fn from(counters: &Counters) -> SessionCounters {
        let losses = counters.losses().into_iter().filter(|(_, lost)| *lost > 0);
        SessionCounters {
            chunks: counters.inbound.chunks,
            packets: counters.outbound.packets,
            interrupts: counters.outbound.interrupts,
            underruns: counters.outbound.underruns,
            reconnects: counters.reconnects,
            lost: losses.map(|(name, lost)| (name.to_owned(), lost)).collect(),
        }
    }
}

/// What a reload came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// How many deploys there are now.
    pub deploys: usize,
    /// Sessions that begin anew, or end, by what has changed.
    pub renewed: usize,
}

impl std::fmt::Display for Reloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (deploys, sessions) = (count(self.deploys, "deploy"), count(self.renewed, "session"));
        write!(f, "{deploys}; {sessions} to begin anew or end")
    }
}

/// The host has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host has ended")]
pub struct HasEnded;

impl Control {
    pub(super) fn new(commands: mpsc::Sender<Command>) -> Control {
        Control(commands)
    }

    /// The host as a whole.
    ///
    /// # Errors
    /// [`HasEnded`], as with every call.
    pub async fn status(&self) -> Result<HostStatus, HasEnded> {
        self.ask(Command::Status).await
    }

    /// Every agent that is in a room, should be, or was.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn sessions(&self) -> Result<Vec<SessionStatus>, HasEnded> {
        self.ask(Command::Sessions).await
    }

    /// Brings the agent of `deploy` into `room`, whatever its rules say. The inner error says why that cannot be.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn join(&self, room: &RoomId, deploy: &str) -> Result<Result<(), String>, HasEnded> {
        let (room, deploy) = (room.clone(), deploy.to_owned());
        self.ask(|reply| Command::Join { room, deploy, reply }).await
    }

    /// Ends a session; it does not come back by itself. `false` where there is none of this number.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn leave(&self, session: u64) -> Result<bool, HasEnded> {
        self.ask(|reply| Command::Leave { session, reply }).await
    }

    /// A look at a session that is in its room.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn monitor(&self, session: u64) -> Result<Option<SessionMonitor>, HasEnded> {
        self.ask(|reply| Command::SessionMonitor { session, reply }).await
    }

    /// Reads the host's file again and takes it over. The inner error is what is wrong; the old one then stays.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn reload(&self) -> Result<Result<Reloaded, String>, HasEnded> {
        self.ask(|reply| Command::Reload { config: None, reply }).await
    }

    /// Takes over this configuration, as [`reload`](Self::reload) does the file's.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn reload_with(&self, config: Config) -> Result<Result<Reloaded, String>, HasEnded> {
        self.ask(|reply| Command::Reload { config: Some(Box::new(config)), reply }).await
    }

    /// Tells the host to end: no agent goes anywhere any more, and those that are there may go on for `host.drain`.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn drain(&self) -> Result<(), HasEnded> {
        self.0.send(Command::Drain).await.map_err(|_| HasEnded)
    }

    /// Tells the host to end now. Its agents still leave properly.
    ///
    /// # Errors
    /// [`HasEnded`].
    pub async fn stop(&self) -> Result<(), HasEnded> {
        self.0.send(Command::Stop).await.map_err(|_| HasEnded)
    }

    pub(super) async fn measure(&self) -> Result<Measures, HasEnded> {
        self.ask(Command::Measure).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, HasEnded> {
        let (reply, answer) = oneshot::channel();
        self.0.send(command(reply)).await.map_err(|_| HasEnded)?;
        answer.await.map_err(|_| HasEnded)
    }
}
