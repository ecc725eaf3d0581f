//! Sessions that are kept, and run again: the sound as heard and as said, what happened, and what engines answered.
//!
//! A session that is recorded goes by the clock of its sound. Each block of 20 ms is a step: first what came from outside is
//! handed in (the block, engines' answers, a typed line, the word to leave), then time moves on by 20 ms on a runtime of the
//! session's own, and everything that is due happens in its order. Nothing from outside is seen at any other moment, so the same
//! steps give the same events and the same sound, sample for sample, however fast they follow each other.
//!
//! ```no_run
//! use roomtone::{agent::Registry, console::{Console, ConsoleOptions, Pace, Recorder, Recording}};
//! # async fn example(agents: Registry) -> Result<(), Box<dyn std::error::Error>> {
//! let (echo, options) = (agents.find("echo")?, toml::Table::new());
//! let recorder = Recorder::create("out/today".as_ref(), "echo", &options)?;
//! let maker = recorder.prepare(echo.prepare(options)).await?;
//! Console::new(ConsoleOptions::default()).begin_recorded(maker.make(), recorder)?.ended().await;
//!
//! let recording = Recording::open("out/today".as_ref())?;
//! let replay = recording.replay(None)?;
//! let maker = replay.prepare(agents.find(recording.agent())?.prepare(recording.options().clone())).await?;
//! let outcome = replay.run(maker.make(), Pace::Fast).await?;
//! assert!(outcome.is_same());
//! # Ok(())
//! # }
//! ```
//!
//! What an agent gets from elsewhere it asks for again, and an agent that chooses at random among what is ready (a `select!`
//! without `biased`) may choose otherwise; `fastrand` gives it the same numbers.

mod about;
mod files;
mod idle;
mod inputs;
mod replay;
mod steps;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::timeout;
use toml::Table;

use super::{ConsoleError, Opened, driver};
use crate::{agent::Agent, session::SessionHandle, signal::PublishedTrack, speech::Answers};
use about::About;
use files::{Folder, Witness};
use inputs::{Inputs, Live};
pub use replay::{Difference, Outcome, Pace, Recording, Replay};
use steps::Session;

/// Keeps one session in a folder.
pub struct Recorder {
    place: NewFolder,
    about: About,
    answers: Answers,
}

/// Why a session cannot be kept, or run again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecordingError(String);

impl RecordingError {
    fn of(path: &Path, why: impl std::fmt::Display) -> RecordingError {
        RecordingError(format!("{}: {why}", path.display()))
    }
}

impl Recorder {
    /// Keeps a session of this agent with these options in `folder`, which is made, and may not hold a recording yet. Nobody but this
    /// user may read it.
    ///
    /// # Errors
    /// The folder cannot be made, or has one.
    pub fn create(folder: &Path, agent: &str, options: &Table) -> Result<Recorder, RecordingError> {
        let place = NewFolder::make(folder)?;
        let answers = Answers::record(folder).map_err(|error| RecordingError(error.to_string()))?;
        Ok(Recorder { place, about: About::new(agent, options), answers })
    }

    /// Has the agent made, and keeps what engines answer meanwhile.
    pub async fn prepare<T>(&self, make: impl Future<Output = T>) -> T {
        self.answers.scope(make).await
    }

    pub(super) fn begin(self, opened: Opened, agent: Box<dyn Agent>) -> Result<SessionHandle, ConsoleError> {
        let Recorder { place, mut about, answers } = self;
        let Opened { mut parts, pending, ends: driver::Ends { wires, typed } } = opened;
        about.lead_ms = u64::try_from(parts.lead.as_millis()).unwrap_or(u64::MAX);
        about.write(&place.path)?;
        let kept = Folder::create(&place.path, parts.rate, parts.voice.as_ref().map(PublishedTrack::rate))?;
        let live = Live::new(wires.heard, typed, &parts.observers);
        let witness: Arc<Mutex<dyn Witness>> = Arc::new(Mutex::new(kept));
        let (ends, outside) = steps::ends(&mut parts.observers, &witness);
        let speaker = wires.orders;
        let session = Session {
            span: parts.span(),
            parts,
            ends,
            agent,
            answers,
            seed: about.seed,
            inputs: Inputs::Live(live),
            witness,
            speaker: Some(speaker.clone()),
            outside,
        };
        let summary = steps::begin(session)?;
        place.keep();
        Ok(pending.spawn(async move {
            let summary = summary.await.expect("the session's thread does not panic");
            // The sound thread ends once the last word was heard.
            timeout(LAST_WORD, speaker.closed()).await.ok();
            summary
        }))
    }

    /// Where it is kept.
    pub fn folder(&self) -> &Path {
        &self.place.path
    }
}

/// A folder for a recording. Of one that does not come about nothing is left behind.
pub(super) struct NewFolder {
    path: PathBuf,
    was_there: bool,
    is_kept: bool,
}

impl NewFolder {
    fn make(path: &Path) -> Result<NewFolder, RecordingError> {
        if let Some(name) = NewFolder::names().find(|name| path.join(name).exists()) {
            let path = path.display();
            return Err(RecordingError(format!(
                "{path} holds a recording already, or at least a file {name}; choose another folder"
            )));
        }
        let was_there = path.exists();
        crate::files::create_folder(path).map_err(|error| RecordingError(error.to_string()))?;
        Ok(NewFolder { path: path.to_owned(), was_there, is_kept: false })
    }

    fn names() -> impl Iterator<Item = &'static str> {
        [about::NAME].into_iter().chain(files::ALL).chain(Answers::FILES)
    }

    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.is_kept {
            // None of them was there before.
            NewFolder::names().for_each(|name| drop(std::fs::remove_file(self.path.join(name))));
            if !self.was_there {
                std::fs::remove_dir(&self.path).ok();
            }
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recorder").field(&self.place.path).finish()
    }
}

/// How long the last word may take to be heard.
const LAST_WORD: Duration = Duration::from_secs(2);
