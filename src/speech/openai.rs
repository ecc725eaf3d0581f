//! A server with `/v1/audio/transcriptions`, on this machine or elsewhere: what OpenAI serves, and many others do.

use std::{sync::Arc, time::Duration};

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::{runtime::Handle, time::timeout};

use crate::{
    audio::wav,
    conversation::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription, Word},
    net::{self, BodyError, build_http},
};

/// Such a server.
#[derive(Clone)]
pub struct OpenAi {
    /// Where it is, as in `http://127.0.0.1:8000`.
    pub url: String,
    /// Which model.
    pub model: String,
    /// The token that it wants, if it wants one.
    pub token: Option<SecretString>,
    http: reqwest::Client,
    runtime: Handle,
}

impl OpenAi {
    /// A server without a token.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(url: &str, model: &str) -> OpenAi {
        OpenAi {
            url: url.trim_end_matches('/').to_owned(),
            model: model.to_owned(),
            token: None,
            http: build_http(reqwest::Client::builder().connect_timeout(CONNECTING)),
            runtime: Handle::current(),
        }
    }
}

impl SpeechToText for OpenAi {
    fn about(&self) -> About {
        About { name: Arc::from("openai"), languages: Languages::Any }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        Ok(Box::new(self.clone()))
    }
}

/// What is read of an answer.
#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    words: Vec<AnswerWord>,
}

#[derive(Deserialize)]
struct AnswerWord {
    word: String,
    start: f64,
    end: f64,
}

impl SpeechWorker for OpenAi {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        // Servers refuse what is too short to be heard.
        if speech.duration() < SHORTEST {
            return Ok(Transcription::default());
        }
        let left = speech.time_left();
        let answer = self.runtime.block_on(async { timeout(left, self.ask(speech)).await });
        answer.unwrap_or(Err(EngineError::Late))
    }
}

impl OpenAi {
    async fn ask(&self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        let failed = |error: reqwest::Error| EngineError::Failed(format!("{}: {}", self.url, error.without_url()));
        let file = Part::bytes(wav::bytes(Spoken::RATE, speech.samples)).file_name("speech.wav");
        let file = file.mime_str("audio/wav").map_err(failed)?;
        let mut form = Form::new().part("file", file).text("model", self.model.clone());
        form = form.text("response_format", "verbose_json").text("timestamp_granularities[]", "word");
        if let Some(language) = speech.language {
            form = form.text("language", language.split('-').next().unwrap_or(language).to_owned());
        }
        let mut request = self.http.post(format!("{}/v1/audio/transcriptions", self.url)).multipart(form);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(&self.url, status, "/v1/audio/transcriptions"));
        }
        let body = net::body(response, LARGEST).await.map_err(|error| match error {
            BodyError::Transport(error) => failed(error),
            BodyError::TooLarge => EngineError::Failed(format!("{}: an answer of more than {LARGEST} bytes", self.url)),
        })?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| EngineError::Failed(format!("{}: the answer has no text", self.url)))?;
        Ok(Transcription::from(answer).within(speech.duration()))
    }
}

impl From<Answer> for Transcription {
    fn from(answer: Answer) -> Transcription {
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        let word = |word: AnswerWord| Some(Word { text: word.word, begins: time(word.start)?, ends: time(word.end)? });
        let words = answer.words.into_iter().map(word).collect::<Option<Vec<Word>>>().unwrap_or_default();
        Transcription { text: answer.text.trim().to_owned(), words, ..Transcription::default() }
    }
}

/// Why a server does not do what it is asked for.
pub(super) fn refused(url: &str, status: StatusCode, path: &str) -> EngineError {
    let what = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "refuses the token".to_owned(),
        StatusCode::NOT_FOUND => format!("has no {path}, or no such model"),
        status => format!("answers {status}"),
    };
    EngineError::Failed(format!("{url} {what}"))
}

const CONNECTING: Duration = Duration::from_secs(2);
/// OpenAI's own server wants 0.1 s at least.
const SHORTEST: Duration = Duration::from_millis(100);
const LARGEST: usize = 1 << 20;
