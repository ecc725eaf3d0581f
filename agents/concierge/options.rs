//! The options of `concierge`: its own, and those of every agent that converses.

use roomtone::{
    agent::OptionsError,
    conversation::words,
    dialogue::DialogueOptions,
    speech::{
        engines::{ModelConfig, open_models},
        models::Rules,
    },
};
use serde::Deserialize;

use super::Shared;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// The language models, in the order in which they are asked.
    pub(super) models: Vec<ModelConfig>,
    /// How a model is to behave.
    instructions: String,
    /// What is said first; nothing if it is empty.
    greeting: String,
    /// What is said when no model has a reply.
    apology: String,
    /// What people end a conversation with.
    goodbyes: Vec<String>,
    /// What people ask with to be among people: when the reply to it has been heard, the agent says nothing until it is called
    /// back (`dialogue.turns.called_back_by`).
    hand_overs: Vec<String>,
    /// Hearing, turns and speaking.
    pub(super) dialogue: DialogueOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            models: vec![ModelConfig { name: "rules".into(), rules: built_in(), ..ModelConfig::default() }],
            instructions: "You are in a voice call. Answer in one or two short sentences, without lists or markup."
                .into(),
            greeting: "Hello. How can I help you?".into(),
            apology: "Sorry, something went wrong. Please try again.".into(),
            goodbyes: ["goodbye", "bye", "bye bye", "see you"].map(str::to_owned).into(),
            hand_overs: Vec::new(),
            dialogue: DialogueOptions::default(),
        }
    }
}

/// The rules that come with the agent, so that it can be talked to without any file.
fn built_in() -> Rules {
    Rules::parse(include_str!("rules.toml")).expect("a test reads them")
}

impl Shared {
    pub(super) fn new(options: &Options) -> Result<Shared, OptionsError> {
        if options.hand_overs.iter().any(|phrase| words(phrase).is_empty()) {
            return Err(OptionsError::Value { key: "hand_overs", problem: "has a phrase without words".into() });
        }
        Ok(Shared {
            models: open_models("models", &options.models)?,
            instructions: options.instructions.as_str().into(),
            greeting: options.greeting.clone(),
            apology: options.apology.clone(),
            goodbyes: options.goodbyes.clone(),
            hand_overs: options.hand_overs.clone(),
        })
    }
}
