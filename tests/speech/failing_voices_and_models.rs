//! Voices and models in everything that they can do wrong: each failure costs its sentence or its reply at most, the next engine takes
//! over from the sentence's beginning, and nothing waits for longer than it was told to.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::StreamExt;
use roomtone::{
    conversation::{EngineError, LanguageModel, Languages, Prompt, Sentence, SoundPiece, UserTurn, text_channel},
    speech::{
        Said, Voice, VoiceLink, Voices,
        models::OpenAiModel,
        voices::{OpenAiVoice, VoiceProgram, check_voice},
    },
};
use serde_json::{Value, json};

use crate::{commands_that_misbehave::python, common::serve};

async fn voice(python: &Path, how: &str, note: Option<&Path>) -> Result<Voice, EngineError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/speech/bad_voice.py");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut program = vec![text(python), "-I".into(), text(&script), how.into()];
    program.extend(note.map(text));
    Voice::start(VoiceProgram::new(&format!("bad-{how}"), program, Languages::english(), 1, 2 << 30)).await
}

/// What comes of a sentence: samples that count, how often it began anew, how it failed.
async fn say(voices: &Voices, text: &str) -> (usize, usize, Option<EngineError>) {
    let mut saying = voices.say(Sentence::new(text));
    let (mut samples, mut restarts) = (0, 0);
    while let Some(said) = saying.next().await {
        match said {
            Said::Piece(SoundPiece::Sound { samples: more, .. }) => samples += more.len(),
            Said::Piece(SoundPiece::Word(_)) => {}
            Said::Restarts => (samples, restarts) = (0, restarts + 1),
            Said::Failed(error) => return (samples, restarts, Some(error)),
        }
    }
    (samples, restarts, None)
}

const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn the_next_voice_says_the_sentence_from_its_beginning() {
    let Some(python) = python() else { return };
    let good = voice(&python, "good", None).await.unwrap();
    for (how, within) in
        [("dies", LONG), ("garbage", LONG), ("too-much", LONG), ("floods", LONG), ("cannot", LONG), ("hangs", SHORT)]
    {
        let bad = voice(&python, how, None).await.unwrap();
        let alone = Voices::new(vec![VoiceLink::new(bad.clone(), within)]);
        let begun = Instant::now();
        let (_, _, error) = say(&alone, "a bad one").await;
        assert!(error.is_some(), "{how}");
        assert!(begun.elapsed() < LONG, "{how}");
        assert_eq!(say(&alone, "a good one").await, (1_600, 0, None), "{how}: what follows finds a new one");
        let chain = Voices::new(vec![VoiceLink::new(bad, within), VoiceLink::new(good.clone(), LONG)]);
        let (samples, _, error) = say(&chain, "another bad one").await;
        assert_eq!((samples, error), (1_600, None), "{how}: all of it comes from the second");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_died_once_is_started_anew_and_says_it() {
    let Some(python) = python() else { return };
    let marker = std::env::temp_dir().join(format!("roomtone-voice-{}", std::process::id()));
    let voices = Voices::new(vec![VoiceLink::new(voice(&python, "dies-once", Some(&marker)).await.unwrap(), LONG)]);
    assert_eq!(say(&voices, "a bad one").await, (1_600, 0, None), "nothing of it had been given yet");
    std::fs::remove_file(marker).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_has_an_empty_environment_and_says_what_is_wrong_with_it() {
    let Some(python) = python() else { return };
    let voices = Voices::new(vec![VoiceLink::new(voice(&python, "tells-environment", None).await.unwrap(), LONG)]);
    let (samples, ..) = say(&voices, "a bad one").await;
    // Python itself adds a variable or two about its locale.
    assert!(samples <= 160 * 3, "{samples}");
    let error = voice(&python, "no-rate", None).await.unwrap_err();
    assert!(error.to_string().contains("no rate_hz from 8000 to 48000"), "{error}");
}

/// Who hears no more of a sentence leaves the program to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_that_nobody_hears_any_more_does_not_cost_the_program() {
    let Some(python) = python() else { return };
    let voices = Voices::new(vec![VoiceLink::new(voice(&python, "good", None).await.unwrap(), LONG)]);
    for _ in 0..20 {
        drop(voices.say(Sentence::new("a good one")));
        assert_eq!(say(&voices, "a good one").await, (1_600, 0, None));
    }
}

/// A server with a voice: half a second for each letter, in pieces of odd length.
async fn speech(Json(body): Json<Value>) -> Response {
    let text = body["input"].as_str().unwrap().to_owned();
    if text.contains("bad") {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    assert_eq!((&body["response_format"], &body["voice"]), (&json!("pcm"), &json!("alloy")));
    let bytes: Vec<u8> =
        (0..text.len().max(4) * 1_600).flat_map(|n| (((n % 40) as i16 - 20) * 200).to_le_bytes()).collect();
    let pieces: Vec<Result<Bytes, std::io::Error>> =
        bytes.chunks(999).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(futures_util::stream::iter(pieces)).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_a_voice() {
    let url = serve(Router::new().route("/v1/audio/speech", post(speech))).await;
    let sample = check_voice(&OpenAiVoice::new(&url, "tts-1", "alloy")).await.unwrap();
    assert_eq!(sample.samples.len(), 46 * 1_600);
    let voices =
        Voices::new(vec![VoiceLink::new(Voice::start(OpenAiVoice::new(&url, "tts-1", "alloy")).await.unwrap(), LONG)]);
    let (_, _, error) = say(&voices, "a bad one").await;
    assert!(error.unwrap().to_string().ends_with("answers 429 Too Many Requests"));
}

/// A server with a model, which does what it is told.
async fn chat(Json(body): Json<Value>, calls: Arc<AtomicUsize>) -> Response {
    calls.fetch_add(1, Ordering::Relaxed);
    let messages = body["messages"].as_array().unwrap();
    assert!(body["stream"] == true && messages[0]["role"] == "system", "{body}");
    let said = messages.last().unwrap()["content"].as_str().unwrap().to_owned();
    let delta = |text: &str| format!("data: {}\n\n", json!({ "choices": [{ "delta": { "content": text } }] }));
    let pieces: Vec<String> = match said.as_str() {
        "refuse" => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "garbage" => vec![delta("Well, "), "data: nonsense\n\n".into()],
        "stop" => vec![delta("Well, ")],
        "error" => vec![delta("Well, "), "data: {\"error\": {\"message\": \"no\"}}\n\n".into()],
        "flood" => vec!["x".repeat(300 << 10)],
        _ => vec![": a comment\n\n".into(), delta("You said"), delta(": "), delta(&said), "data: [DONE]\n\n".into()],
    };
    let hangs = said == "hang";
    let bytes = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
    let stream = futures_util::stream::iter(bytes);
    match hangs {
        true => Body::from_stream(stream.take(1).chain(futures_util::stream::pending())).into_response(),
        false => Body::from_stream(stream).into_response(),
    }
}

fn prompt(text: &str) -> Prompt {
    let turn = UserTurn {
        speaker: "ada".into(),
        name: None,
        text: text.into(),
        begins: Duration::ZERO,
        ends: Duration::from_secs(1),
        stood_in: false,
    };
    Prompt { instructions: "Be brief.".into(), context: [].into(), turn }
}

async fn complete(model: &OpenAiModel, text: &str) -> (String, Result<(), EngineError>) {
    let (mut sink, mut texts) = text_channel();
    let prompt = prompt(text);
    let work = async move { model.complete(&prompt, &mut sink).await };
    let read = async {
        let mut all = String::new();
        while let Some(text) = texts.recv().await {
            all.push_str(&text);
        }
        all
    };
    let (result, all) = tokio::join!(work, read);
    (all, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_a_model_and_its_failures_are_told() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let url = serve(Router::new().route("/v1/chat/completions", post(move |body| chat(body, counted.clone())))).await;
    let model = OpenAiModel::new(&url, "tiny");
    assert_eq!(complete(&model, "hello").await, ("You said: hello".into(), Ok(())));
    for (text, given, why) in [
        ("refuse", "", "answers 500 Internal Server Error"),
        ("garbage", "Well, ", "an event that is no completion came"),
        ("stop", "Well, ", "the stream stopped before its end"),
        ("error", "Well, ", "the server gave up in the middle"),
        ("flood", "", "a line without an end came"),
    ] {
        let (all, result) = complete(&model, text).await;
        assert_eq!(all, given, "{text}");
        assert!(result.unwrap_err().to_string().ends_with(why), "{text}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 6);
    let nowhere = OpenAiModel::new("http://127.0.0.1:9", "tiny");
    assert!(complete(&nowhere, "hello").await.1.unwrap_err().to_string().starts_with("http://127.0.0.1:9: "));
}
