//! A server with `/v1/audio/speech`, on this machine or elsewhere: what OpenAI serves, and many others do.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    audio::Hz,
    conversation::{About, EngineError, Languages, Sentence, SoundSink, TextToSpeech},
    net::build_http,
    speech::openai::refused,
};

/// Such a server. It is asked for raw samples at 24 kHz, which come as they are made.
#[derive(Clone)]
pub struct OpenAiVoice {
    /// Where it is, as in `http://127.0.0.1:8000`.
    pub url: String,
    /// Which model.
    pub model: String,
    /// Which voice.
    pub voice: String,
    /// The token that it wants, if it wants one.
    pub token: Option<SecretString>,
    http: reqwest::Client,
}

impl OpenAiVoice {
    /// A server without a token.
    pub fn new(url: &str, model: &str, voice: &str) -> OpenAiVoice {
        OpenAiVoice {
            url: url.trim_end_matches('/').to_owned(),
            model: model.to_owned(),
            voice: voice.to_owned(),
            token: None,
            http: build_http(reqwest::Client::builder().connect_timeout(CONNECTING)),
        }
    }
}

#[async_trait]
impl TextToSpeech for OpenAiVoice {
    fn about(&self) -> About {
        About { name: Arc::from("openai"), languages: Languages::Any }
    }

    fn most_at_once(&self) -> usize {
        64
    }

    async fn say(&self, sentence: &Sentence, sound: &mut SoundSink) -> Result<(), EngineError> {
        let failed = |error: reqwest::Error| EngineError::Failed(format!("{}: {}", self.url, error.without_url()));
        let body = json!({
            "model": self.model, "voice": self.voice, "input": &*sentence.text, "response_format": "pcm",
        });
        let mut request = self.http.post(format!("{}/v1/audio/speech", self.url)).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = request.send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(refused(&self.url, response.status(), "/v1/audio/speech"));
        }
        let mut odd: Option<u8> = None;
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let bytes: Vec<u8> = odd.take().into_iter().chain(chunk).collect();
            let pairs = bytes.chunks_exact(2);
            odd = pairs.remainder().first().copied();
            let samples: Vec<i16> = pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            if !samples.is_empty() {
                sound.push(Hz::K24, samples).await?;
            }
        }
        Ok(())
    }
}

const CONNECTING: Duration = Duration::from_secs(2);
