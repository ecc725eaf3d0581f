//! What a host logs and traces, read as a machine would.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State as Shared, routing::post};
use serde_json::Value;

use crate::common::{Program, Town};

/// As in `3f2a-7`.
fn is_of_a_host(session: &Value) -> bool {
    let parts = session.as_str().and_then(|session| session.split_once('-'));
    parts.is_some_and(|(host, number)| host.len() == 4 && number.parse::<u64>().is_ok())
}

type Bodies = Arc<Mutex<Vec<u8>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lines_and_spans_carry_the_room_and_the_session() {
    let town = Town::new().await;
    let rooms = town.rooms(3).await;
    let bodies = Bodies::default();
    let take = async |Shared(bodies): Shared<Bodies>, body: Bytes| bodies.lock().unwrap().extend_from_slice(&body);
    let router = Router::new().route("/v1/traces", post(take)).with_state(bodies.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let traces = if cfg!(feature = "otlp") { format!("[traces]\nendpoint = \"{endpoint}\"\n") } else { String::new() };
    let text = town.text("drain = \"100ms\"", &format!("{traces}[[deploy]]\nagent = \"echo\""));
    let mut program = Program::start_with(&town, &text, &["--log-format", "json"]);
    town.until_each_has_one().await;
    // The server knows of an agent a moment before the agent does.
    program.until_logged(rooms.len(), "in the room after").await;
    program.signal("-TERM");
    let (code, _, log) = program.ended_with_log().await;
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for room in &rooms {
        let of_room: Vec<&Value> = lines.iter().filter(|line| line.to_string().contains(room.as_str())).collect();
        assert!(of_room.len() >= 3, "{of_room:?}");
        for line in of_room {
            let session = &line["fields"]["session"];
            let spans = line["spans"].as_array();
            let of_span = spans.is_some_and(|spans| spans.iter().any(|span| is_of_a_host(&span["session"])));
            assert!(is_of_a_host(session) || of_span, "{line}");
        }
    }
    assert!(!log.contains("development"), "the token");
    if cfg!(feature = "otlp") {
        let spans = String::from_utf8_lossy(&bodies.lock().unwrap()).into_owned();
        for word in ["roomtone", "session", "join", "rest", "POST /room", rooms[0].as_str(), "deploy"] {
            assert!(spans.contains(word), "{word} is in no trace");
        }
    }
}

/// Who changes a host is written down, with what and how it went; who only looks is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_leave_an_audit_line_each() {
    let town = Town::new().await;
    town.folder.file("reader", "reader-secret");
    let folder = town.folder.0.display();
    let admin = format!(
        "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"{folder}/secret\"\nreader_token_file = \"{folder}/reader\"\n"
    );
    let text = town.text("drain = \"100ms\"", &format!("{admin}[[deploy]]\nagent = \"echo\"\njoin.when = \"manual\""));
    let mut program = Program::start_with(&town, &text, &["--log-format", "json"]);
    let url = program.served("admin").await;
    let http = reqwest::Client::new();
    for (path, token, status) in [
        ("/v1/host/reload", "admin-secret", 200),
        ("/v1/host/reload", "reader-secret", 403),
        ("/v1/host/drain", "guessed", 401),
    ] {
        let answer = http.post(format!("{url}{path}")).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    assert_eq!(http.get(format!("{url}/v1/host")).bearer_auth("reader-secret").send().await.unwrap().status(), 200);
    program.signal("-TERM");
    let (code, _, log) = program.ended_with_log().await;
    assert_eq!(code, Some(0), "{log}");
    let audit: Vec<&str> = log.lines().filter(|line| line.contains("audit: ")).collect();
    assert_eq!(audit.len(), 3, "{audit:#?}");
    for (line, parts) in audit.iter().zip([
        ["POST /v1/host/reload", "admin token's holder", "\"status\":200"],
        ["POST /v1/host/reload", "reader's token", "refused"],
        ["POST /v1/host/drain", "without a right token", "refused"],
    ]) {
        parts.iter().for_each(|part| assert!(line.contains(part), "{part} is not in {line}"));
        assert!(line.contains("127.0.0.1:") && !line.contains("guessed"), "{line}");
    }
}
