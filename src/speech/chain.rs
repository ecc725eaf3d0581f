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
    Answer, AskedEngine, Job, Pool,
    answers::{self, Key, Kind},
    breaker::{Breaker, to_be_asked},
};
use crate::{
    agent::Limit,
    conversation::{EngineError, Transcription, nonsense},
};

/// Engines in the order in which they are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chain {
    links: Arc<[ChainLink]>,
    first: AskedEngine,
}

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
        let first = links[0].pool.asked().clone();
        Chain { links: links.into(), first }
    }

    /// A chain of which it is known what it answered when its first engine was this one.
    pub(super) fn known(first: &str) -> Chain {
        Chain { links: Arc::new([]), first: AskedEngine::named(first.into()) }
    }

    /// The first engine, which is asked as long as it is well.
    pub fn first(&self) -> &AskedEngine {
        &self.first
    }

    /// How many sessions a chain like this can serve: as many as its first engine, which has to keep up.
    pub fn limit(&self) -> Limit {
        match self.links.first() {
            Some(first) => Limit { name: first.pool.id(), most: first.sessions.unwrap_or(first.pool.capacity()) },
            None => Limit { name: self.first.name.clone(), most: usize::MAX },
        }
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
    ) -> Result<(Answer, AskedEngine), EngineError> {
        let key = || key(&samples, true, language.as_deref());
        let (chain, asked, spoken) = (self.clone(), samples.clone(), language.clone());
        let work = async move { chain.ask_each(asked, spoken, losses).await };
        answers::once(Kind::SpeechToText, key, work).await
    }

    async fn ask_each(
        &self,
        samples: Arc<[i16]>,
        language: Option<Arc<str>>,
        losses: u32,
    ) -> Result<(Answer, AskedEngine), EngineError> {
        let mut last = EngineError::Failed("every engine is left alone after failures".into());
        for link in to_be_asked(&self.links, |link| &link.breaker) {
            let deadline = Instant::now() + link.within;
            let job = Job::new(samples.clone(), true, language.clone(), deadline).after(losses);
            match link.pool.ask(job).await {
                Ok(answer) => {
                    link.breaker.on_success(&link.pool.about().name);
                    return Ok((link.plausible(answer, samples.len()), link.pool.asked().clone()));
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
    pub async fn listen(&self, job: Job) -> Result<(Answer, AskedEngine), EngineError> {
        let (samples, language) = (job.samples.clone(), job.language.clone());
        let key = || key(&samples, false, language.as_deref());
        let chain = self.clone();
        answers::once(Kind::SpeechToText, key, async move { chain.ask_first(job).await }).await
    }

    async fn ask_first(&self, job: Job) -> Result<(Answer, AskedEngine), EngineError> {
        let link = self.links.iter().find(|link| !link.breaker.is_left_alone()).unwrap_or(&self.links[0]);
        let samples = job.samples.len();
        let answer = link.pool.ask(job).await?;
        Ok((link.plausible(answer, samples), link.pool.asked().clone()))
    }
}

fn key(samples: &[i16], is_final: bool, language: Option<&str>) -> Key {
    let what = if is_final { "utterance" } else { "beginning" };
    Key::default().text(what).text(language.unwrap_or("")).samples(samples)
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
