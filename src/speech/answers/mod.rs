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

mod item;
mod log;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::Instrument;

use crate::conversation::EngineError;
use item::{Item, Recorded};
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

    /// Those that stand here, if any do.
    pub(crate) fn current() -> Option<Answers> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Whether no engine is to be loaded here: what it would say is known.
    pub(crate) fn are_known() -> bool {
        Answers::current().is_some_and(|answers| matches!(answers.lock().tape, Tape::Replaying(_)))
    }

    /// Stands beside this thread until what it gives is dropped.
    pub(crate) fn enter(&self) -> Entered {
        Entered(CURRENT.replace(Some(self.clone())))
    }

    /// Stands beside this future, on whichever thread it is polled.
    pub(crate) fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope { answers: Some(self.clone()), future: Box::pin(future) }
    }

    /// None stand beside this future: what it asks is no part of a session.
    pub(crate) fn aside<F: Future>(future: F) -> Scope<F> {
        Scope { answers: None, future: Box::pin(future) }
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
        Ask { answers: self.clone(), id, is_known }
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

/// Something that was asked. Who drops it waits for no answer.
struct Ask {
    answers: Answers,
    id: u64,
    /// The engine is not asked.
    is_known: bool,
}

impl Ask {
    /// An engine has answered this.
    fn answered(&self, item: Item) {
        let state = &mut *self.answers.lock();
        let Tape::Recording { writer, came } = &mut state.tape else { return };
        match state.step {
            Some(_) => came.push_back((self.id, item)),
            None => {
                if let Err(error) = writer.answer(self.id, 0, &item) {
                    tracing::warn!("an answer is missing in the recording: {error}");
                }
                give(&mut state.open, self.id, item);
            }
        }
    }

    /// Waits for what is given next. Dropping the future loses nothing.
    async fn next(&self) -> Item {
        std::future::poll_fn(|cx: &mut Context<'_>| {
            let mut state = self.answers.lock();
            let Some(waiting) = state.open.get_mut(&self.id) else { return Poll::Pending };
            match waiting.ready.pop_front() {
                Some(item) => Poll::Ready(item),
                None => {
                    waiting.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Ask {
    fn drop(&mut self) {
        self.answers.lock().open.remove(&self.id);
    }
}

/// Has an engine answer once, or what it once answered.
pub(super) async fn once<T: Recorded>(kind: Kind, key: impl FnOnce() -> Key, work: impl Future<Output = T>) -> T {
    let Some(answers) = Answers::current() else { return work.await };
    let ask = answers.ask(kind, key().finish());
    if !ask.is_known {
        ask.answered(work.await.into_item());
    }
    T::from_item(ask.next().await)
}

/// What an engine makes piece by piece, or what it once made. The engine works in a task of its own, so that it is not late
/// where whoever listens takes their time; dropping this stops it.
pub(super) struct Made<T> {
    engine: Option<Engine<T>>,
    ask: Option<Ask>,
}

struct Engine<T> {
    pieces: mpsc::Receiver<T>,
    work: JoinHandle<Result<(), EngineError>>,
}

impl<T> Engine<T> {
    async fn next(&mut self) -> Result<Option<T>, EngineError> {
        match self.pieces.recv().await {
            Some(piece) => Ok(Some(piece)),
            None => match (&mut self.work).await {
                Ok(result) => result.map(|()| None),
                Err(_) => Err(EngineError::Failed("the engine panicked".into())),
            },
        }
    }
}

impl<T> Drop for Engine<T> {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl<T: Recorded> Made<T> {
    /// Work, and the channel that its pieces come out of.
    pub(super) fn new(
        kind: Kind,
        key: impl FnOnce() -> Key,
        work: impl Future<Output = Result<(), EngineError>> + Send + 'static,
        pieces: mpsc::Receiver<T>,
    ) -> Made<T> {
        let ask = Answers::current().map(|answers| answers.ask(kind, key().finish()));
        let is_known = ask.as_ref().is_some_and(|ask| ask.is_known);
        let engine = (!is_known).then(|| Engine { pieces, work: tokio::spawn(work.in_current_span()) });
        Made { engine, ask }
    }

    /// The next piece; `None` when there are no more.
    ///
    /// # Errors
    /// That of the work.
    pub(super) async fn next(&mut self) -> Result<Option<T>, EngineError> {
        loop {
            let made = async {
                match &mut self.engine {
                    Some(engine) => engine.next().await,
                    None => std::future::pending().await,
                }
            };
            let Some(ask) = &self.ask else { return made.await };
            tokio::select! {
                biased;
                item = ask.next() => return match item {
                    Item::Over(None) => Ok(None),
                    Item::Over(Some(error)) => Err(error),
                    item => Ok(Some(T::from_item(item))),
                },
                made = made => {
                    if !matches!(made, Ok(Some(_))) {
                        self.engine = None;
                    }
                    ask.answered(match made {
                        Ok(Some(piece)) => piece.into_item(),
                        Ok(None) => Item::Over(None),
                        Err(error) => Item::Over(Some(error)),
                    });
                }
            }
        }
    }
}

/// What a question is known by when it is asked again.
#[derive(Default)]
pub(super) struct Key(Sha256);

impl Key {
    pub(super) fn text(mut self, text: &str) -> Key {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    pub(super) fn samples(mut self, samples: &[i16]) -> Key {
        self.0.update((samples.len() as u64).to_le_bytes());
        samples.iter().for_each(|sample| self.0.update(sample.to_le_bytes()));
        self
    }

    fn finish(self) -> String {
        self.0.finalize().iter().take(KEY_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Answers>> = const { RefCell::new(None) };
}

/// See [`Answers::enter`].
pub(crate) struct Entered(Option<Answers>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// A future beside which answers stand.
pub(crate) struct Scope<F> {
    answers: Option<Answers>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = Entered(CURRENT.replace(self.answers.clone()));
        self.future.as_mut().poll(cx)
    }
}

impl From<io::Error> for AnswersError {
    fn from(error: io::Error) -> AnswersError {
        AnswersError(error.to_string())
    }
}

/// Nobody looks for two that are alike: eight bytes tell all questions of a day apart.
const KEY_BYTES: usize = 8;

#[cfg(test)]
mod tests;
