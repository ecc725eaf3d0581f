//! Language models: one after the other until one writes a reply.

mod openai;
mod rules;

use std::{fmt, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use tracing::Instrument;

pub use self::{
    openai::OpenAiModel,
    rules::{Rule, RuleError, Rules},
};
use super::{
    answers::{Key, Kind, Made},
    breaker::{Breaker, to_be_asked},
    gate::Gate,
    pieces::Pieces,
    trace,
};
use crate::conversation::{EngineError, LanguageModel, Prompt, Speech, text_channel};

/// Models in the order in which they are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models(Arc<[ModelLink]>);

/// One model of a chain.
pub struct ModelLink {
    model: Box<dyn LanguageModel>,
    gate: Gate,
    /// How long its first text may take, and each that follows.
    within: Duration,
    breaker: Breaker,
}

impl ModelLink {
    /// A model that is given `within` for its first text, and for each that follows.
    pub fn new(model: impl LanguageModel, within: Duration) -> ModelLink {
        ModelLink::boxed(Box::new(model), within)
    }

    pub(crate) fn boxed(model: Box<dyn LanguageModel>, within: Duration) -> ModelLink {
        let gate = Gate::new(model.most_at_once());
        ModelLink { model, gate, within, breaker: Breaker::default() }
    }
}

impl fmt::Debug for ModelLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {:?}", self.model.name(), self.within)
    }
}

impl Models {
    /// These models.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(links: Vec<ModelLink>) -> Models {
        assert!(!links.is_empty(), "a chain has models");
        Models(links.into())
    }

    /// A chain of which it is known what it wrote.
    pub(super) fn known() -> Models {
        Models(Arc::new([]))
    }

    /// Has a reply written and said, as it comes. The next model takes over while nothing has been given of the reply.
    ///
    /// # Errors
    /// That of the last model. What was given before it failed has been said, or is about to be.
    pub async fn reply(&self, prompt: &Prompt, say: &mut Speech) -> Result<(), EngineError> {
        let (texts, pieces) = mpsc::channel(1);
        let (models, asked, conversation) = (self.clone(), prompt.clone(), say.conversation().to_owned());
        let work = async move { models.write(&asked, &conversation, texts).await };
        let mut made = Made::new(Kind::LanguageModel, || key(prompt), work, pieces);
        while let Some(text) = made.next().await? {
            say.text(&text).await;
        }
        Ok(())
    }

    async fn write(&self, prompt: &Prompt, conversation: &str, texts: mpsc::Sender<String>) -> Result<(), EngineError> {
        let mut last = EngineError::Failed("every model is left alone after failures".into());
        for link in to_be_asked(&self.0, |link| &link.breaker) {
            let (span, asked, mut first) = (trace::chat(Some(conversation), &link.model.name()), Instant::now(), None);
            let result = link.run(prompt, &texts, &mut first).instrument(span.clone()).await;
            let first: Option<Duration> = first.map(|at: Instant| at - asked);
            trace::record_piece(&span, "roomtone.first_text_s", first, &result);
            match result {
                Ok(()) => {
                    link.breaker.on_success(&link.model.name());
                    return Ok(());
                }
                Err(error) => {
                    link.breaker.on_failure(&link.model.name(), &error);
                    last = error;
                }
            }
            if first.is_some() {
                break;
            }
        }
        Err(last)
    }
}

impl ModelLink {
    async fn run(
        &self,
        prompt: &Prompt,
        said: &mpsc::Sender<String>,
        first: &mut Option<Instant>,
    ) -> Result<(), EngineError> {
        let deadline = Instant::now() + self.within;
        let _place = self.gate.enter(self.within).await?;
        let (mut sink, texts) = text_channel();
        let work = async move { self.model.complete(prompt, &mut sink).await };
        let mut texts = Pieces::new(work, texts, deadline, self.within);
        let mut left = LONGEST_REPLY;
        while let Some(text) = texts.next().await? {
            let spare = left.checked_sub(text.len());
            left = spare.ok_or_else(|| EngineError::Failed("the reply has no end".into()))?;
            if !text.trim().is_empty() {
                first.get_or_insert_with(Instant::now);
            }
            said.send(text).await.map_err(|_| EngineError::Shed)?;
        }
        Ok(())
    }
}

/// What a model makes its reply of.
fn key(prompt: &Prompt) -> Key {
    let key = Key::default().text(&prompt.instructions);
    let key = prompt.context.iter().fold(key, |key, entry| key.text(&entry.text));
    key.text(&prompt.turn.text)
}

/// Bytes of a reply: an hour of talk.
const LONGEST_REPLY: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::sync::watch;

    use super::*;
    use crate::conversation::{Announcer, Part, TextSink, UserTurn};

    /// Writes many sentences as fast as they are taken.
    struct Talker;

    #[async_trait]
    impl LanguageModel for Talker {
        fn name(&self) -> Arc<str> {
            "talker".into()
        }

        async fn complete(&self, _: &Prompt, text: &mut TextSink) -> Result<(), EngineError> {
            for n in 0..200 {
                text.push(&format!("Sentence {n}. ")).await?;
            }
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_is_not_late_where_whoever_speaks_takes_their_time() {
        let models = Models::new(vec![ModelLink::new(Talker, Duration::from_secs(1))]);
        let turn = UserTurn {
            speaker: "ada".into(),
            name: None,
            text: "go on".into(),
            begins: Duration::ZERO,
            ends: Duration::ZERO,
            stood_in: false,
        };
        let prompt = Prompt { instructions: "".into(), context: Arc::new([]), turn };
        let (parts, mut said) = mpsc::channel(1);
        let announcer = Announcer::new(mpsc::channel(1).0);
        let mut speech = Speech::new(parts, watch::channel(true).1, Arc::new([]), announcer, "room/agent".into());
        let taking = tokio::spawn(async move {
            let mut taken = 0;
            while let Some(part) = said.recv().await {
                taken += u32::from(matches!(part, Part::Text(_)));
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            taken
        });
        models.reply(&prompt, &mut speech).await.unwrap();
        drop(speech);
        assert_eq!(taking.await.unwrap(), 200);
    }
}
