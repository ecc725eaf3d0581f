//! A program that an engine is: with an empty environment, without a shell, in a process group of its own with a limit on its
//! memory, bounded in what it may say, and killed with all that it has started when nobody needs it any more.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::conversation::EngineError;

/// A line of an answer.
#[derive(Deserialize)]
struct Answer<T> {
    id: u64,
    #[serde(flatten)]
    rest: T,
}

/// A program that runs.
pub(super) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program and its arguments, and waits until it says that it is ready. Gives what it says of itself.
    pub(super) async fn start(
        name: &str,
        program: &[String],
        most_memory_bytes: u64,
    ) -> Result<(Program, Value), EngineError> {
        let unavailable = |why: String| EngineError::Unavailable(format!("the engine {name}: {why}"));
        let [path, arguments @ ..] = program else {
            return Err(unavailable("there is no program".into()));
        };
        let mut process = Command::new(path);
        process.args(arguments).env_clear().current_dir("/").process_group(0).kill_on_drop(true);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|error| unavailable(format!("{path} cannot be started: {error}")))?;
        limit(&child, most_memory_bytes);
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut program = Program { child, input, output };
        let ready = timeout(LOADING, program.read_line()).await;
        let why = match ready {
            Ok(Ok(line)) if is_ready(&line) => {
                // Nobody reads what it complains of, which may be what people said; it must not wait for a reader.
                tokio::spawn(async move { tokio::io::copy_buf(&mut errors, &mut tokio::io::sink()).await });
                let about = serde_json::from_str(&line).unwrap_or_default();
                return Ok((program, about));
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

    /// Asks it something: a line, and the bytes that belong to it.
    pub(super) async fn ask(&mut self, request: &impl Serialize, payload: &[u8]) -> Result<(), EngineError> {
        let mut message = serde_json::to_vec(request).expect("a request is plain");
        message.push(b'\n');
        message.extend_from_slice(payload);
        let gone = |error: std::io::Error| EngineError::Broken(format!("it takes no more: {error}"));
        self.input.write_all(&message).await.map_err(gone)?;
        self.input.flush().await.map_err(gone)
    }

    /// A line of its answer to the request of this number.
    pub(super) async fn answer<T: DeserializeOwned>(&mut self, id: u64) -> Result<T, EngineError> {
        let line = self.read_line().await?;
        let answer: Answer<T> = serde_json::from_str(&line)
            .map_err(|_| EngineError::Broken("its answer is not what the protocol says".into()))?;
        match answer.id == id {
            true => Ok(answer.rest),
            false => Err(EngineError::Broken("it answered something that it was not asked".into())),
        }
    }

    /// So many bytes of its output.
    pub(super) async fn read_bytes(&mut self, bytes: usize) -> Result<Vec<u8>, EngineError> {
        let mut read = vec![0; bytes];
        let short = |error: std::io::Error| EngineError::Broken(format!("less came than it said: {error}"));
        self.output.read_exact(&mut read).await.map_err(short)?;
        Ok(read)
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

/// Whether its first line says that it is ready.
fn is_ready(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|about| about["ready"] == true)
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
