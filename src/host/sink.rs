//! Events and notes as data: a file of JSON lines for each stay, or posts of them.

use std::{
    io::Write,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use super::{config::SinkConfig, keeper::Key};
use crate::{
    event::PeerId,
    fishjam::{Happening, What, rest::build_http, webhook},
    session::Backoff,
};

/// Opens sinks, and counts what they lose.
#[derive(Clone)]
pub(super) struct Sinks {
    http: reqwest::Client,
    lost: Arc<AtomicU64>,
    /// Files that may be written to at a time: each takes a thread.
    disk: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// Where the lines of one stay go. What is waiting when it is dropped is still written.
pub(super) struct Sink {
    lines: mpsc::Sender<String>,
    events: bool,
    notes: bool,
    head: serde_json::Map<String, serde_json::Value>,
    lost: Arc<AtomicU64>,
}

impl Sinks {
    /// Its tasks are among `tasks`, as they outlive their sessions.
    pub(super) fn new(tasks: TaskTracker) -> Sinks {
        let http = build_http(reqwest::Client::builder().timeout(POST));
        Sinks { http, lost: Arc::default(), disk: Arc::new(Semaphore::new(FILES)), tasks }
    }

    /// Lines that went nowhere.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// A sink for one stay, if its deploy has one.
    pub(super) fn open(&self, config: &SinkConfig, key: &Key, peer: &PeerId) -> Option<Sink> {
        if config.file.is_none() && config.webhook.is_none() {
            return None;
        }
        let (lines, waiting) = mpsc::channel(LINES);
        let file = config.file.as_ref().map(|file| (path(file, key, peer), self.disk.clone()));
        let secret = config.secret().ok().flatten();
        let post = config.webhook.clone().map(|url| Post { http: self.http.clone(), url, secret });
        self.tasks.spawn(write(waiting, file, post, self.lost.clone()));
        let head = serde_json::json!({ "room": key.room, "deploy": *key.deploy, "agent": peer });
        let serde_json::Value::Object(head) = head else { unreachable!("it is written as one") };
        Some(Sink { lines, events: config.events, notes: config.notes, head, lost: self.lost.clone() })
    }
}

impl Sink {
    /// Writes what is asked for of what happened. Never waits: what a slow sink has no room for is lost and counted.
    pub(super) fn write(&self, happening: &Happening) {
        let is_wanted = match happening.what {
            What::Note(_) => self.notes,
            What::Room(_) | What::Joined | What::Ended(_) => self.events,
            _ => false,
        };
        if !is_wanted {
            return;
        }
        let mut line = self.head.clone();
        if let Ok(serde_json::Value::Object(happening)) = serde_json::to_value(happening) {
            line.extend(happening);
        }
        let text = serde_json::Value::Object(line).to_string();
        if self.lines.try_send(text).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Post {
    http: reqwest::Client,
    url: String,
    secret: Option<SecretString>,
}

/// The task behind a sink: it takes what waits, as much as there is, and writes it.
async fn write(
    mut waiting: mpsc::Receiver<String>,
    file: Option<(PathBuf, Arc<Semaphore>)>,
    post: Option<Post>,
    lost: Arc<AtomicU64>,
) {
    let mut lines = Vec::new();
    while waiting.recv_many(&mut lines, BATCH).await > 0 {
        let count = lines.len() as u64;
        let body = lines.join("\n") + "\n";
        lines.clear();
        if let Some((path, disk)) = &file {
            let _turn = disk.acquire().await;
            let (path, text) = (path.clone(), body.clone());
            let written = tokio::task::spawn_blocking(move || append(&path, &text)).await;
            if let Ok(Err(error)) = written {
                tracing::error!("{count} lines of events are lost: {error}");
                lost.fetch_add(count, Ordering::Relaxed);
            }
        }
        if let Some(post) = &post
            && let Err(why) = post.send(body).await
        {
            tracing::error!("{count} lines of events are lost: {}: {why}", origin(&post.url));
            lost.fetch_add(count, Ordering::Relaxed);
        }
    }
}

fn append(path: &PathBuf, text: &str) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)
}

impl Post {
    /// Posts JSON lines, again if the server is in trouble. A 4xx is an answer.
    async fn send(&self, body: String) -> Result<(), String> {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        loop {
            let mut request = self.http.post(&self.url).header("content-type", "application/x-ndjson");
            if let Some(secret) = &self.secret {
                request = request.header(SIGNATURE, webhook::sign(body.as_bytes(), secret.expose_secret().as_bytes()));
            }
            let why = match request.body(body.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if answer.status().is_client_error() => return Err(format!("HTTP {}", answer.status())),
                Ok(answer) => format!("HTTP {}", answer.status()),
                Err(error) => error.without_url().to_string(),
            };
            if backoff.attempts() == POSTS {
                return Err(why);
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }
}

/// Where a URL leads, without what may be secret in it.
fn origin(url: &str) -> String {
    url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Fills in what the path leaves open. Ids cannot lead out of the folder: whatever is no plain character becomes `_`.
fn path(template: &str, key: &Key, peer: &PeerId) -> PathBuf {
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c), "_");
    let path = template
        .replace("{room}", &plain(key.room.as_str()))
        .replace("{deploy}", &plain(&key.deploy))
        .replace("{peer}", &plain(peer.as_str()));
    PathBuf::from(path)
}

/// The header that carries the signature, made as Fishjam makes its own.
const SIGNATURE: &str = "x-roomtone-signature-256";
/// How long a post may take.
const POST: Duration = Duration::from_secs(10);
/// How often a post is repeated.
const POSTS: u32 = 8;
/// Lines that may wait for a slow sink.
const LINES: usize = 1_024;
/// Files that are written to at once.
const FILES: usize = 4;
/// Lines that are written at once.
const BATCH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_lead_out_of_its_folder() {
        let key = Key { room: "../../etc/passwd".into(), deploy: "echo".into() };
        assert_eq!(path("out/{room}/{peer}.jsonl", &key, &"p1".into()), PathBuf::from("out/______etc_passwd/p1.jsonl"));
    }
}
