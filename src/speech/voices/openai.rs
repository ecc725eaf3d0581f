//! A server with `/v1/audio/speech`, on this machine or elsewhere: what OpenAI serves, and many others do.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;

use crate::{
    audio::Hz,
    conversation::{About, EngineError, Languages, Sentence, SoundSink, TextToSpeech},
    speech::server::Server,
};

/// Such a server. It is asked for raw samples at 24 kHz, which come as they are made.
#[derive(Clone)]
pub struct OpenAiVoice {
    server: Server,
    /// Which model.
    pub model: String,
    /// Which voice.
    pub voice: String,
    /// The token that it wants, if it wants one.
    pub token: Option<SecretString>,
}

impl OpenAiVoice {
    /// A server at a URL such as `http://127.0.0.1:8000`, without a token.
    pub fn new(url: &str, model: &str, voice: &str) -> OpenAiVoice {
        OpenAiVoice { server: Server::new(url), model: model.to_owned(), voice: voice.to_owned(), token: None }
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
        let body = json!({
            "model": self.model, "voice": self.voice, "input": &*sentence.text, "response_format": "pcm",
        });
        let fill = |request: reqwest::RequestBuilder| request.json(&body);
        let mut response = self.server.post("/v1/audio/speech", self.token.as_ref(), fill).await?;
        let mut odd: Option<u8> = None;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.server.lost(error))? {
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
