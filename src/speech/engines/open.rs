//! From what a deploy names to an engine that is loaded: once, however many deploys name it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Engine, EngineConfig, Folder, Source, loaded::Loaded};
#[cfg(feature = "onnx")]
use crate::speech::moonshine::Moonshine;
use crate::{
    conversation::{
        EngineError, Languages, SpeechToText, TurnListener,
        listening::{NoiseFilter, VoiceActivity},
    },
    net::SecretSource,
    speech::{
        Answers, Pool, PoolSettings,
        command::{Command, python_worker},
        openai::OpenAi,
    },
    units::is_http_url,
};

/// An engine that is not loaded yet.
pub struct Opened(Box<dyn SpeechToText>);

impl SpeechToText for Opened {
    fn about(&self) -> crate::conversation::About {
        self.0.about()
    }

    fn worker(&self) -> Result<Box<dyn crate::conversation::SpeechWorker>, EngineError> {
        self.0.worker()
    }
}

/// Loads an engine, or finds it loaded: those of one process that are named alike are one.
///
/// # Errors
/// What is wrong with how it is named, or why it cannot be loaded, and what to do.
pub async fn open(config: &EngineConfig, folder: &Folder) -> Result<Pool, EngineError> {
    let load = async {
        let engine = Opened::new(config, folder).map_err(EngineError::Unavailable)?;
        Pool::start(engine, &PoolSettings { threads: config.threads, ..PoolSettings::default() }).await
    };
    LOADED.find_or_load(config, folder, load).await
}

static LOADED: Loaded<Pool> = Loaded::new();

impl Opened {
    /// What a deploy names, as far as that can be seen without loading it.
    ///
    /// # Errors
    /// A line that says what to write, or to install.
    pub fn new(config: &EngineConfig, folder: &Folder) -> Result<Opened, String> {
        check(config)?;
        match config.name.as_str() {
            "moonshine" => moonshine(folder).map(Opened::of),
            "whisper" | "pocketsphinx" => python(config, folder).map(Opened::of),
            "openai" => openai(config).map(Opened::of),
            "command" => command(config).map(Opened::of),
            name => Err(format!(
                "there is no engine {name:?} for speech to text; there are moonshine, whisper, pocketsphinx, openai and command"
            )),
        }
    }

    fn of(engine: impl SpeechToText) -> Opened {
        Opened(Box::new(engine))
    }
}

/// What no engine can be.
pub(super) fn check(config: &EngineConfig) -> Result<(), String> {
    if !(1..=MOST_THREADS).contains(&config.threads) {
        return Err(format!("threads = {} of {}: from 1 to {MOST_THREADS}", config.threads, config.name));
    }
    if config.within.is_zero() {
        return Err(format!("within of {} is zero: nothing would be in time", config.name));
    }
    if config.sessions == Some(0) {
        return Err(format!(
            "sessions of {} is 0: it would serve nobody; leave it out to have it measured",
            config.name
        ));
    }
    Ok(())
}

#[cfg(feature = "onnx")]
fn moonshine(folder: &Folder) -> Result<Moonshine, String> {
    let place = folder.installed(named("moonshine"))?;
    Ok(Moonshine::new(place.join("libonnxruntime"), place))
}

#[cfg(not(feature = "onnx"))]
fn moonshine(_: &Folder) -> Result<Command, String> {
    Err("this build has no ONNX, so no moonshine; build it with the feature `onnx`".into())
}

/// A detector of this name for each speaker, made by what is given.
///
/// # Errors
/// A line that says what there is, or what to install.
#[cfg_attr(not(feature = "onnx"), allow(unused_variables))]
pub fn open_detector(
    name: &str,
    folder: &Folder,
) -> Result<Arc<dyn Fn() -> Box<dyn VoiceActivity> + Send + Sync>, String> {
    match name {
        "earshot" => Ok(Arc::new(|| Box::new(crate::conversation::listening::Earshot::default()))),
        #[cfg(feature = "onnx")]
        "silero" => {
            let place = folder.installed(named("silero"))?;
            let silero =
                crate::speech::silero::Silero::new(&place.join("libonnxruntime"), &place.join("silero_vad.onnx"));
            let silero = silero.map_err(|error| error.to_string())?;
            Ok(Arc::new(move || Box::new(silero.detector())))
        }
        _ => Err(format!("there is no detector {name:?} in this build; there are earshot and silero")),
    }
}

/// What hears whether somebody has finished.
///
/// # Errors
/// A line that says what there is, or what to install.
#[cfg_attr(not(feature = "onnx"), allow(unused_variables))]
pub fn open_turn_listener(name: &str, folder: &Folder) -> Result<Arc<dyn TurnListener>, String> {
    if Answers::are_known() {
        return Ok(Arc::new(NobodyListens));
    }
    match name {
        #[cfg(feature = "onnx")]
        "smart-turn" => {
            let place = folder.installed(named("smart-turn"))?;
            let (library, model) = (place.join("libonnxruntime"), place.join("smart-turn-v3.2-cpu.onnx"));
            let listener = crate::speech::smart_turn::SmartTurn::new(&library, &model);
            listener.map(|listener| Arc::new(listener) as Arc<dyn TurnListener>).map_err(|error| error.to_string())
        }
        _ => Err(format!("there is no listener {name:?} in this build; there is smart-turn")),
    }
}

/// In the place of a listener of which it is known what it said.
struct NobodyListens;

#[async_trait]
impl TurnListener for NobodyListens {
    async fn finished(&self, _: Arc<[i16]>) -> Option<f32> {
        None
    }
}

/// What takes noise out before it is heard whether somebody speaks.
///
/// # Errors
/// A line that says how to have it.
pub fn open_noise_filter() -> Result<fn() -> Box<dyn NoiseFilter>, String> {
    #[cfg(feature = "denoise")]
    return Ok(|| Box::new(crate::speech::noise::RnNoise::default()));
    #[cfg(not(feature = "denoise"))]
    Err("this build takes no noise out; build it with the feature `denoise`".into())
}

fn python(config: &EngineConfig, folder: &Folder) -> Result<Command, String> {
    let engine = named(&config.name);
    Ok(Command::new(engine.name, worker_program(engine, folder)?, Languages::english()))
}

fn installed_with(place: &Path) -> Option<PathBuf> {
    let text = std::fs::read(place.join(super::folder::MARK)).ok()?;
    let mark: serde_json::Value = serde_json::from_slice(&text).ok()?;
    mark["python"].as_str().map(PathBuf::from)
}

/// The worker of an installed engine: a program and its arguments.
pub(super) fn worker_program(engine: &Engine, folder: &Folder) -> Result<Vec<String>, String> {
    let place = folder.installed(engine)?;
    let (Source::Packages { worker, .. } | Source::Library { worker, .. }) = engine.source else {
        unreachable!("it is one of those with a worker")
    };
    let python =
        installed_with(&place).ok_or_else(|| format!("{}: does not say which Python it is for", place.display()))?;
    Ok(python_worker(&python, place.join(worker.file), place.clone()))
}

fn openai(config: &EngineConfig) -> Result<OpenAi, String> {
    let (url, token) = server("engine", config.url.as_deref(), config.token_env.as_deref())?;
    let mut engine = OpenAi::new(url, config.model.as_deref().unwrap_or("whisper-1"));
    engine.token = token;
    Ok(engine)
}

/// Where the server of the engine, or of the model, `openai` is, and the token that it wants.
pub(super) fn server<'a>(
    what: &str,
    url: Option<&'a str>,
    token_env: Option<&str>,
) -> Result<(&'a str, Option<SecretString>), String> {
    let url = url.ok_or_else(|| format!("the {what} openai needs a url, as in \"http://127.0.0.1:8000\""))?;
    if !is_http_url(url) {
        return Err(format!("url of the {what} openai: {url:?} is not an http or https URL"));
    }
    let token = |env: &str| {
        let source = SecretSource { what: "speech server's token", env: env.to_owned(), file: None };
        source.read_token().map_err(|error| error.to_string())
    };
    Ok((url, token_env.map(token).transpose()?))
}

fn command(config: &EngineConfig) -> Result<Command, String> {
    let (program, languages) = own_program(config)?;
    let mut command = Command::new("command", program, languages);
    command.most_memory_bytes = config.memory.unwrap_or(command.most_memory_bytes);
    Ok(command)
}

/// The program of the engine `command`, and the languages that it knows.
pub(super) fn own_program(config: &EngineConfig) -> Result<(Vec<String>, Languages), String> {
    let Some(path) = config.program.first() else {
        return Err("the engine command needs a program, as in [\"/usr/bin/python3\", \"/opt/my_worker.py\"]".into());
    };
    // There is no PATH to look in, and no folder that it is started from.
    if !Path::new(path).is_absolute() {
        return Err(format!("program of the engine command: {path:?} is no absolute path"));
    }
    let languages = match config.languages.is_empty() {
        true => Languages::Any,
        false => Languages::These(config.languages.clone()),
    };
    Ok((config.program.clone(), languages))
}

pub(super) fn named(name: &str) -> &'static Engine {
    Engine::find(name).expect("it is in the table")
}

pub(super) const MOST_THREADS: usize = 64;
