//! Any program as an engine: speech over its standard input, words over its standard output; `docs/engines.md` has the
//! protocol. The program runs with an empty environment, without a shell, in a process group of its own with a limit on its
//! memory, and is killed when an answer is late, wrong or too long: the next utterance finds a new one.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command as Process},
    runtime::Handle,
    time::timeout,
};

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
        let program = runtime.block_on(Program::start(self))?;
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
        let answer = self.runtime.block_on(async { timeout(left, self.program.ask(self.id, speech)).await });
        answer.unwrap_or_else(|_| Err(EngineError::Broken("it did not answer in time".into())))
    }
}

/// A program that runs.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
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

/// The first line.
#[derive(Deserialize)]
struct Ready {
    ready: bool,
}

/// Every other line.
#[derive(Deserialize)]
struct Reply {
    id: u64,
    #[serde(default)]
    text: String,
    #[serde(default)]
    words: Vec<Word>,
    confidence: Option<f32>,
    error: Option<String>,
}

impl Program {
    async fn start(command: &Command) -> Result<Program, EngineError> {
        let unavailable = |why: String| EngineError::Unavailable(format!("the engine {}: {why}", command.name));
        let [path, arguments @ ..] = command.program.as_slice() else {
            return Err(unavailable("there is no program".into()));
        };
        let mut process = Process::new(path);
        process.args(arguments).env_clear().current_dir("/").process_group(0).kill_on_drop(true);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|error| unavailable(format!("{path} cannot be started: {error}")))?;
        limit(&child, command.most_memory_bytes);
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut program = Program { child, input, output };
        let ready = timeout(LOADING, program.read_line()).await;
        let why = match ready {
            Ok(Ok(line)) if serde_json::from_str::<Ready>(&line).is_ok_and(|ready| ready.ready) => {
                // Nobody reads what it complains of, which may be what people said; it must not wait for a reader.
                tokio::spawn(async move { tokio::io::copy_buf(&mut errors, &mut tokio::io::sink()).await });
                return Ok(program);
            }
            Ok(Ok(_)) => "its first line does not say that it is ready".to_owned(),
            Ok(Err(error)) => match last_words(&mut errors).await {
                Some(words) => format!("{error}; it said: {words}"),
                None => error.to_string(),
            },
            Err(_) => format!("it was not ready within {} s", LOADING.as_secs()),
        };
        Err(unavailable(why))
    }

    async fn ask(&mut self, id: u64, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        let request = Request {
            id,
            samples: speech.samples.len(),
            rate_hz: Spoken::RATE.0,
            is_final: speech.is_final,
            language: speech.language,
        };
        let mut message = serde_json::to_vec(&request).expect("a request is plain");
        message.push(b'\n');
        message.extend(speech.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let gone = |error: std::io::Error| EngineError::Broken(format!("it takes no more speech: {error}"));
        self.input.write_all(&message).await.map_err(gone)?;
        self.input.flush().await.map_err(gone)?;
        let line = self.read_line().await?;
        let reply: Reply = serde_json::from_str(&line)
            .map_err(|_| EngineError::Broken("its answer is not what the protocol says".into()))?;
        if reply.id != id {
            return Err(EngineError::Broken("it answered something that it was not asked".into()));
        }
        match reply.error {
            // It may say what people said.
            Some(_) => Err(EngineError::Failed("it could not do this utterance".into())),
            None => {
                let Reply { text, words, confidence, .. } = reply;
                Ok(Transcription { text, words, confidence }.within(speech.duration()))
            }
        }
    }

    /// A line of its output. One that has ended says nothing more, though what it has started may hold its output open.
    async fn read_line(&mut self) -> Result<String, EngineError> {
        let line = {
            let read = read_line(&mut self.output);
            tokio::pin!(read);
            tokio::select! {
                biased;
                line = &mut read => line?,
                () = until_ended(&self.child) => timeout(ENDING, &mut read).await.unwrap_or(Ok(None))?,
            }
        };
        match line {
            Some(line) => Ok(line),
            None => Err(EngineError::Broken(self.how_it_ended().await)),
        }
    }

    async fn how_it_ended(&mut self) -> String {
        let has_ended = timeout(ENDING, until_ended(&self.child)).await.is_ok();
        // While it is not waited for, nobody else can have its number.
        kill_group(&self.child);
        match self.child.wait().await {
            Ok(status) if has_ended => format!("it ended with {status}"),
            _ => "it closed its output".to_owned(),
        }
    }
}

/// A line, bounded; `None` at the end.
async fn read_line(output: &mut BufReader<ChildStdout>) -> Result<Option<String>, EngineError> {
    let mut line = Vec::new();
    match output.take(LONGEST_LINE).read_until(b'\n', &mut line).await {
        Ok(_) if line.ends_with(b"\n") => {}
        Ok(_) if line.len() as u64 == LONGEST_LINE => {
            return Err(EngineError::Broken(format!("a line of more than {LONGEST_LINE} bytes came")));
        }
        Ok(_) => return Ok(None),
        Err(error) => return Err(EngineError::Broken(format!("its output cannot be read: {error}"))),
    }
    String::from_utf8(line).map(Some).map_err(|_| EngineError::Broken("a line that is not UTF-8 came".into()))
}

impl Drop for Program {
    /// With all that it has started.
    fn drop(&mut self) {
        kill_group(&self.child);
    }
}

/// Kills a program and what it has started, unless it has been waited for.
fn kill_group(child: &Child) {
    if let Some(group) = child.id().and_then(|id| Pid::from_raw(id as i32)) {
        rustix::process::kill_process_group(group, Signal::KILL).ok();
    }
}

/// Waits until a program has ended, and leaves it to be waited for.
async fn until_ended(child: &Child) {
    let Some(pid) = child.id().and_then(|id| Pid::from_raw(id as i32)) else { return };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while matches!(rustix::process::waitid(WaitId::Pid(pid), options), Ok(None)) {
        tokio::time::sleep(LOOK).await;
    }
}

fn limit(child: &Child, bytes: u64) {
    let most = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    let pid = child.id().and_then(|id| Pid::from_raw(id as i32));
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::prlimit(pid, Resource::As, most) {
        tracing::warn!("an engine's memory could not be limited: {error}");
    }
}

/// The last line of what it complained of before it was ready, when it has heard nobody yet.
async fn last_words(errors: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
    let mut text = Vec::new();
    timeout(ENDING, errors.take(MOST_COMPLAINTS).read_to_end(&mut text)).await.ok();
    let text = String::from_utf8_lossy(&text).into_owned();
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(crate::text::printable(last, 300))
}

/// The program for a worker that came with an engine.
pub(super) fn python_worker(python: &std::path::Path, script: PathBuf, folder: PathBuf) -> Vec<String> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    [text(python.to_owned()), "-I".to_owned(), "-S".to_owned(), text(script), text(folder)].into()
}

/// How long a program may take until it is ready.
const LOADING: Duration = Duration::from_secs(30);
/// How long one that has closed its output may take to end.
const ENDING: Duration = Duration::from_millis(500);
/// The words of fifteen seconds with their times are some 10 KiB.
const LONGEST_LINE: u64 = 256 << 10;
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
const MOST_COMPLAINTS: u64 = 64 << 10;
