//! One engine after the other: the next takes the same utterance when one fails or is late.
//!
//! An engine that fails twice in a row is left alone for a while, so that its time is not waited for with every utterance;
//! then one utterance tries it again.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Answer, Job, Pool};
use crate::conversation::{EngineError, Transcription, nonsense};

/// Engines in the order in which they are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chain(Arc<[ChainLink]>);

/// One engine of a chain.
pub struct ChainLink {
    pool: Pool,
    /// How long a final may take, its place in the queue included.
    within: Duration,
    breaker: Mutex<Breaker>,
}

impl ChainLink {
    /// An engine that is given `within` for the end of an utterance.
    pub fn new(pool: Pool, within: Duration) -> ChainLink {
        ChainLink { pool, within, breaker: Mutex::default() }
    }
}

/// Whether an engine is left alone.
#[derive(Debug, Default, Clone, Copy)]
struct Breaker {
    failures: u32,
    opened: Option<Instant>,
}

impl Chain {
    /// These engines.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(links: Vec<ChainLink>) -> Chain {
        assert!(!links.is_empty(), "a chain has engines");
        Chain(links.into())
    }

    /// The first engine, which is asked as long as it is well.
    pub fn first(&self) -> &Pool {
        &self.0[0].pool
    }

    /// What somebody said, of whom so many utterances in a row were not understood, and by which engine. A text that cannot have
    /// been said is dropped, and counted.
    ///
    /// # Errors
    /// That of the last engine.
    pub async fn finish(
        &self,
        samples: Arc<[i16]>,
        language: Option<Arc<str>>,
        losses: u32,
    ) -> Result<(Answer, &Pool), EngineError> {
        let mut last = EngineError::Failed("every engine is left alone after failures".into());
        for link in self.0.iter().filter(|link| link.is_to_be_asked()).chain(self.all_left_alone()) {
            let deadline = Instant::now() + link.within;
            let job = Job::new(samples.clone(), true, language.clone(), deadline).after(losses);
            match link.pool.ask(job).await {
                Ok(answer) => {
                    link.on_success();
                    return Ok((link.plausible(answer, samples.len()), &link.pool));
                }
                Err(error) => {
                    link.on_failure(&error);
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// What somebody has said so far, by the first engine that is not left alone.
    ///
    /// # Errors
    /// That engine's.
    pub async fn listen(&self, job: Job) -> Result<(Answer, &Pool), EngineError> {
        let link = self.0.iter().find(|link| !link.is_left_alone()).unwrap_or(&self.0[0]);
        let samples = job.samples.len();
        let answer = link.pool.ask(job).await?;
        Ok((link.plausible(answer, samples), &link.pool))
    }

    /// With every engine left alone the first is asked all the same: no answer is worse than a late one.
    fn all_left_alone(&self) -> Option<&ChainLink> {
        self.0.iter().all(ChainLink::is_left_alone).then(|| &self.0[0])
    }
}

impl ChainLink {
    fn is_left_alone(&self) -> bool {
        self.breaker().opened.is_some_and(|at| at.elapsed() < REST)
    }

    /// Whether it is asked now: it is well, or has rested and this is the one that tries it.
    fn is_to_be_asked(&self) -> bool {
        let mut breaker = self.breaker();
        match breaker.opened {
            None => true,
            Some(at) if at.elapsed() < REST => false,
            Some(_) => {
                breaker.opened = Some(Instant::now());
                true
            }
        }
    }

    fn on_success(&self) {
        let was_left_alone = std::mem::take(&mut *self.breaker()).opened.is_some();
        if was_left_alone {
            tracing::info!(engine = %self.pool.about().name, "the engine is well again");
        }
    }

    fn on_failure(&self, error: &EngineError) {
        let mut breaker = self.breaker();
        breaker.failures += 1;
        if breaker.failures == FAILURES {
            breaker.opened = Some(Instant::now());
            tracing::warn!(engine = %self.pool.about().name, "the engine is left alone for {} s: {error}", REST.as_secs());
        }
    }

    fn plausible(&self, answer: Answer, samples: usize) -> Answer {
        let lasts = crate::conversation::Spoken::RATE.duration_of(samples as u64);
        match nonsense(&answer.heard, lasts) {
            None => answer,
            Some(what) => {
                self.pool.stats().count_nonsense(what);
                Answer { heard: Transcription::default(), ..answer }
            }
        }
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ChainLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {:?}", self.pool.about().name, self.within)
    }
}

/// Failures in a row after which an engine is left alone, and for how long.
const FAILURES: u32 = 2;
const REST: Duration = Duration::from_secs(10);
