//! What comes from outside, step by step: live, or out of a recording.

use std::{
    io::BufReader,
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    RecordingError,
    files::{HEARD, INPUTS, Samples},
    replay::Pace,
};
use crate::{
    audio::{BLOCK, Hz},
    console::driver::Typed,
    session::SessionLink,
    text::whole_line,
};

/// What one step brings, beside engines' answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Step {
    pub(super) step: u64,
    /// A block of the microphone; in the file, that there was none.
    #[serde(skip)]
    pub(super) block: Option<Vec<i16>>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) has_no_sound: bool,
    /// Lines that were typed.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) lines: Vec<String>,
    /// The agent is to fall silent.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) interrupts: bool,
    /// The host is going to end within this time.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) drains: Option<Duration>,
    /// The agent is to leave.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) leaves: bool,
    /// No sound comes any more.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) sound_ends: bool,
    /// It is beyond the end of a recording.
    #[serde(skip)]
    pub(super) is_beyond: bool,
}

/// When a step ends, since the session began.
pub(super) fn end_of(step: u64) -> Duration {
    BLOCK * u32::try_from(step).unwrap_or(u32::MAX)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Step {
    /// Whether it is a block of sound and nothing else, which needs no line.
    pub(super) fn is_plain(&self) -> bool {
        *self == Step { step: self.step, block: self.block.clone(), ..Step::default() }
    }
}

/// Where steps come from.
pub(super) enum Inputs {
    Live(Live),
    Kept(Box<Kept>),
}

impl Inputs {
    /// For how long, in real time, a step may stand still because something in the agent blocks.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Inputs::Live(_) => BLOCK,
            // Nobody waits, and what a blocking call gives comes at the same moment.
            Inputs::Kept(_) => LONGEST_BLOCKING,
        }
    }

    /// The next step; time stands still until it is there.
    pub(super) async fn next(&mut self) -> Step {
        match self {
            Inputs::Live(live) => live.next().await,
            Inputs::Kept(kept) => kept.next().await,
        }
    }
}

/// A microphone, and whoever sits before it.
pub(super) struct Live {
    /// Lent to the thread that waits for a block.
    heard: Option<mpsc::Receiver<Vec<i16>>>,
    typed: Typed,
    leave: CancellationToken,
    drain: watch::Receiver<Option<Duration>>,
    steps: u64,
    has_left: bool,
    is_without_sound: bool,
}

impl Live {
    pub(super) fn new(heard: mpsc::Receiver<Vec<i16>>, typed: Typed, link: &SessionLink) -> Live {
        let (leave, drain) = (link.leave.clone(), link.drain.clone());
        let heard = Some(heard);
        Live { heard, typed, leave, drain, steps: 0, has_left: false, is_without_sound: false }
    }

    async fn next(&mut self) -> Step {
        self.steps += 1;
        let mut step = Step { step: self.steps, ..Step::default() };
        match self.wait_for_block().await {
            Waited::Block(block) => step.block = Some(block),
            Waited::TooLong => step.has_no_sound = true,
            Waited::Over => step.sound_ends = true,
        }
        self.is_without_sound = step.block.is_none();
        while let Ok(line) = self.typed.lines.try_recv() {
            step.lines.push(line);
        }
        step.interrupts = take_change(&mut self.typed.interrupts).is_some();
        step.drains = take_change(&mut self.drain).flatten();
        step.leaves = !self.has_left && self.leave.is_cancelled();
        self.has_left |= step.leaves;
        step
    }

    /// A thread that may block waits, by which tokio knows that its made-up time is to stand still.
    async fn wait_for_block(&mut self) -> Waited {
        let Some(mut heard) = self.heard.take() else { return pause(BLOCK).await };
        // A microphone that is gone must not stop the clock: the agent goes on in silence.
        let until = Instant::now() + if self.is_without_sound { BLOCK } else { PATIENCE };
        let wait = move || {
            let waited = loop {
                match heard.try_recv() {
                    Ok(block) => break Waited::Block(block),
                    Err(mpsc::error::TryRecvError::Disconnected) => break Waited::Over,
                    Err(mpsc::error::TryRecvError::Empty) if Instant::now() >= until => break Waited::TooLong,
                    Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(LOOK),
                }
            };
            (heard, waited)
        };
        let (heard, waited) = tokio::task::spawn_blocking(wait).await.expect("it does not panic");
        self.heard = (!matches!(waited, Waited::Over)).then_some(heard);
        waited
    }
}

enum Waited {
    Block(Vec<i16>),
    TooLong,
    Over,
}

async fn pause(length: Duration) -> Waited {
    tokio::task::spawn_blocking(move || std::thread::sleep(length)).await.ok();
    Waited::TooLong
}

fn take_change<T: Clone>(watched: &mut watch::Receiver<T>) -> Option<T> {
    watched.has_changed().is_ok_and(|changed| changed).then(|| watched.borrow_and_update().clone())
}

/// The steps of a session that was kept.
pub(super) struct Kept {
    sound: Samples,
    block_samples: usize,
    given: std::iter::Peekable<std::vec::IntoIter<Step>>,
    pace: Pace,
    begun: Option<Instant>,
    steps: u64,
}

impl Kept {
    pub(super) fn open(folder: &Path) -> Result<Kept, RecordingError> {
        let sound = Samples::open(&folder.join(HEARD))?;
        let path = folder.join(INPUTS);
        let wrong = |error: &dyn std::fmt::Display| RecordingError::of(&path, error);
        let mut file = BufReader::new(std::fs::File::open(&path).map_err(|error| wrong(&error))?);
        let mut given: Vec<Step> = Vec::new();
        while let Some(line) = whole_line(&mut file, LONGEST_LINE).map_err(|error| wrong(&error))? {
            let step: Step = serde_json::from_str(&line).map_err(|error| wrong(&error))?;
            if step.step <= given.last().map_or(0, |last| last.step) {
                return Err(wrong(&format!("step {} comes twice or too late", step.step)));
            }
            given.push(step);
        }
        let (block_samples, given) = (sound.rate().block_samples(), given.into_iter().peekable());
        Ok(Kept { sound, block_samples, given, pace: Pace::Fast, begun: None, steps: 0 })
    }

    /// The rate of what was heard.
    pub(super) fn rate(&self) -> Hz {
        self.sound.rate()
    }

    pub(super) fn at(self, pace: Pace) -> Kept {
        Kept { pace, ..self }
    }

    async fn next(&mut self) -> Step {
        self.steps += 1;
        self.keep_pace().await;
        let mut step = self.given.next_if(|step| step.step == self.steps).unwrap_or_default();
        step.step = self.steps;
        let wants_sound = !step.has_no_sound && !step.sound_ends;
        if wants_sound {
            step.block = Some(self.sound.take(self.block_samples)).filter(|block| !block.is_empty());
        }
        let is_next_given = self.given.peek().is_some_and(|step| step.step == self.steps + 1);
        if wants_sound && step.block.is_none() && !is_next_given {
            // It is over; whoever takes longer than it once did is told to leave.
            (step.leaves, step.is_beyond) = (true, true);
        }
        step
    }

    async fn keep_pace(&mut self) {
        if let Pace::RealTime = self.pace {
            let due = *self.begun.get_or_insert_with(Instant::now) + end_of(self.steps);
            let wait = due.saturating_duration_since(Instant::now());
            tokio::task::spawn_blocking(move || std::thread::sleep(wait)).await.ok();
        }
    }
}

/// How long a block of the microphone may be late before time goes on without it.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a blocking call of an agent is waited for that is run again.
const LONGEST_BLOCKING: Duration = Duration::from_secs(5);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(2);
/// Of a file that says what was typed.
const LONGEST_LINE: u64 = 1 << 20;
