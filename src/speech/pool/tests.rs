//! What becomes of jobs when engines fail. Times are long enough for a busy machine: what is asserted is what comes, and in
//! which order, never how fast.

use std::sync::{
    atomic::{AtomicUsize, Ordering as Memory},
    mpsc,
};

use super::*;
use crate::{
    conversation::{Languages, SpeechWorker, Spoken},
    speech::{Chain, ChainLink},
};

/// An engine that does to each utterance what its first sample says, after the sentence that every pool begins with.
struct Scripted {
    name: &'static str,
    made: Arc<AtomicUsize>,
    /// What hangs waits for this.
    release: Arc<Mutex<mpsc::Receiver<()>>>,
    order: Arc<Mutex<Vec<i16>>>,
}

const SAY: i16 = 1;
const FAIL: i16 = 2;
const BREAK: i16 = 3;
const PANIC: i16 = 4;
const HANG: i16 = 5;

impl SpeechToText for Scripted {
    fn about(&self) -> About {
        About { name: self.name.into(), languages: Languages::english() }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        self.made.fetch_add(1, Memory::SeqCst);
        Ok(Box::new(Script { release: self.release.clone(), order: self.order.clone() }))
    }
}

struct Script {
    release: Arc<Mutex<mpsc::Receiver<()>>>,
    order: Arc<Mutex<Vec<i16>>>,
}

impl SpeechWorker for Script {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        if speech.samples.len() > 1_000 {
            return Ok(Transcription::of("the sentence"));
        }
        lock(&self.order).push(speech.samples[1]);
        match speech.samples[0] {
            FAIL => Err(EngineError::Failed("cannot".into())),
            BREAK => Err(EngineError::Broken("is gone".into())),
            PANIC => panic!("an engine that panics"),
            HANG => {
                lock(&self.release).recv().ok();
                Ok(Transcription::of("at last"))
            }
            _ => Ok(Transcription::of("words")),
        }
    }
}

struct Stage {
    pool: Pool,
    made: Arc<AtomicUsize>,
    release: mpsc::Sender<()>,
    order: Arc<Mutex<Vec<i16>>>,
}

async fn stage(name: &'static str, settings: PoolSettings) -> Stage {
    let (release, wait) = mpsc::channel();
    let (made, order) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<i16>>>::default());
    let engine = Scripted { name, made: made.clone(), release: Arc::new(Mutex::new(wait)), order: order.clone() };
    Stage { pool: Pool::start(engine, &settings).await.unwrap(), made, release, order }
}

fn job(what: i16, mark: i16, is_final: bool, within: Duration) -> Job {
    Job::new([what, mark].as_slice().into(), is_final, None, Instant::now() + within)
}

const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn what_breaks_or_panics_is_made_anew_and_what_fails_is_not() {
    let Stage { pool, made, .. } = stage("breaks", PoolSettings::default()).await;
    assert_eq!(pool.ask(job(SAY, 0, true, LONG)).await.unwrap().heard.text, "words");
    assert_eq!(pool.ask(job(FAIL, 0, true, LONG)).await.unwrap_err(), EngineError::Failed("cannot".into()));
    assert_eq!(made.load(Memory::SeqCst), 1);
    assert!(matches!(pool.ask(job(BREAK, 0, true, LONG)).await, Err(EngineError::Broken(_))));
    assert!(matches!(pool.ask(job(PANIC, 0, true, LONG)).await, Err(EngineError::Broken(_))));
    assert_eq!(pool.ask(job(SAY, 0, true, LONG)).await.unwrap().heard.text, "words");
    assert_eq!(made.load(Memory::SeqCst), 3, "one at the start, and one for each that was of no use any more");
    let of = |get: fn(&EngineStats) -> u64| get(pool.stats());
    assert_eq!(of(|stats| stats.failed.load(Memory::SeqCst)), 3);
    assert_eq!(of(|stats| stats.restarts.load(Memory::SeqCst)), 2);
    assert_eq!(of(|stats| stats.finals.load(Memory::SeqCst)), 2, "the sentence at the start is nobody's");
}

#[tokio::test]
async fn a_thread_that_hangs_is_replaced_and_costs_one_utterance() {
    let Stage { pool, made, release, .. } = stage("hangs", PoolSettings::default()).await;
    let hangs = pool.ask(job(HANG, 0, true, HUNG + Duration::from_millis(500))).await;
    assert_eq!(hangs.unwrap_err(), EngineError::Late);
    assert_eq!(pool.ask(job(SAY, 0, true, LONG)).await.unwrap().heard.text, "words");
    assert_eq!(made.load(Memory::SeqCst), 2, "another thread took over");
    release.send(()).unwrap();
    assert_eq!(pool.stats().late.load(Memory::SeqCst), 1);
}

/// Whatever hangs, and whether or not anybody waits for it: the next utterance is understood.
#[tokio::test]
async fn a_partial_that_hangs_and_one_that_nobody_waits_for_are_replaced_too() {
    let Stage { pool, made, release, order } = stage("hangs again", PoolSettings::default()).await;
    // Until it is taken: on a machine that is full a thread may be too slow for it.
    while lock(&order).is_empty() {
        let hangs = pool.ask(job(HANG, 0, false, Duration::from_millis(50))).await;
        assert_eq!(hangs.unwrap_err(), EngineError::Shed);
    }
    // It has not hung for long enough yet; who waits for longer behind it sees that it has.
    let behind = pool.ask(job(SAY, 0, true, HUNG / 2)).await;
    assert_eq!(behind.unwrap_err(), EngineError::Late);
    assert_eq!(pool.ask(job(SAY, 0, true, LONG)).await.unwrap().heard.text, "words");
    let before = lock(&order).len();
    let asked = tokio::spawn({
        let pool = pool.clone();
        async move { pool.ask(job(HANG, 0, true, LONG)).await }
    });
    while lock(&order).len() == before {
        tokio::task::yield_now().await;
    }
    asked.abort();
    assert!(asked.await.is_err(), "dropped while it runs");
    assert_eq!(pool.ask(job(SAY, 0, true, LONG)).await.unwrap().heard.text, "words");
    assert_eq!(made.load(Memory::SeqCst), 3);
    drop(release);
}

#[tokio::test]
async fn finals_go_before_partials_by_their_deadlines_and_what_is_too_much_is_refused() {
    let settings = PoolSettings { most_waiting: 3, ..PoolSettings::default() };
    let Stage { pool, release, order, .. } = stage("orders", settings).await;
    let ask = |what, mark, is_final, within| {
        let pool = pool.clone();
        tokio::spawn(async move { pool.ask(job(what, mark, is_final, within)).await })
    };
    let first = ask(HANG, 1, true, LONG);
    while lock(&order).is_empty() {
        tokio::task::yield_now().await;
    }
    let mut rest = vec![ask(SAY, 2, false, LONG), ask(SAY, 3, true, LONG * 3), ask(SAY, 4, true, LONG * 2)];
    rest.push(ask(SAY, 5, true, LONG * 4));
    tokio::task::yield_now().await;
    let refused = pool.ask(job(SAY, 6, true, LONG)).await;
    assert_eq!(refused.unwrap_err(), EngineError::Full);
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap().heard.text, "at last");
    for asked in rest {
        assert!(asked.await.unwrap().is_ok());
    }
    assert_eq!(*lock(&order), [1, 4, 3, 5, 2]);
}

#[tokio::test]
async fn the_next_engine_takes_the_same_utterance_and_a_failing_one_is_left_alone() {
    let (weak, strong) = (stage("weak", PoolSettings::default()).await, stage("strong", PoolSettings::default()).await);
    let chain = Chain::new(vec![ChainLink::new(weak.pool, LONG), ChainLink::new(strong.pool, LONG)]);
    let samples = |what: i16, mark: i16| Arc::<[i16]>::from([what, mark].as_slice());
    assert_eq!(chain.finish(samples(SAY, 1), None, 0).await.unwrap().1.name.as_ref(), "weak");
    // Both do what the utterance says, so both fail; twice in a row and the first is left alone.
    for mark in 2..4 {
        assert!(chain.finish(samples(FAIL, mark), None, 0).await.is_err());
    }
    assert_eq!((lock(&weak.order).clone(), lock(&strong.order).clone()), (vec![1, 2, 3], vec![2, 3]));
    // Now both are left alone; no answer would be worse than a late one, so the first is asked all the same.
    assert_eq!(chain.finish(samples(SAY, 4), None, 0).await.unwrap().1.name.as_ref(), "weak");
    assert_eq!(*lock(&weak.order), [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_engine_that_cannot_be_made_says_why_at_the_start() {
    struct Missing;
    impl SpeechToText for Missing {
        fn about(&self) -> About {
            About { name: "missing".into(), languages: Languages::Any }
        }
        fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
            Err(EngineError::Unavailable("there is no model; install it".into()))
        }
    }
    let error = Pool::start(Missing, &PoolSettings::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no model; install it");
}
