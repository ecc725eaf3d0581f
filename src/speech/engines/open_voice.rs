//! From what a deploy names to a voice that is loaded: once, however many deploys name it.

use super::{
    EngineConfig, Folder,
    loaded::Loaded,
    open::{check, named, own_program, server, worker_program},
};
use crate::{
    conversation::{EngineError, Languages, TextToSpeech},
    speech::{
        Voice,
        voices::{OpenAiVoice, VoiceProgram},
    },
};

/// Loads a voice, or finds it loaded: those of one process that are named alike are one.
///
/// # Errors
/// What is wrong with how it is named, or why it cannot be loaded, and what to do.
pub async fn open_voice(config: &EngineConfig, folder: &Folder) -> Result<Voice, EngineError> {
    let load = async { Voice::start_boxed(unopened_voice(config, folder).map_err(EngineError::Unavailable)?).await };
    LOADED.find_or_load(config, folder, load).await
}

static LOADED: Loaded<Voice> = Loaded::new();

/// What a deploy names, as far as that can be seen without loading it.
///
/// # Errors
/// A line that says what to write, or to install.
pub fn unopened_voice(config: &EngineConfig, folder: &Folder) -> Result<Box<dyn TextToSpeech>, String> {
    check(config)?;
    let memory = config.memory.unwrap_or(MOST_MEMORY);
    let program = |name: &str, program, languages| -> Box<dyn TextToSpeech> {
        Box::new(VoiceProgram::new(name, program, languages, config.threads, memory))
    };
    let worker = |languages| {
        let engine = named(&config.name);
        let mut arguments = worker_program(engine, folder)?;
        arguments.extend(config.voice.clone());
        Ok(program(engine.name, arguments, languages))
    };
    match config.name.as_str() {
        "hibari" if config.voice.is_some() => Err("hibari has one voice; leave `voice` out".into()),
        "hibari" | "flite" => worker(Languages::english()),
        "espeak-ng" => worker(Languages::Any),
        "openai" => openai(config),
        "command" => own_program(config).map(|(arguments, languages)| program("command", arguments, languages)),
        name => Err(format!(
            "there is no engine {name:?} for text to speech; there are hibari, flite, espeak-ng, openai and command"
        )),
    }
}

fn openai(config: &EngineConfig) -> Result<Box<dyn TextToSpeech>, String> {
    let (url, token) = server("engine", config.url.as_deref(), config.token_env.as_deref())?;
    let (model, voice) = (config.model.as_deref().unwrap_or("tts-1"), config.voice.as_deref().unwrap_or("alloy"));
    let mut engine = OpenAiVoice::new(url, model, voice);
    engine.token = token;
    Ok(Box::new(engine))
}

/// As the system counts addresses.
const MOST_MEMORY: u64 = 4 << 30;
