//! What a host logs and traces, read as a machine would.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State as Shared, routing::post};
use serde_json::Value;

use crate::common::{Program, Town};

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
            let of_span = spans.is_some_and(|spans| spans.iter().any(|span| span["session"].is_u64()));
            assert!(session.is_u64() || of_span, "{line}");
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
