//! What engines answered, kept so that a session can be run again: the same answers at the same moments of its clock, without
//! the engines.
//!
//! A session whose time goes in steps (blocks of its sound) is given answers at the beginning of a step and at no other moment.
//! So its run depends on what is written down here, and not on how long an engine took or which thread was first.
//!
//! ```text
//! recording   engine -> came -> | step: written down -> | whoever asked
//! replaying                     | step: what is due  -> | whoever asks the same
//! ```
//!
//! Engines are asked deep within an agent, so this stands where tokio's runtime stands: beside the thread that a session runs on
//! ([`Answers::enter`]), or beside a future ([`Answers::scope`]). Where nothing stands, engines answer by themselves.

mod ask;
mod item;
mod log;
mod scope;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use crate::conversation::EngineError;
use ask::{Ask, Question};
pub(super) use ask::{Key, Made, once};
use item::Item;
pub(crate) use log::AnswersError;
use log::{Asked, Reader, Writer};

/// See the module's head. Clones are the same.
#[derive(Clone)]
pub(crate) struct Answers(Arc<Mutex<State>>);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// What speech says.
    SpeechToText,
    /// How a sentence sounds.
    TextToSpeech,
    /// What is replied.
    LanguageModel,
    /// Whether somebody sounds as if they had finished.
    TurnListener,
}

struct State {
    /// The step that goes on; none before the session begins, when answers are given as they come.
    step: Option<u64>,
    asked: u64,
    /// Who waits for answers, by the number of what they asked.
    open: BTreeMap<u64, Waiting>,
    tape: Tape,
}

enum Tape {
    Recording { writer: Writer, came: VecDeque<(u64, Item)> },
    Replaying(Replaying),
}

struct Replaying {
    reader: Reader,
    /// What was asked and not asked again yet, in its order.
    recorded: HashMap<(Kind, String), VecDeque<Asked>>,
    /// Answers by the step at which they are due, in the order in which they once came.
    due: BTreeMap<(u64, u64), (u64, Item)>,
    missing: u64,
}

#[derive(Default)]
struct Waiting {
    ready: VecDeque<Item>,
    waker: Option<Waker>,
}

impl Answers {
    /// Their files.
    pub(crate) const FILES: [&str; 2] = log::FILES;

    /// Writes down into this folder what engines answer.
    ///
    /// # Errors
    /// Its files cannot be made.
    pub(crate) fn record(folder: &Path) -> Result<Answers, AnswersError> {
        Ok(Answers::new(Tape::Recording { writer: Writer::create(folder)?, came: VecDeque::new() }))
    }

    /// Answers what was written down in this folder.
    ///
    /// # Errors
    /// Its files cannot be read.
    pub(crate) fn replay(folder: &Path) -> Result<Answers, AnswersError> {
        let (reader, asked) = Reader::open(folder)?;
        let mut recorded: HashMap<_, VecDeque<Asked>> = HashMap::new();
        for asked in asked {
            recorded.entry((asked.kind, asked.key.clone())).or_default().push_back(asked);
        }
        Ok(Answers::new(Tape::Replaying(Replaying { reader, recorded, due: BTreeMap::new(), missing: 0 })))
    }

    fn new(tape: Tape) -> Answers {
        Answers(Arc::new(Mutex::new(State { step: None, asked: 0, open: BTreeMap::new(), tape })))
    }

    /// Whether no engine is to be loaded here: what it would say is known.
    pub(crate) fn are_known() -> bool {
        Answers::current().is_some_and(|answers| matches!(answers.lock().tape, Tape::Replaying(_)))
    }

    /// Begins a step: what has come by now is given to those who wait for it.
    ///
    /// # Errors
    /// The disk refuses, or what was written down cannot be read.
    pub(crate) fn begin_step(&self, step: u64) -> Result<(), AnswersError> {
        let state = &mut *self.lock();
        state.step = Some(step);
        match &mut state.tape {
            Tape::Recording { writer, came } => {
                let mut written = Ok(());
                for (id, item) in came.drain(..) {
                    written = written.and_then(|()| writer.answer(id, step, &item));
                    give(&mut state.open, id, item);
                }
                written.and_then(|()| writer.flush())
            }
            Tape::Replaying(replaying) => {
                while replaying.due.first_key_value().is_some_and(|((due, _), _)| *due <= step)
                    && let Some((_, (id, item))) = replaying.due.pop_first()
                {
                    give(&mut state.open, id, replaying.reader.load(item)?);
                }
                Ok(())
            }
        }
    }

    /// Brings to the disk what was written down.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn flush(&self) -> Result<(), AnswersError> {
        match &mut self.lock().tape {
            Tape::Recording { writer, .. } => writer.flush(),
            Tape::Replaying(_) => Ok(()),
        }
    }

    /// How often was asked what is not among what was written down, or never was: the agent is another than it was.
    pub(crate) fn missing(&self) -> u64 {
        match &self.lock().tape {
            Tape::Recording { .. } => 0,
            Tape::Replaying(replaying) => replaying.missing,
        }
    }

    fn ask(&self, kind: Kind, key: String) -> Ask {
        let state = &mut *self.lock();
        let id = state.asked;
        state.asked += 1;
        let mut waiting = Waiting::default();
        let is_known = matches!(state.tape, Tape::Replaying(_));
        match &mut state.tape {
            // What cannot be written is told at the next step.
            Tape::Recording { writer, .. } => writer.ask(id, state.step.unwrap_or(0), kind, key),
            Tape::Replaying(replaying) => match state.step {
                Some(now) => replaying.schedule(id, now, kind, key),
                None => waiting.ready = replaying.all_at_once(kind, key),
            },
        }
        state.open.insert(id, waiting);
        Ask { question: Question { answers: self.clone(), id }, is_known }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replaying {
    fn take(&mut self, kind: Kind, key: String) -> Option<Asked> {
        let asked = self.recorded.get_mut(&(kind, key)).and_then(VecDeque::pop_front);
        self.missing += u64::from(asked.is_none());
        asked
    }

    /// As long after the question as it once was.
    fn schedule(&mut self, id: u64, now: u64, kind: Kind, key: String) {
        let Some(asked) = self.take(kind, key) else {
            self.due.insert((now + 1, u64::MAX - id), (id, Item::Over(Some(unknown()))));
            return;
        };
        for answer in asked.answers {
            let after = answer.step.saturating_sub(asked.step).max(1);
            self.due.insert((now + after, answer.number), (id, answer.item));
        }
    }

    fn all_at_once(&mut self, kind: Kind, key: String) -> VecDeque<Item> {
        let Some(asked) = self.take(kind, key) else { return [Item::Over(Some(unknown()))].into() };
        let load = |item| self.reader.load(item).unwrap_or_else(|error| Item::Over(Some(failed(&error))));
        asked.answers.into_iter().map(|answer| load(answer.item)).collect()
    }
}

fn give(open: &mut BTreeMap<u64, Waiting>, id: u64, item: Item) {
    // Whoever asked may have gone.
    if let Some(waiting) = open.get_mut(&id) {
        waiting.ready.push_back(item);
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }
}

fn unknown() -> EngineError {
    EngineError::Failed("this was not asked when the session was recorded, so there is no answer to it".into())
}

fn failed(error: &AnswersError) -> EngineError {
    EngineError::Failed(error.to_string())
}

impl From<io::Error> for AnswersError {
    fn from(error: io::Error) -> AnswersError {
        AnswersError(error.to_string())
    }
}

#[cfg(test)]
mod tests;
