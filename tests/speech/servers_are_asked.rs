//! A server with `/v1/audio/transcriptions`: one with a real engine behind it, one that refuses, one that never answers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::Multipart,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use roomtone::{
    conversation::EngineError,
    speech::{
        Chain, ChainLink, Job, Pool, PoolSettings, SENTENCE,
        engines::{EngineConfig, open},
        errors,
        openai::OpenAi,
        sentence,
    },
};
use serde_json::json;

use crate::common::*;

/// Understands what is posted, as such a server does.
async fn transcribe(pool: Pool, headers: HeaderMap, mut form: Multipart) -> Response {
    if headers.get("authorization").is_none_or(|shown| shown != "Bearer a-token") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut samples = Vec::new();
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        let bytes = field.bytes().await.unwrap();
        match name.as_str() {
            "file" => {
                samples = hound::WavReader::new(&bytes[..]).unwrap().samples::<i16>().map(|s| s.unwrap()).collect()
            }
            _ => fields.push((name, String::from_utf8(bytes.to_vec()).unwrap())),
        }
    }
    let has = |name: &str, value: &str| fields.iter().any(|(n, v)| n == name && v == value);
    // The sentence that a pool begins with is of no language.
    assert!(has("model", "tiny") && has("response_format", "verbose_json"), "{fields:?}");
    let job = Job::new(samples.into(), true, None, Instant::now() + LONG);
    let text = pool.ask(job).await.unwrap().heard.text;
    Json(json!({ "task": "transcribe", "text": text, "words": [{ "word": "and", "start": 0.5, "end": 0.7 }] }))
        .into_response()
}

const LONG: Duration = Duration::from_secs(120);

fn job() -> Job {
    Job::new(sentence().into(), true, Some("en-GB".into()), Instant::now() + LONG)
}

#[tokio::test(flavor = "multi_thread")]
async fn words_come_back_with_their_times() {
    let Some(place) = place() else { return };
    let moonshine = open(&EngineConfig::named("moonshine"), &engines(&place)).await.unwrap();
    let router = Router::new()
        .route("/v1/audio/transcriptions", post(move |headers, form| transcribe(moonshine, headers, form)));
    let url = serve(router).await;
    let mut engine = OpenAi::new(&format!("{url}/"), "tiny");
    engine.token = Some("a-token".into());
    let pool = Pool::start(engine.clone(), &PoolSettings::default()).await.unwrap();
    let heard = pool.ask(job()).await.unwrap().heard;
    assert!(errors(SENTENCE, &heard.text) <= 2, "{}", heard.text);
    assert_eq!((heard.words[0].text.as_str(), heard.words[0].begins), ("and", Duration::from_millis(500)));
    engine.token = Some("another".into());
    let error = Pool::start(engine, &PoolSettings::default()).await.unwrap_err();
    assert!(error.to_string().ends_with("refuses the token"), "{error}");
}

/// The local engine takes over within the utterance, and the server is left alone after two.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_server_never_answers_the_next_engine_takes_over() {
    let Some(place) = place() else { return };
    let answers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let asked = answers.clone();
    let route = post(move |_: axum::body::Bytes| {
        // The sentence at the start is answered; then it is silent.
        let n = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            if n >= 2 {
                std::future::pending::<()>().await;
            }
            Json(json!({ "text": "hello" }))
        }
    });
    let url = serve(Router::new().route("/v1/audio/transcriptions", route)).await;
    let server = Pool::start(OpenAi::new(&url, "tiny"), &PoolSettings::default()).await.unwrap();
    let moonshine = open(&EngineConfig::named("moonshine"), &engines(&place)).await.unwrap();
    let chain = Chain::new(vec![ChainLink::new(server, Duration::from_millis(200)), ChainLink::new(moonshine, LONG)]);
    for _ in 0..3 {
        let (answer, by) = chain.finish(sentence().into(), None, 0).await.unwrap();
        assert_eq!(by.name.as_ref(), "moonshine");
        assert!(errors(SENTENCE, &answer.heard.text) <= 2);
    }
    assert_eq!(answers.load(std::sync::atomic::Ordering::SeqCst), 2 + 2, "the third time it is not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_such_server_is_said() {
    let none = |_: axum::body::Bytes| async { StatusCode::NOT_FOUND };
    let url = serve(Router::new().fallback(none)).await;
    let error = Pool::start(OpenAi::new(&url, "tiny"), &PoolSettings::default()).await.unwrap_err().to_string();
    assert!(error.contains("has no /v1/audio/transcriptions"), "{error}");
    let flood = post(|_: axum::body::Bytes| async { Json(json!({ "text": "x".repeat(2 << 20) })) });
    let url = serve(Router::new().route("/v1/audio/transcriptions", flood)).await;
    let error = Pool::start(OpenAi::new(&url, "tiny"), &PoolSettings::default()).await.unwrap_err();
    assert!(matches!(&error, EngineError::Failed(why) if why.contains("more than 1048576 bytes")), "{error}");
    let error = Pool::start(OpenAi::new("http://127.0.0.1:1", "tiny"), &PoolSettings::default()).await.unwrap_err();
    assert!(error.to_string().starts_with("http://127.0.0.1:1: "), "{error}");
}
