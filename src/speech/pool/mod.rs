//! The threads of one engine, and the queue before them.
//!
//! Each thread has a worker of its own, made on it. Whoever asks waits no longer than the job's deadline, whatever the
//! engine does: a thread that hangs is left to itself and another takes its place, up to a bound.

mod queue;
mod thread;

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    engines,
    stats::{AskedEngine, EngineStats},
};
use crate::conversation::{About, EngineError, Nonsense, SpeechToText, Spoken, Transcription};
use queue::Queue;

/// How a pool works.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PoolSettings {
    /// Threads, each with a worker of its own: as many utterances are worked on at a time.
    pub threads: usize,
    /// Finals that may wait, and as many partials.
    pub most_waiting: usize,
}

impl Default for PoolSettings {
    fn default() -> PoolSettings {
        PoolSettings { threads: 1, most_waiting: 256 }
    }
}

/// Speech that is to be understood.
#[derive(Clone)]
pub struct Job {
    /// The samples.
    pub samples: Arc<[i16]>,
    /// Whether the utterance is over.
    pub is_final: bool,
    /// The language, where it is known.
    pub language: Option<Arc<str>>,
    /// When nobody waits for it any more.
    pub deadline: Instant,
    /// How many utterances of the same speaker in a row were not understood.
    losses: u32,
    /// It is nobody's speech, and is not counted.
    is_trial: bool,
}

impl Job {
    /// Speech that nobody waits for behind `deadline`.
    pub fn new(samples: Arc<[i16]>, is_final: bool, language: Option<Arc<str>>, deadline: Instant) -> Job {
        Job { samples, is_final, language, deadline, losses: 0, is_trial: false }
    }

    /// The same, by a speaker of whom so many utterances in a row were not understood: it goes before those of others.
    pub fn after(self, losses: u32) -> Job {
        Job { losses, ..self }
    }

    fn lasts(&self) -> Duration {
        Spoken::RATE.duration_of(self.samples.len() as u64)
    }
}

/// What came of a job.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The words.
    pub heard: Transcription,
    /// What was wrong with a text that cannot have been said, and is therefore not in `heard`.
    pub nonsense: Option<Nonsense>,
    /// How long it waited before the engine took it.
    pub queued: Duration,
    /// How long the engine took.
    pub took: Duration,
}

/// One engine, loaded. Clones share it; its threads end with the last of them.
#[derive(Clone)]
pub struct Pool(Arc<Owner>);

impl engines::Shared for Pool {
    type Weak = Weak<Owner>;

    fn downgrade(&self) -> Weak<Owner> {
        Arc::downgrade(&self.0)
    }

    fn upgrade(weak: &Weak<Owner>) -> Option<Pool> {
        weak.upgrade().map(Pool)
    }
}

pub(super) struct Owner(Arc<Shared>);

struct Shared {
    engine: Box<dyn SpeechToText>,
    about: About,
    asked: AskedEngine,
    state: Mutex<State>,
    wake: Condvar,
    /// How many sessions it serves in time, and which pool of this process it is.
    capacity: AtomicUsize,
    number: usize,
}

struct State {
    queue: Queue<Waiting>,
    ends: bool,
    /// Jobs that threads are at, and threads that have been left to themselves.
    running: Vec<Arc<Mutex<Taken>>>,
    abandoned: usize,
    /// How much of the time that speech lasts the engine takes, of late.
    factor: f64,
}

struct Waiting {
    job: Job,
    asked: Instant,
    answer: oneshot::Sender<Result<Answer, EngineError>>,
    /// Whether it has been taken, and whether nobody waits for it any more.
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Waits,
    Runs(Instant),
    /// Nobody waits for it any more; a thread is at it since then, if one is.
    GivenUp(Option<Instant>),
    /// Given up, and another thread has taken the place of the one that has it.
    Replaced,
}

impl Pool {
    /// Loads an engine, and waits until it has understood a sentence: only then is it known that it works, and how fast.
    ///
    /// # Errors
    /// Why the engine cannot be used.
    pub async fn start(engine: impl SpeechToText, settings: &PoolSettings) -> Result<Pool, EngineError> {
        let about = engine.about();
        let asked = AskedEngine::named(about.name.clone());
        let queue = Queue::new(settings.most_waiting);
        let state = State { queue, ends: false, running: Vec::new(), abandoned: 0, factor: 0.0 };
        let (engine, threads) = (Box::new(engine), settings.threads.max(1));
        let shared = Shared {
            engine,
            about,
            asked,
            state: Mutex::new(state),
            wake: Condvar::new(),
            capacity: AtomicUsize::new(0),
            number: POOLS.fetch_add(1, Ordering::Relaxed),
        };
        let pool = Pool(Arc::new(Owner(Arc::new(shared))));
        for _ in 0..threads {
            thread::spawn(pool.0.0.clone())?;
        }
        let factor = pool.warm_up(threads).await?;
        let capacity = capacity(factor, threads);
        pool.0.0.capacity.store(capacity, Ordering::Relaxed);
        pool.stats().capacity.fetch_add(capacity as u64, Ordering::Relaxed);
        Ok(pool)
    }

    /// Lets each thread understand a sentence. Gives the real-time factor.
    async fn warm_up(&self, threads: usize) -> Result<f64, EngineError> {
        let speech: Arc<[i16]> = super::check::sentence().into();
        let job = || Job { is_trial: true, ..Job::new(speech.clone(), true, None, Instant::now() + LOADING) };
        // The first run pays for what is made on demand.
        let runs = futures_util::future::join_all((0..threads).map(|_| self.ask(job()))).await;
        runs.into_iter().collect::<Result<Vec<Answer>, EngineError>>()?;
        let again = self.ask(job()).await?;
        let lasts = job().lasts();
        Ok(again.took.as_secs_f64() / lasts.as_secs_f64())
    }

    /// What the engine is.
    pub fn about(&self) -> &About {
        &self.0.0.about
    }

    /// What is counted of it.
    pub fn stats(&self) -> &EngineStats {
        self.0.0.asked.stats()
    }

    /// The engine, as it is told to those who ask.
    pub(super) fn asked(&self) -> &AskedEngine {
        &self.0.0.asked
    }

    /// How many sessions it can serve in time.
    pub fn capacity(&self) -> usize {
        self.0.0.capacity.load(Ordering::Relaxed)
    }

    /// A name that no other pool of this process has: two programs may be called the same.
    pub fn id(&self) -> Arc<str> {
        format!("{}#{}", self.about().name, self.0.0.number).into()
    }

    /// Has something understood. The answer comes by the job's deadline, whatever the engine does.
    ///
    /// # Errors
    /// [`EngineError`]; what is shed, late or refused is counted.
    pub async fn ask(&self, job: Job) -> Result<Answer, EngineError> {
        let shared = &self.0.0;
        let (answer, mut answered) = oneshot::channel();
        let taken = Arc::new(Mutex::new(Taken::Waits));
        let (deadline, is_final) = (job.deadline, job.is_final);
        let waiting = Waiting { job, asked: Instant::now(), answer, taken: taken.clone() };
        let mut asking = Asking { shared, taken, is_answered: false };
        let pushed = shared.push(waiting);
        if pushed.is_err() {
            shared.count_loss(is_final, &EngineError::Full);
            return Err(if is_final { EngineError::Full } else { EngineError::Shed });
        }
        shared.wake.notify_one();
        let result = match shared.wait(&mut answered, deadline).await {
            Some(answer) => {
                asking.is_answered = true;
                // The thread panicked with it.
                answer.unwrap_or_else(|_| Err(EngineError::Broken("the engine panicked".into())))
            }
            None if is_final => Err(EngineError::Late),
            None => Err(EngineError::Shed),
        };
        drop(asking);
        if let Err(error) = &result {
            shared.count_loss(is_final, error);
        }
        result
    }
}

/// Somebody waits for an answer. Who waits no more, for whatever reason, gives the job up.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    taken: Arc<Mutex<Taken>>,
    is_answered: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let mut taken = lock(&self.taken);
        *taken = match *taken {
            Taken::Runs(since) => Taken::GivenUp(Some(since)),
            _ => Taken::GivenUp(None),
        };
        drop(taken);
        self.shared.replace_hung();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.about().name)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn count_loss(&self, is_final: bool, error: &EngineError) {
        let stats = self.asked.stats();
        let counter = match error {
            _ if !is_final => &stats.shed_partials,
            EngineError::Late | EngineError::Shed => &stats.late,
            EngineError::Full => &stats.refused,
            EngineError::Failed(_) | EngineError::Broken(_) | EngineError::Unavailable(_) => &stats.failed,
        };
        EngineStats::count(counter, 1);
    }

    fn push(&self, waiting: Waiting) -> Result<(), Waiting> {
        let (deadline, queue) = (waiting.job.deadline, &mut self.lock().queue);
        match waiting.job.is_final {
            true => queue.push_final(deadline, waiting.job.lasts(), waiting.job.losses, waiting),
            false => queue.push_partial(deadline, waiting.job.lasts(), waiting),
        }
    }

    /// Waits for an answer until `deadline`; what hangs before it is looked for meanwhile, as nobody else might wait.
    async fn wait<T>(
        self: &Arc<Shared>,
        answered: &mut oneshot::Receiver<T>,
        deadline: Instant,
    ) -> Option<Result<T, oneshot::error::RecvError>> {
        loop {
            let next = deadline.min(Instant::now() + HUNG);
            match tokio::time::timeout_at(next.into(), &mut *answered).await {
                Ok(answer) => return Some(answer),
                Err(_) if Instant::now() >= deadline => return None,
                Err(_) => self.replace_hung(),
            }
        }
    }

    /// A thread that has been for long at what nobody waits for is left to itself, and ends if it ever comes back.
    fn replace_hung(self: &Arc<Shared>) {
        let mut state = self.lock();
        if state.ends {
            return;
        }
        let hangs = |taken: &Taken| matches!(taken, Taken::GivenUp(Some(since)) if since.elapsed() >= HUNG);
        let hung = state.running.iter().filter(|taken| hangs(&lock(taken)));
        let hung: Vec<Arc<Mutex<Taken>>> = hung.take(MOST_ABANDONED.saturating_sub(state.abandoned)).cloned().collect();
        for taken in hung {
            if thread::spawn(self.clone()).is_ok() {
                tracing::warn!(engine = %self.about.name, "the engine hangs; another thread takes over");
                *lock(&taken) = Taken::Replaced;
                state.abandoned += 1;
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ends = true;
        state.queue.clear();
        drop(state);
        let capacity = self.0.capacity.load(Ordering::Relaxed) as u64;
        self.0.asked.stats().capacity.fetch_sub(capacity, Ordering::Relaxed);
        self.0.wake.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many sessions an engine can serve in time: a session's people speak two fifths of the time between them, finals cost
/// what they last once, and three fifths of a thread's time are spent on them, so that there is room for a crowd and for
/// partials.
fn capacity(real_time_factor: f64, threads: usize) -> usize {
    let of_one = 0.6 / (real_time_factor.max(1e-4) * 0.4);
    ((of_one * threads as f64) as usize).max(1)
}

/// Pools that were made in this process.
static POOLS: AtomicUsize = AtomicUsize::new(1);
/// How long loading and a first sentence may take.
const LOADING: Duration = Duration::from_secs(50);
/// What took less than this did not hang, though it was too late.
const HUNG: Duration = Duration::from_secs(1);
/// Threads that may hang. With more, the engine is late for good, and its chain knows.
const MOST_ABANDONED: usize = 4;

#[cfg(test)]
mod tests;
