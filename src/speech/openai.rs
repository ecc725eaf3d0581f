//! A server with `/v1/audio/transcriptions`, on this machine or elsewhere: what OpenAI serves, and many others do.

use std::{sync::Arc, time::Duration};

use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::{runtime::Handle, time::timeout};

use super::server::Server;
use crate::{
    audio::wav,
    conversation::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription, Word},
    net::{self, BodyError},
};

/// Such a server.
#[derive(Clone)]
pub struct OpenAi {
    server: Server,
    /// Which model.
    pub model: String,
    /// The token that it wants, if it wants one.
    pub token: Option<SecretString>,
    runtime: Handle,
}

impl OpenAi {
    /// A server at a URL such as `http://127.0.0.1:8000`, without a token.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(url: &str, model: &str) -> OpenAi {
        OpenAi { server: Server::new(url), model: model.to_owned(), token: None, runtime: Handle::current() }
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
        let server = &self.server;
        let file = Part::bytes(wav::bytes(Spoken::RATE, speech.samples)).file_name("speech.wav");
        let file = file.mime_str("audio/wav").map_err(|error| server.lost(error))?;
        let mut form = Form::new().part("file", file).text("model", self.model.clone());
        form = form.text("response_format", "verbose_json").text("timestamp_granularities[]", "word");
        if let Some(language) = speech.language {
            form = form.text("language", language.split('-').next().unwrap_or(language).to_owned());
        }
        let fill = |request: RequestBuilder| request.multipart(form);
        let response = server.post("/v1/audio/transcriptions", self.token.as_ref(), fill).await?;
        let body = net::body(response, LARGEST).await.map_err(|error| match error {
            BodyError::Transport(error) => server.lost(error),
            BodyError::TooLarge => server.failed(format_args!("an answer of more than {LARGEST} bytes")),
        })?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| server.failed("the answer has no text"))?;
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

/// OpenAI's own server wants 0.1 s at least.
const SHORTEST: Duration = Duration::from_millis(100);
const LARGEST: usize = 1 << 20;
