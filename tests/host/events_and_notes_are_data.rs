//! What happens in a room and what an agent writes, as lines of JSON.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use roomtone::{fishjam::webhook, host::State};
use serde_json::Value;
use tokio::time::sleep;

use crate::common::{PATIENCE, Town, in_state, until, until_ready};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn until_written(file: &Path, word: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !std::fs::read_to_string(file).is_ok_and(|text| text.contains(word)) {
        assert!(tokio::time::Instant::now() < deadline, "in time: {word} in {}", file.display());
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_for_each_room_tells_what_happened_and_what_was_written() {
    let town = Town::new().await;
    let file = format!("{}/events/{{room}}.jsonl", town.folder.0.display());
    let host = town.host("", &format!("[[deploy]]\nagent = \"scribe\"\nsink.file = \"{file}\"")).await;
    let room = town.room().await;
    until(&host, "it is there", |sessions| in_state(sessions, State::Running) == 1).await;
    let written = PathBuf::from(file.replace("{room}", room.as_str()));
    let ada = town.person(&room).await;
    until_written(&written, "track.added").await;
    town.sandbox.remove_person(&room, &ada.peer).unwrap();
    until_written(&written, "peer.removed").await;
    host.control().stop().await.unwrap();
    // What the sinks hold is written before the host has ended.
    host.ended().await;
    let lines = lines(&std::fs::read_to_string(&written).unwrap());
    assert!(
        lines.iter().all(|line| line["room"] == room.as_str() && line["deploy"] == "scribe" && line["at_s"].is_f64())
    );
    let told: Vec<&str> = lines
        .iter()
        .filter(|line| ["room", "draining"].contains(&line["kind"].as_str().unwrap()))
        .map(|line| line["what"]["event"].as_str().unwrap_or("draining"))
        .collect();
    let expected =
        ["peer.registered", "peer.joined", "track.added", "track.removed", "peer.left", "peer.removed", "draining"];
    let mut rest = expected.iter();
    let mut next = rest.next();
    told.iter().for_each(|event| {
        if next == Some(event) {
            next = rest.next();
        }
    });
    assert_eq!(next, None, "in this order: {expected:?}; told {told:?}");
    let written: Vec<&str> =
        lines.iter().filter(|l| l["kind"] == "note").filter_map(|l| l["what"]["text"].as_str()).collect();
    assert_eq!(written.len(), told.len(), "the scribe wrote of each event: {written:?}");
    assert!(written.contains(&"peer.joined"));
    assert_eq!(lines.last().unwrap()["kind"], "ended");
}

/// What the platform itself said stays out of the lines, unless the deploy asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_native_payload_is_there_where_it_was_asked_for() {
    let town = Town::new().await;
    let folder = town.folder.0.display().to_string();
    let deploy = |name: &str, native: &str| {
        format!("[[deploy]]\nname = \"{name}\"\nagent = \"scribe\"\nsink.file = \"{folder}/{name}.jsonl\"\n{native}")
    };
    let rules = format!("{}{}", deploy("without", ""), deploy("with", "sink.native = true\n"));
    let host = town.host("", &rules).await;
    let room = town.room().await;
    until(&host, "both are there", |sessions| in_state(sessions, State::Running) == 2).await;
    town.person(&room).await;
    for (name, has_payload) in [("without", false), ("with", true)] {
        let file = PathBuf::from(format!("{folder}/{name}.jsonl"));
        // As the platform said it: what follows from a list has no payload.
        until_written(&file, "trackAdded").await;
        let lines = lines(&std::fs::read_to_string(&file).unwrap());
        let said = |line: &&Value| line["what"]["event"] == "track.added" && line["what"]["native"].is_object();
        let line = lines.iter().find(said).unwrap_or_else(|| panic!("{name}: {lines:?}"));
        assert_eq!(line["what"]["native"]["payload"]["peerId"].is_string(), has_payload, "{line}");
        assert!(line["what"]["event_id"].is_string(), "{line}");
    }
    host.control().stop().await.unwrap();
    host.ended().await;
}

type Received = Arc<Mutex<(Vec<(String, String)>, u32)>>;

/// Fails the first two posts, and keeps the others.
async fn take(Shared(received): Shared<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut received = received.lock().unwrap();
    received.1 += 1;
    if received.1 <= 2 {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let signature = headers["x-roomtone-signature-256"].to_str().unwrap().to_owned();
    received.0.push((signature, String::from_utf8(body.to_vec()).unwrap()));
    StatusCode::NO_CONTENT
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_does_not_sign_with_a_secret_that_is_not_there() {
    let town = Town::new().await;
    let sink = "sink = { webhook = \"http://127.0.0.1:1/\", secret_env = \"ROOMTONE_NO_SUCH_SECRET\" }";
    let text = town.text("", &format!("[[deploy]]\nagent = \"echo\"\n{sink}"));
    let config = roomtone::host::Config::parse(&text, &crate::common::agents()).await.unwrap();
    let error = roomtone::host::Host::start(config).await.unwrap_err().to_string();
    assert_eq!(error, "there is no sink's secret: the environment's ROOMTONE_NO_SUCH_SECRET is empty or not there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn posts_are_signed_and_repeated_until_they_are_taken() {
    let received = Received::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let router = Router::new().route("/events", post(take)).with_state(received.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let town = Town::new().await;
    // The one variable that every machine has; its value is the secret.
    let rules = format!("[[deploy]]\nagent = \"echo\"\nsink = {{ webhook = \"{url}\", secret_env = \"PATH\" }}");
    let host = town.host("", &rules).await;
    until_ready(&host).await;
    let room = town.room().await;
    // By its own count: the server knows of an agent a moment before the agent does.
    until(&host, "it is in", |sessions| sessions.iter().any(|session| session.state == State::Running)).await;
    town.fishjam.rest().delete_room(&room).await.unwrap();
    until(&host, "it is gone", |sessions| sessions.is_empty()).await;
    let secret = std::env::var("PATH").unwrap();
    let deadline = tokio::time::Instant::now() + crate::common::PATIENCE;
    loop {
        let posts = received.lock().unwrap().0.clone();
        assert!(posts.iter().all(|(signature, body)| webhook::verify(
            body.as_bytes(),
            signature,
            secret.trim().as_bytes()
        )));
        let all: Vec<Value> = posts.iter().flat_map(|(_, body)| lines(body)).collect();
        if all.last().is_some_and(|last| last["kind"] == "ended") {
            assert_eq!(all[0]["kind"], "joined", "what the first posts held came again");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "in time: {all:?}");
        sleep(Duration::from_millis(50)).await;
    }
}
