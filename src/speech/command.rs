//! Any program as an engine: speech over its standard input, words over its standard output; `docs/engines.md` has the
//! protocol. An answer that is late, wrong or too long ends the program, and the next utterance finds a new one.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, time::timeout};

use super::program::Program;
use crate::conversation::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription, Word};

/// A program that understands speech.
#[derive(Debug, Clone)]
pub struct Command {
    /// What it is called in logs and metrics.
    pub name: Arc<str>,
    /// The program, by its path, and its arguments.
    pub program: Vec<String>,
    /// What it understands.
    pub languages: Languages,
    /// How much memory it may have, as the system counts addresses.
    pub most_memory_bytes: u64,
    runtime: Handle,
}

impl Command {
    /// A program and its arguments, with 4 GiB of memory.
    ///
    /// # Panics
    /// Outside of a tokio runtime, which its pipes need.
    pub fn new(name: &str, program: Vec<String>, languages: Languages) -> Command {
        Command { name: name.into(), program, languages, most_memory_bytes: 4 << 30, runtime: Handle::current() }
    }
}

impl SpeechToText for Command {
    fn about(&self) -> About {
        About { name: self.name.clone(), languages: self.languages.clone() }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        let runtime = self.runtime.clone();
        let program = runtime.block_on(Program::start(&self.name, &self.program, self.most_memory_bytes))?.0;
        Ok(Box::new(Worker { program, runtime, id: 0 }))
    }
}

struct Worker {
    program: Program,
    runtime: Handle,
    id: u64,
}

impl SpeechWorker for Worker {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        self.id += 1;
        let left = speech.time_left();
        let answer = self.runtime.block_on(async { timeout(left, ask(&mut self.program, self.id, speech)).await });
        answer.unwrap_or_else(|_| Err(EngineError::Broken("it did not answer in time".into())))
    }
}

/// What comes before the samples.
#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    samples: usize,
    rate_hz: u32,
    #[serde(rename = "final")]
    is_final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

/// A line of its answers.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    text: String,
    #[serde(default)]
    words: Vec<Word>,
    confidence: Option<f32>,
    sentence_end: Option<f32>,
    error: Option<String>,
}

async fn ask(program: &mut Program, id: u64, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
    let request = Request {
        id,
        samples: speech.samples.len(),
        rate_hz: Spoken::RATE.0,
        is_final: speech.is_final,
        language: speech.language,
    };
    let samples: Vec<u8> = speech.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    program.ask(&request, &samples).await?;
    let reply: Reply = program.answer(id).await?;
    match reply.error {
        // It may say what people said.
        Some(_) => Err(EngineError::Failed("it could not do this utterance".into())),
        None => {
            let Reply { text, words, confidence, sentence_end, .. } = reply;
            Ok(Transcription { text, words, confidence, sentence_end, is_tentative: false }.within(speech.duration()))
        }
    }
}

/// The program for a worker that came with an engine.
pub(super) fn python_worker(python: &std::path::Path, script: PathBuf, folder: PathBuf) -> Vec<String> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    [text(python.to_owned()), "-I".to_owned(), "-S".to_owned(), text(script), text(folder)].into()
}
