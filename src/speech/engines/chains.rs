//! From the engines that a deploy lists to a chain of them.

use super::{EngineConfig, Folder, open, open_voice};
use crate::{
    agent::OptionsError,
    conversation::{EngineError, Languages},
    speech::{Answers, Chain, ChainLink, VoiceLink, Voices},
};

/// Loads the engines that understand speech. `key` is the option that lists them.
///
/// # Errors
/// The option: an engine that is missing or does not know the language, or an empty list.
pub async fn open_ears(
    key: &'static str,
    engines: &[EngineConfig],
    language: &str,
    folder: &Folder,
) -> Result<Chain, OptionsError> {
    if let Some(first) = engines.first().filter(|_| Answers::are_known()) {
        return Ok(Chain::known(&first.name));
    }
    let mut links = Vec::new();
    for engine in engines {
        let pool = Answers::aside(open(engine, folder)).await.map_err(problem(key))?;
        check_language(language, &engine.name, &pool.about().languages)?;
        links.push(ChainLink::new(pool, engine.within).serving(engine.sessions));
    }
    Ok(Chain::new(some(key, links, "moonshine")?))
}

/// Loads the engines that speak.
///
/// # Errors
/// The same.
pub async fn open_voices(
    key: &'static str,
    engines: &[EngineConfig],
    language: &str,
    folder: &Folder,
) -> Result<Voices, OptionsError> {
    if let Some(first) = engines.first().filter(|_| Answers::are_known()) {
        return Ok(Voices::known(&first.name));
    }
    let mut links = Vec::new();
    for engine in engines {
        let voice = Answers::aside(open_voice(engine, folder)).await.map_err(problem(key))?;
        check_language(language, &engine.name, &voice.about().languages)?;
        links.push(VoiceLink::new(voice, engine.within));
    }
    Ok(Voices::new(some(key, links, "hibari")?))
}

/// The links of a list that names any.
fn some<L>(key: &'static str, links: Vec<L>, example: &str) -> Result<Vec<L>, OptionsError> {
    match links.is_empty() {
        true => Err(OptionsError::Value { key, problem: format!("names no engine; write [\"{example}\"]") }),
        false => Ok(links),
    }
}

fn check_language(language: &str, engine: &str, known: &Languages) -> Result<(), OptionsError> {
    if known.include(language) {
        return Ok(());
    }
    let problem = format!("{language:?} is not among the languages of {engine} ({known})");
    Err(OptionsError::Value { key: "language", problem })
}

fn problem(key: &'static str) -> impl Fn(EngineError) -> OptionsError {
    move |error| OptionsError::Value { key, problem: error.to_string() }
}
