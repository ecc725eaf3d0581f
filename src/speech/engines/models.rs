//! How a deploy names language models.

use std::{fs, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::open::server;
use crate::{
    agent::OptionsError,
    conversation::LanguageModel,
    speech::{
        Answers, ModelLink, Models,
        models::{OpenAiModel, Rules},
    },
    units,
};

/// A language model: `{ name = "rules", file = "rules.toml" }`, or `{ name = "openai", url = "http://127.0.0.1:8000", model = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// `rules` or `openai`.
    pub name: String,
    /// How long its first text may take, and each that follows.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub within: Duration,
    /// `rules`: the file they are in.
    pub file: Option<PathBuf>,
    /// `rules`: the rules themselves, where there is no file.
    pub rules: Rules,
    /// `openai`: where the server is.
    pub url: Option<String>,
    /// `openai`: which model.
    pub model: Option<String>,
    /// `openai`: the environment variable that holds the token.
    pub token_env: Option<String>,
}

impl Default for ModelConfig {
    fn default() -> ModelConfig {
        let (file, rules, url, model, token_env) = (None, Rules::default(), None, None, None);
        ModelConfig { name: String::new(), within: Duration::from_secs(5), file, rules, url, model, token_env }
    }
}

/// Opens the models that a deploy lists under `key`.
///
/// # Errors
/// The option, and what to write.
pub fn open_models(key: &'static str, configs: &[ModelConfig]) -> Result<Models, OptionsError> {
    if !configs.is_empty() && Answers::are_known() {
        return Ok(Models::known());
    }
    let mut links = Vec::new();
    for config in configs {
        let model = open(config).map_err(|problem| OptionsError::Value { key, problem })?;
        links.push(ModelLink::boxed(model, config.within));
    }
    match links.is_empty() {
        true => Err(OptionsError::Value {
            key,
            problem: "names no model; write [{ name = \"rules\", file = \"…\" }]".into(),
        }),
        false => Ok(Models::new(links)),
    }
}

fn open(config: &ModelConfig) -> Result<Box<dyn LanguageModel>, String> {
    if config.within.is_zero() {
        return Err(format!("within of {} is zero: nothing would be in time", config.name));
    }
    match config.name.as_str() {
        "rules" => rules(config).map(|rules| Box::new(rules) as Box<dyn LanguageModel>),
        "openai" => {
            let (url, token) = server("model", config.url.as_deref(), config.token_env.as_deref())?;
            let model = config.model.as_deref().ok_or("the model openai needs a model, as the server names it")?;
            let mut engine = OpenAiModel::new(url, model);
            engine.token = token;
            Ok(Box::new(engine))
        }
        name => Err(format!("there is no model {name:?}; there are rules and openai")),
    }
}

fn rules(config: &ModelConfig) -> Result<Rules, String> {
    let Some(path) = &config.file else {
        if config.rules == Rules::default() {
            return Err("the model rules needs a file, or rules".into());
        }
        config.rules.check().map_err(|error| format!("rules: {error}"))?;
        return Ok(config.rules.clone());
    };
    if config.rules != Rules::default() {
        return Err("the model rules has a file and rules; leave one out".into());
    }
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let size = fs::metadata(path).map_err(|error| wrong(&error))?.len();
    if size > LARGEST {
        return Err(wrong(&format!("is larger than {} KiB", LARGEST >> 10)));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Rules::parse(&text).map_err(|error| wrong(&error))
}

const LARGEST: u64 = 1 << 20;
