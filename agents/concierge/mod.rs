//! A voice bot: it hears what people say, has a language model reply, and says that aloud. What it knows is the model's: rules
//! in a file, or a server. Everything about turns, interruptions and speech is the runtime's.

mod options;

use std::sync::Arc;

use async_trait::async_trait;
use roomtone::{
    agent::{AgentError, Maker, OptionsError, options},
    conversation::{Conversation, Prompt, Speech, UserTurn, has_phrase, words},
    speech::Models,
};

use options::Options;

pub(crate) async fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    let options: Options = options(table)?;
    let shared = Arc::new(Shared::new(&options)?);
    let dialogue = options.dialogue.open().await?;
    Ok(dialogue.maker(move || Concierge { shared: shared.clone() }))
}

/// What all rooms of a deploy share.
struct Shared {
    models: Models,
    instructions: Arc<str>,
    greeting: String,
    apology: String,
    goodbyes: Vec<String>,
    hand_overs: Vec<String>,
}

struct Concierge {
    shared: Arc<Shared>,
}

#[async_trait]
impl Conversation for Concierge {
    async fn begin(&mut self, say: &mut Speech) -> Result<(), AgentError> {
        say.text(&self.shared.greeting).await;
        Ok(())
    }

    async fn reply(&mut self, turn: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        let Shared { models, instructions, apology, .. } = &*self.shared;
        let context = say.context().clone();
        let prompt = Prompt { instructions: instructions.clone(), context, turn: turn.clone() };
        if let Err(error) = models.reply(&prompt, say).await {
            tracing::warn!("no model has a reply: {error}");
            say.text(&format!(" {apology}")).await;
        }
        if self.shared.is_goodbye(&turn.text) {
            say.confirmed().await;
            say.end().await;
        } else if self.shared.is_hand_over(&turn.text) {
            say.confirmed().await;
            say.hand_over().await;
        }
        Ok(())
    }
}

impl Shared {
    /// Whether somebody takes leave: the words stand at the end of what they say.
    fn is_goodbye(&self, text: &str) -> bool {
        let said = words(text);
        let ends_with = |phrase: &String| {
            let phrase = words(phrase);
            !phrase.is_empty() && said.ends_with(&phrase)
        };
        self.goodbyes.iter().any(ends_with)
    }

    /// Whether somebody wants to be among people.
    fn is_hand_over(&self, text: &str) -> bool {
        has_phrase(text, &self.hand_overs)
    }
}

#[cfg(test)]
mod tests;
