//! Asking an engine, or what it once answered.
//!
//! While a session is recorded an engine works in a task of its own that does nothing but write down what comes: whoever asked is
//! woken at the beginning of a step alone, so that nothing an engine does changes the order in which a session's tasks run.

use std::task::{Context, Poll};

use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::Instrument;

use super::{
    Answers, Kind, Tape, give,
    item::{Item, Recorded},
};
use crate::conversation::EngineError;

/// Something that was asked. Who drops it waits for no answer.
pub(super) struct Ask {
    pub(super) question: Question,
    /// The engine is not asked.
    pub(super) is_known: bool,
}

/// Its number among all that were asked.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) answers: Answers,
    pub(super) id: u64,
}

impl Question {
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
}

impl Ask {
    /// Waits for what is given next. Dropping the future loses nothing.
    async fn next(&self) -> Item {
        let Question { answers, id } = &self.question;
        std::future::poll_fn(|cx: &mut Context<'_>| {
            let mut state = answers.lock();
            let Some(waiting) = state.open.get_mut(id) else { return Poll::Pending };
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

    /// Has this asked, unless it is known what comes of it.
    fn unless_known(&self, ask: impl FnOnce(Question) -> Work<()>) -> Option<Work<()>> {
        (!self.is_known).then(|| ask(self.question.clone()))
    }
}

impl Drop for Ask {
    fn drop(&mut self) {
        self.question.answers.lock().open.remove(&self.question.id);
    }
}

/// A task that ends with this.
struct Work<T>(JoinHandle<T>);

impl<T: Send + 'static> Work<T> {
    fn begin(work: impl Future<Output = T> + Send + 'static) -> Work<T> {
        Work(tokio::spawn(work.in_current_span()))
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has an engine answer once, or what it once answered.
pub(in crate::speech) async fn once<T: Recorded>(
    kind: Kind,
    key: impl FnOnce() -> Key,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let Some(answers) = Answers::current() else { return work.await };
    let ask = answers.ask(kind, key().finish());
    let _work = ask.unless_known(|question| Work::begin(async move { question.answered(work.await.into_item()) }));
    T::from_item(ask.next().await)
}

/// What an engine makes piece by piece, or what it once made. The engine works in a task of its own, so that it is not late
/// where whoever listens takes their time; dropping this stops it.
pub(in crate::speech) struct Made<T> {
    source: Source<T>,
    is_over: bool,
}

enum Source<T> {
    Engine(Engine<T>),
    Answers { ask: Ask, _work: Option<Work<()>> },
}

struct Engine<T> {
    pieces: mpsc::Receiver<T>,
    work: Work<Result<(), EngineError>>,
}

impl<T> Engine<T> {
    async fn next(&mut self) -> Result<Option<T>, EngineError> {
        match self.pieces.recv().await {
            Some(piece) => Ok(Some(piece)),
            None => match (&mut self.work.0).await {
                Ok(result) => result.map(|()| None),
                Err(_) => Err(EngineError::Failed("the engine panicked".into())),
            },
        }
    }
}

impl<T: Recorded + Send + 'static> Engine<T> {
    /// Writes down all that comes.
    async fn answer(mut self, question: Question) {
        loop {
            match self.next().await {
                Ok(Some(piece)) => question.answered(piece.into_item()),
                Ok(None) => return question.answered(Item::Over(None)),
                Err(error) => return question.answered(Item::Over(Some(error))),
            }
        }
    }
}

impl<T: Recorded + Send + 'static> Made<T> {
    /// Work, and the channel that its pieces come out of.
    pub(in crate::speech) fn new(
        kind: Kind,
        key: impl FnOnce() -> Key,
        work: impl Future<Output = Result<(), EngineError>> + Send + 'static,
        pieces: mpsc::Receiver<T>,
    ) -> Made<T> {
        let engine = || Engine { pieces, work: Work::begin(work) };
        let source = match Answers::current() {
            None => Source::Engine(engine()),
            Some(answers) => {
                let ask = answers.ask(kind, key().finish());
                let work = ask.unless_known(|question| Work::begin(engine().answer(question)));
                Source::Answers { ask, _work: work }
            }
        };
        Made { source, is_over: false }
    }

    /// The next piece; `None` when there are no more. Dropping the future loses nothing.
    ///
    /// # Errors
    /// That of the work; nothing comes behind it.
    pub(in crate::speech) async fn next(&mut self) -> Result<Option<T>, EngineError> {
        if self.is_over {
            return Ok(None);
        }
        let piece = match &mut self.source {
            Source::Engine(engine) => engine.next().await,
            Source::Answers { ask, .. } => match ask.next().await {
                Item::Over(None) => Ok(None),
                Item::Over(Some(error)) => Err(error),
                item => Ok(Some(T::from_item(item))),
            },
        };
        self.is_over = !matches!(piece, Ok(Some(_)));
        piece
    }
}

/// What a question is known by when it is asked again.
#[derive(Default)]
pub(in crate::speech) struct Key(Sha256);

impl Key {
    pub(in crate::speech) fn text(mut self, text: &str) -> Key {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    pub(in crate::speech) fn samples(mut self, samples: &[i16]) -> Key {
        self.0.update((samples.len() as u64).to_le_bytes());
        samples.iter().for_each(|sample| self.0.update(sample.to_le_bytes()));
        self
    }

    fn finish(self) -> String {
        self.0.finalize().iter().take(KEY_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Nobody looks for two that are alike: eight bytes tell all questions of a day apart.
const KEY_BYTES: usize = 8;
