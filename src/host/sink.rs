//! Events and notes as data: a file of JSON lines for each session, or posts of them.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use super::{config::SinkConfig, reconciler::Key};
use crate::{
    event::PeerId,
    files,
    net::{build_http, retry_after, signature},
    session::Backoff,
    session::{SessionEvent, SessionEventKind},
    trouble::Trouble,
};

/// Opens sinks, and counts what they lose. What is wrong with one place is told once.
#[derive(Clone)]
pub(super) struct Sinks {
    http: reqwest::Client,
    lost: Arc<AtomicU64>,
    trouble: Arc<Trouble>,
    /// Files that may be written to at a time: each takes a thread.
    disk: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// Where the lines of one session go. What is waiting when it is dropped is still written.
pub(super) struct Sink {
    lines: mpsc::Sender<String>,
    events: bool,
    notes: bool,
    interim: bool,
    native: bool,
    head: serde_json::Map<String, serde_json::Value>,
    lost: Arc<AtomicU64>,
    /// Bytes of the lines that wait.
    waiting_bytes: Arc<AtomicUsize>,
}

impl Sinks {
    /// Its tasks are among `tasks`, as they outlive their sessions.
    pub(super) fn new(tasks: TaskTracker) -> Sinks {
        let http = build_http(reqwest::Client::builder().timeout(POST));
        Sinks {
            http,
            lost: Arc::default(),
            trouble: Arc::new(Trouble::new("events are not written")),
            disk: Arc::new(Semaphore::new(FILES)),
            tasks,
        }
    }

    /// Lines that went nowhere.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// A sink for one session, if its deploy has one.
    pub(super) fn open(&self, config: &SinkConfig, key: &Key, peer: &PeerId, session: String) -> Option<Sink> {
        if config.file.is_none() && config.webhook.is_none() {
            return None;
        }
        let (lines, waiting) = mpsc::channel(LINES);
        let file = config.file.as_ref().map(|file| (path(file, key, peer), self.disk.clone()));
        let secret = config.secret().ok().flatten();
        let post = config.webhook.clone().map(|url| Post { http: self.http.clone(), url, secret });
        let waiting_bytes = Arc::<AtomicUsize>::default();
        let writer = Writer { file, post, lost: self.lost.clone(), trouble: self.trouble.clone() };
        self.tasks.spawn(writer.run(waiting, waiting_bytes.clone()));
        let head = serde_json::json!({ "room": key.room, "deploy": *key.deploy, "agent": peer, "session": session });
        let serde_json::Value::Object(head) = head else { unreachable!("it is written as one") };
        let SinkConfig { events, notes, interim, native, .. } = *config;
        let lost = self.lost.clone();
        Some(Sink { lines, events, notes, interim, native, head, lost, waiting_bytes })
    }
}

impl Sink {
    /// Writes what is asked for of what happened. Never waits: what a slow sink has no room for is lost and counted.
    pub(super) fn write(&self, event: &SessionEvent) {
        let is_wanted = match &event.kind {
            SessionEventKind::Note(note) => self.notes && (!note.is_interim || self.interim),
            SessionEventKind::Room(_)
            | SessionEventKind::Draining { .. }
            | SessionEventKind::Joined
            | SessionEventKind::Ended(_) => self.events,
            _ => false,
        };
        if !is_wanted {
            return;
        }
        let mut line = self.head.clone();
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(event) {
            line.extend(fields);
        }
        // It may be large, and say things that the event does not.
        if let SessionEventKind::Room(event) = &event.kind
            && self.native
        {
            line.insert("what".into(), event.json_with_native());
        }
        let text = serde_json::Value::Object(line).to_string();
        let bytes = text.len();
        let is_full = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING_BYTES;
        if is_full || self.lines.try_send(text).is_err() {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Post {
    http: reqwest::Client,
    url: String,
    secret: Option<SecretString>,
}

/// The task behind a sink.
struct Writer {
    file: Option<(PathBuf, Arc<Semaphore>)>,
    post: Option<Post>,
    lost: Arc<AtomicU64>,
    trouble: Arc<Trouble>,
}

impl Writer {
    /// Takes what waits, as much as there is, and writes it.
    async fn run(self, mut waiting: mpsc::Receiver<String>, waiting_bytes: Arc<AtomicUsize>) {
        let mut lines = Vec::new();
        while waiting.recv_many(&mut lines, BATCH).await > 0 {
            let count = lines.len() as u64;
            let body = lines.join("\n") + "\n";
            waiting_bytes.fetch_sub(lines.iter().map(String::len).sum(), Ordering::Relaxed);
            lines.clear();
            if let Some((path, disk)) = &self.file {
                let _turn = disk.acquire().await;
                let (path, text) = (path.clone(), body.clone());
                let place = path.display().to_string();
                let written = tokio::task::spawn_blocking(move || append(&path, &text)).await;
                let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
                self.note(&place, count, written.map_err(|error| error.to_string()));
            }
            if let Some(post) = &self.post {
                let sent = post.send(body).await;
                self.note(&origin(&post.url), count, sent);
            }
        }
    }

    fn note(&self, place: &str, count: u64, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.trouble.ends(place),
            Err(why) => {
                self.trouble.begins(place, &why);
                self.lost.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::create_folder(folder)?;
    }
    files::append(path)?.write_all(text.as_bytes())
}

impl Post {
    /// Posts JSON lines, again if the server is in trouble. A 4xx is an answer.
    async fn send(&self, body: String) -> Result<(), String> {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        loop {
            let mut request = self.http.post(&self.url).header("content-type", "application/x-ndjson");
            if let Some(secret) = &self.secret {
                request =
                    request.header(SIGNATURE, signature::sign(body.as_bytes(), secret.expose_secret().as_bytes()));
            }
            let mut at_least = Duration::ZERO;
            let why = match request.body(body.clone()).send().await {
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS || answer.status().is_server_error() => {
                    at_least = retry_after(answer.status(), answer.headers()).unwrap_or_default();
                    format!("HTTP {}", answer.status())
                }
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => return Err(format!("HTTP {}", answer.status())),
                Err(error) => error.without_url().to_string(),
            };
            if backoff.attempts() == POSTS {
                return Err(why);
            }
            tokio::time::sleep(backoff.next_wait().max(at_least)).await;
        }
    }
}

/// Where a URL leads, without what may be secret in it.
fn origin(url: &str) -> String {
    url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Fills in what the path leaves open. Ids cannot lead out of the folder, nor into another's file.
fn path(template: &str, key: &Key, peer: &PeerId) -> PathBuf {
    let path = template
        .replace("{room}", &files::name(key.room.as_str()))
        .replace("{deploy}", &files::name(&key.deploy))
        .replace("{peer}", &files::name(peer.as_str()));
    PathBuf::from(path)
}

/// The header that carries the signature, made as Fishjam makes its own.
const SIGNATURE: &str = "x-roomtone-signature-256";
/// How long a post may take.
const POST: Duration = Duration::from_secs(10);
/// How often a post is repeated.
const POSTS: u32 = 8;
/// Bytes of lines, and lines, that may wait for a slow sink.
const WAITING_BYTES: usize = 4 << 20;
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
        let path = |room: &str| {
            let key = Key { room: room.into(), deploy: "echo".into() };
            path("out/{room}/{peer}.jsonl", &key, &"p1".into())
        };
        let outside = path("../../etc/passwd");
        assert!(outside.starts_with("out") && outside.components().count() == 3, "{}", outside.display());
        assert_ne!(path("a/b"), path("a_b"), "each room has its own");
        assert_eq!(path("room-1"), PathBuf::from("out/room-1/p1.jsonl"));
    }
}
