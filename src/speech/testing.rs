//! An engine for tests of what is built upon engines.

use std::time::Duration;

use super::{Chain, ChainLink, Pool, PoolSettings};
use crate::conversation::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription};

/// Makes of what it hears what this function does.
#[derive(Clone)]
struct Scripted<F>(F);

impl<F> SpeechToText for Scripted<F>
where
    F: Fn(&Spoken<'_>) -> Result<Transcription, EngineError> + Clone + Send + Sync + 'static,
{
    fn about(&self) -> About {
        About { name: "scripted".into(), languages: Languages::english() }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        Ok(Box::new(self.clone()))
    }
}

impl<F: Fn(&Spoken<'_>) -> Result<Transcription, EngineError>> SpeechWorker for Scripted<F> {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        self.0(speech)
    }
}

/// A chain of one such engine, which has all the time that a busy machine needs.
pub(crate) async fn chain_of<F>(hears: F) -> Chain
where
    F: Fn(&Spoken<'_>) -> Result<Transcription, EngineError> + Clone + Send + Sync + 'static,
{
    let pool = Pool::start(Scripted(hears), &PoolSettings::default()).await.unwrap();
    Chain::new(vec![ChainLink::new(pool, Duration::from_secs(120))])
}
