//! The admin interface against its OpenAPI document, and the program's clients of it.

use std::{collections::BTreeSet, process::Command};

use reqwest::{Method, StatusCode};
use roomtone::host::{Host, OPENAPI, ROUTES};
use serde_json::{Value, json};

use crate::common::{Town, until, until_ready};

/// Whether a value has the shape that a schema asks for.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(document, document.pointer(name.trim_start_matches('#')).unwrap(), value);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits_one = choices.iter().any(|choice| fits(document, choice, value).is_ok());
        return fits_one.then_some(()).ok_or(format!("{value} is none of {choices:?}"));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.contains(value).then_some(()).ok_or(format!("{value} is none of {words:?}"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let is_kind = kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number");
    if !is_kind {
        return Err(format!("{value} is {kind}, not {kinds:?}"));
    }
    let properties = schema["properties"].as_object();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(name).ok_or(format!("{name} is missing"))?;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match properties.and_then(|properties| properties.get(name)) {
            Some(schema) => fits(document, schema, value).map_err(|why| format!("{name}: {why}"))?,
            None if schema["additionalProperties"] == false => return Err(format!("{name} is not described")),
            None => {}
        }
    }
    let mut items = value.as_array().into_iter().flatten();
    items.try_for_each(|item| fits(document, &schema["items"], item))
}

struct Admin {
    http: reqwest::Client,
    origin: String,
    document: Value,
}

impl Admin {
    fn of(host: &Host) -> Admin {
        let origin = format!("http://{}", host.served().admin.unwrap());
        Admin { http: reqwest::Client::new(), origin, document: serde_json::from_str(OPENAPI).unwrap() }
    }

    /// Calls, holds the answer against the document, and gives it.
    async fn call(
        &self,
        method: &str,
        path: &str,
        real: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}{real}", self.origin);
        let mut request = self.http.request(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let mut described = &self.document["paths"][path][method]["responses"][status.as_str()];
        if let Some(name) = described["$ref"].as_str() {
            described = self.document.pointer(name.trim_start_matches('#')).unwrap();
        }
        assert!(described.is_object(), "{method} {path} answers {status}, which is not described");
        let mut first = Value::Null;
        for (_, content) in described["content"].as_object().into_iter().flatten() {
            for line in text.trim().split('\n') {
                let value: Value = serde_json::from_str(line).unwrap();
                fits(&self.document, &content["schema"], &value).unwrap_or_else(|why| panic!("{method} {path}: {why}"));
                first = value;
            }
        }
        (status.as_u16(), first)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_call_answers_as_the_document_says_and_shows_the_token() {
    let town = Town::new().await;
    let folder = town.folder.0.display();
    let admin = format!("[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"{folder}/secret\"\n");
    let host = town.host("", &format!("{admin}[[deploy]]\nagent = \"echo\"\njoin.when = \"manual\"")).await;
    until_ready(&host).await;
    let room = town.room().await;
    town.talker(&room).await;
    let admin = Admin::of(&host);
    let paths = admin.document["paths"].as_object().unwrap();
    let described: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, calls)| calls.as_object().unwrap().keys().map(|method| (method.as_str(), path.as_str())))
        .collect();
    assert_eq!(described, ROUTES.into_iter().collect());
    for (method, path) in ROUTES {
        for token in [None, Some("wrong"), Some("")] {
            assert_eq!(admin.call(method, path, path, token, None).await.0, 401, "{method} {path}");
        }
    }
    let token = Some("admin-secret");
    let (_, status) = admin.call("get", "/v1/host", "/v1/host", token, None).await;
    assert_eq!((&status["ready"], &status["rooms"]), (&json!(true), &json!(1)));
    let sessions = "/v1/sessions";
    for (body, expected) in [
        (json!({ "room": room }), 400),
        (json!({ "room": room, "deploy": "nobody" }), 409),
        (json!({ "room": "nowhere", "deploy": "echo" }), 409),
        (json!({ "room": room, "deploy": "echo" }), 202),
        (json!({ "room": room, "deploy": "echo" }), 409),
    ] {
        assert_eq!(admin.call("post", sessions, sessions, token, Some(body.clone())).await.0, expected, "{body}");
    }
    let running = until(&host, "it hears", |sessions| {
        sessions.iter().any(|session| session.counters.as_ref().is_some_and(|counters| counters.chunks > 10))
    })
    .await;
    let id = running[0].session.unwrap();
    let (_, listed) = admin.call("get", sessions, sessions, token, None).await;
    assert_eq!(listed["sessions"][0]["session"], json!(id));
    let levels = "/v1/sessions/{session}/levels";
    // The talker, and the echo of it: both, in one second or a later one.
    for look in 0.. {
        let (_, line) = admin.call("get", levels, &format!("{sessions}/{id}/levels?seconds=1"), token, None).await;
        let loud: Vec<f64> = line["levels"].as_array().unwrap().iter().filter_map(|l| l["rms_dbfs"].as_f64()).collect();
        if loud.len() == 2 && loud.iter().all(|rms| (-20.0..-10.0).contains(rms)) {
            break;
        }
        assert!(loud.len() <= 2 && look < 60, "{line}");
    }
    assert_eq!(admin.call("get", levels, &format!("{sessions}/999/levels"), token, None).await.0, 404);
    let one = "/v1/sessions/{session}";
    assert_eq!(admin.call("delete", one, &format!("{sessions}/999"), token, None).await.0, 404);
    assert_eq!(admin.call("delete", one, &format!("{sessions}/{id}"), token, None).await.0, 202);
    town.until("it is gone", |agents| agents[&room].is_empty()).await;
    assert_eq!(admin.call("post", "/v1/host/reload", "/v1/host/reload", token, None).await.0, 422, "there is no file");
    let unknown = admin.http.get(format!("{}/v2", admin.origin)).bearer_auth("admin-secret").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(admin.call("post", "/v1/host/drain", "/v1/host/drain", token, None).await.0, 202);
    host.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_program_lists_joins_leaves_taps_reloads_and_shows() {
    let town = Town::new().await;
    let folder = town.folder.0.display();
    let admin = format!("[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"{folder}/secret\"\n");
    let text = town.text("", &format!("{admin}[[deploy]]\nagent = \"echo\"\njoin.when = \"manual\""));
    let path = town.folder.file("host.toml", &text);
    let config = roomtone::host::Config::read(&path, &crate::common::agents()).await.unwrap();
    let host = Host::start_from(config, &path, crate::common::agents()).await.unwrap();
    until_ready(&host).await;
    let room = town.room().await;
    town.talker(&room).await;
    let url = format!("http://{}", host.served().admin.unwrap());
    let secret = town.folder.0.join("secret");
    let run = async |args: &[&str], token: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roomtone"));
        command.args(args).args(["--admin", &url, "--token-file"]).arg(token);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let told = format!("echo goes into room {room}\n");
    assert_eq!(run(&["sessions", "join", room.as_str(), "echo"], &secret).await, (Some(0), told));
    let sessions = until(&host, "it is there", |sessions| {
        sessions.iter().any(|session| session.counters.as_ref().is_some_and(|counters| counters.chunks > 10))
    })
    .await;
    let id = sessions[0].session.unwrap().to_string();
    let (code, listed) = run(&["sessions"], &secret).await;
    assert!(code == Some(0) && listed.contains(room.as_str()) && listed.contains("running"), "{listed}");
    let (code, page) = run(&["top", "--screens", "1"], &secret).await;
    assert!(code == Some(0) && page.contains("1 room, sessions: 1 running (limit 1000)"), "{page}");
    let (code, levels) = run(&["sessions", "tap", &id, "--seconds", "1"], &secret).await;
    assert!(code == Some(0) && levels.contains("dB"), "{levels}");
    let (code, text) = run(&["sessions", "leave", "999"], &secret).await;
    assert!(code == Some(4) && text.contains("there is no session 999"), "{text}");
    town.folder.file("host.toml", &format!("{text}\n[host"));
    let (code, refused) = run(&["reload"], &secret).await;
    assert!(code == Some(4) && refused.contains("line 1: "), "{refused}");
    assert_eq!(run(&["sessions", "leave", &id], &secret).await.0, Some(0));
    let wrong = town.folder.file("wrong", "wrong");
    let (code, text) = run(&["sessions"], &wrong).await;
    assert!(code == Some(4) && text.contains("refuses the admin token; check ROOMTONE_ADMIN_TOKEN"), "{text}");
    assert_eq!(run(&["drain"], &secret).await.0, Some(0));
    host.ended().await;
    let (code, text) = run(&["sessions"], &secret).await;
    assert!(code == Some(4) && text.contains("no host answers at"), "{text}");
}
