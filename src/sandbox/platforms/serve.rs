//! A fake platform at a port: its socket and its calls, and an interface of its own under `/sandbox/` that plays a script.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::{Call, FakeOutput, FakeServer};
use crate::{
    sandbox::{
        SandboxError,
        doors::Doors,
        socket::upgrade::{Stream, upgrade},
    },
    web::{self, Limits, Server},
};

/// A line of a script that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the script: {why}")]
pub struct ScriptError {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A running fake. It stops when it is dropped.
pub struct FakePlatform {
    address: SocketAddr,
    hub: Arc<Hub>,
    server: JoinHandle<()>,
}

struct Hub {
    fake: Mutex<Box<dyn FakeServer>>,
    clients: Mutex<Clients>,
    secret: String,
    /// Its next deadline may be another one.
    changed: Notify,
    stop: CancellationToken,
}

#[derive(Default)]
struct Clients {
    outboxes: BTreeMap<u64, mpsc::Sender<FakeOutput>>,
    last: u64,
}

impl FakePlatform {
    /// Serves `fake`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`SandboxError`] when the address cannot be had.
    pub async fn start(listen: SocketAddr, fake: impl FakeServer) -> Result<FakePlatform, SandboxError> {
        let (listener, address) = web::bind(listen).await.map_err(|cause| SandboxError::from_bind(listen, cause))?;
        let hub = Arc::new(Hub {
            secret: fake.secret(),
            fake: Mutex::new(Box::new(fake)),
            clients: Mutex::default(),
            changed: Notify::new(),
            stop: CancellationToken::new(),
        });
        let app = Router::new().fallback(serve).with_state(hub.clone());
        let limits = Limits {
            connections: 1_024,
            body_bytes: SCRIPT_BYTES,
            bodies_bytes: 4 * SCRIPT_BYTES,
            ..Limits::default()
        };
        let server = tokio::spawn(Server::new(listener, app, limits, hub.stop.clone()).run());
        tokio::spawn(keep_time(hub.clone()));
        Ok(FakePlatform { address, hub, server })
    }

    /// Where its socket is.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Where its calls are.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What clients must show.
    pub fn secret(&self) -> secrecy::SecretString {
        self.hub.secret.clone().into()
    }

    /// Tells events: a script of JSON lines, each a frame or the part of one that speaks of the event.
    ///
    /// # Errors
    /// [`ScriptError`] for the first line that is none; those before it have been told.
    pub fn play(&self, script: &str) -> Result<(), ScriptError> {
        let lines = script.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(at, line)| (at + 1, line)).try_for_each(|(at, line)| self.hub.play_line(at, line))
    }

    /// Cuts every client off, without a word.
    pub fn cut(&self) {
        self.hub.clients().outboxes.clear();
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.hub.clients().outboxes.len()
    }

    /// Closes every connection and stops.
    pub async fn stop(mut self) {
        self.hub.stop.cancel();
        tokio::time::timeout(STOP, &mut self.server).await.ok();
    }
}

impl Drop for FakePlatform {
    fn drop(&mut self) {
        self.hub.stop.cancel();
    }
}

impl Hub {
    fn fake(&self) -> MutexGuard<'_, Box<dyn FakeServer>> {
        self.fake.lock().expect("no holder panics")
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().expect("no holder panics")
    }

    /// Changes the fake and carries out what follows.
    fn with<T>(&self, change: impl FnOnce(&mut dyn FakeServer, Instant) -> T) -> T {
        let mut fake = self.fake();
        let result = change(fake.as_mut(), Instant::now());
        let mut clients = self.clients();
        while let Some((client, output)) = fake.poll_output() {
            let Some(outbox) = clients.outboxes.get(&client) else { continue };
            // A client that reads nothing is cut off.
            if outbox.try_send(output).is_err() {
                clients.outboxes.remove(&client);
            }
        }
        self.changed.notify_one();
        result
    }

    fn play_line(&self, line: usize, text: &str) -> Result<(), ScriptError> {
        let fail = |why: String| ScriptError { line, why };
        let mut event: Value = serde_json::from_str(text).map_err(|error| fail(error.to_string()))?;
        // Lines of sample files carry their frame under a key.
        if let Some(frame) = event.get_mut("frame") {
            event = frame.take();
        }
        self.with(|fake, now| fake.play(now, &event)).map_err(fail)
    }
}

/// Lets the fake do what is due.
async fn keep_time(hub: Arc<Hub>) {
    loop {
        let due = hub.fake().poll_timeout();
        tokio::select! {
            () = hub.stop.cancelled() => return,
            () = hub.changed.notified() => {}
            () = async { match due {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            } } => hub.with(|fake, now| fake.on_time(now)),
        }
    }
}

async fn serve(State(hub): State<Arc<Hub>>, mut request: Request) -> Response {
    if let Err(why) = Doors::default().check(request.headers()) {
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    if request.headers().contains_key(header::SEC_WEBSOCKET_KEY) {
        return upgrade(&mut request, move |stream| converse(hub, stream));
    }
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let headers = std::mem::take(request.headers_mut());
    let body = to_bytes(std::mem::take(request.body_mut()), SCRIPT_BYTES).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    match path.strip_prefix("/sandbox/") {
        Some(_) if method != "POST" => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        Some(command) => control(&hub, command, &headers, &body).await,
        None => call(&hub, &method, &path, &headers, &body),
    }
}

fn call(hub: &Hub, method: &str, path: &str, headers: &HeaderMap, body: &str) -> Response {
    let cookie = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let reply = hub.with(|fake, now| fake.on_call(now, &Call { method, path, cookie, body }));
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(reply.body)).into_response();
    if let Some(cookie) = reply.cookie.and_then(|cookie| HeaderValue::from_str(&format!("{cookie}; Path=/")).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /sandbox/play` plays a script of JSON lines, in which `{"wait_ms": 500}` waits; `POST /sandbox/cut` cuts all off.
async fn control(hub: &Hub, command: &str, headers: &HeaderMap, body: &str) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if shown.strip_prefix("Bearer ") != Some(&hub.secret) {
        let why = "show the fake's secret: Authorization: Bearer development";
        return (StatusCode::UNAUTHORIZED, Json(json!({ "errors": why }))).into_response();
    }
    match command {
        "play" => {
            for (at, line) in body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let wait = serde_json::from_str::<Value>(line).ok().and_then(|line| line["wait_ms"].as_u64());
                match wait {
                    Some(ms) => sleep(Duration::from_millis(ms.min(LONGEST_WAIT_MS))).await,
                    None => {
                        if let Err(error) = hub.play_line(at + 1, line) {
                            let errors = json!({ "errors": error.to_string() });
                            return (StatusCode::BAD_REQUEST, Json(errors)).into_response();
                        }
                    }
                }
            }
            StatusCode::NO_CONTENT.into_response()
        }
        "cut" => {
            hub.clients().outboxes.clear();
            StatusCode::NO_CONTENT.into_response()
        }
        _ => (StatusCode::NOT_FOUND, Body::empty()).into_response(),
    }
}

/// One client, until it goes or is sent away.
async fn converse(hub: Arc<Hub>, stream: Stream) {
    let (outbox, mut outputs) = mpsc::channel(OUTBOX);
    let number = {
        let mut clients = hub.clients();
        clients.last += 1;
        let number = clients.last;
        clients.outboxes.insert(number, outbox);
        number
    };
    hub.with(|fake, now| fake.on_open(now, number));
    let (mut sink, mut source) = stream.split();
    loop {
        tokio::select! {
            () = hub.stop.cancelled() => break,
            message = source.next() => match message {
                Some(Ok(Message::Text(text))) => hub.with(|fake, now| fake.on_text(now, number, text.as_str())),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            output = outputs.recv() => match output {
                Some(FakeOutput::Send(text)) => {
                    if sink.feed(Message::text(text)).await.is_err() || outputs.is_empty() && sink.flush().await.is_err() {
                        break;
                    }
                }
                Some(FakeOutput::Close) => {
                    sink.send(Message::Close(None)).await.ok();
                    break;
                }
                // Cut off.
                None => break,
            },
        }
    }
    hub.clients().outboxes.remove(&number);
    hub.with(|fake, _| fake.on_closed(number));
}

/// The largest script, and the largest body of a call.
const SCRIPT_BYTES: usize = 8 << 20;
/// Frames that may wait for a client.
const OUTBOX: usize = 262_144;
const LONGEST_WAIT_MS: u64 = 60_000;
/// How long open connections may take to end.
const STOP: Duration = Duration::from_secs(2);
