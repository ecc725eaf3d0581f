//! One engine after the other: the next takes the same utterance when one fails or is late.
//!
//! An engine that fails twice in a row is left alone for a while, so that its time is not waited for with every utterance;
//! then one utterance tries it again.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Answer, Job, Pool,
    breaker::{Breaker, to_be_asked},
};
use crate::{
    agent::Limit,
    conversation::{EngineError, Transcription, nonsense},
};

/// Engines in the order in which they are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chain(Arc<[ChainLink]>);

/// One engine of a chain.
pub struct ChainLink {
    pool: Pool,
    /// How long a final may take, its place in the queue included.
    within: Duration,
    /// How many sessions it serves by the word of a deploy.
    sessions: Option<usize>,
    breaker: Breaker,
}

impl ChainLink {
    /// An engine that is given `within` for the end of an utterance.
    pub fn new(pool: Pool, within: Duration) -> ChainLink {
        ChainLink { pool, within, sessions: None, breaker: Breaker::default() }
    }

    /// The same, of which a deploy may say how many sessions it serves; that goes before what was measured.
    pub fn serving(self, sessions: Option<usize>) -> ChainLink {
        ChainLink { sessions, ..self }
    }
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

    /// How many sessions a chain like this can serve: as many as its first engine, which has to keep up.
    pub fn limit(&self) -> Limit {
        let first = &self.0[0];
        Limit { name: first.pool.id(), most: first.sessions.unwrap_or(first.pool.capacity()) }
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
        for link in to_be_asked(&self.0, |link| &link.breaker) {
            let deadline = Instant::now() + link.within;
            let job = Job::new(samples.clone(), true, language.clone(), deadline).after(losses);
            match link.pool.ask(job).await {
                Ok(answer) => {
                    link.breaker.on_success(&link.pool.about().name);
                    return Ok((link.plausible(answer, samples.len()), &link.pool));
                }
                Err(error) => {
                    link.breaker.on_failure(&link.pool.about().name, &error);
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
        let link = self.0.iter().find(|link| !link.breaker.is_left_alone()).unwrap_or(&self.0[0]);
        let samples = job.samples.len();
        let answer = link.pool.ask(job).await?;
        Ok((link.plausible(answer, samples), &link.pool))
    }
}

impl ChainLink {
    fn plausible(&self, answer: Answer, samples: usize) -> Answer {
        let lasts = crate::conversation::Spoken::RATE.duration_of(samples as u64);
        match nonsense(&answer.heard, lasts) {
            None => answer,
            Some(what) => {
                self.pool.stats().count_nonsense(what);
                Answer { heard: Transcription::default(), nonsense: Some(what), ..answer }
            }
        }
    }
}

impl fmt::Debug for ChainLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {:?}", self.pool.about().name, self.within)
    }
}
