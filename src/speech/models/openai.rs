//! A server with `/v1/chat/completions`, on this machine or elsewhere: what OpenAI serves, and many others do. Its text is taken as it
//! comes, as server-sent events.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    conversation::{EngineError, Entry, LanguageModel, Prompt, Role, TextSink},
    net::build_http,
    speech::openai::refused,
};

/// Such a server.
#[derive(Clone)]
pub struct OpenAiModel {
    /// Where it is, as in `http://127.0.0.1:8000`.
    pub url: String,
    /// Which model.
    pub model: String,
    /// The token that it wants, if it wants one.
    pub token: Option<SecretString>,
    http: reqwest::Client,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

impl OpenAiModel {
    /// A server without a token.
    pub fn new(url: &str, model: &str) -> OpenAiModel {
        OpenAiModel {
            url: url.trim_end_matches('/').to_owned(),
            model: model.to_owned(),
            token: None,
            http: build_http(reqwest::Client::builder().connect_timeout(CONNECTING)),
        }
    }

    fn failed(&self, why: impl std::fmt::Display) -> EngineError {
        EngineError::Failed(format!("{}: {why}", self.url))
    }
}

#[async_trait]
impl LanguageModel for OpenAiModel {
    fn name(&self) -> Arc<str> {
        "openai".into()
    }

    fn most_at_once(&self) -> usize {
        256
    }

    async fn complete(&self, prompt: &Prompt, text: &mut TextSink) -> Result<(), EngineError> {
        let body = json!({ "model": self.model, "messages": messages(prompt), "stream": true });
        let mut request = self.http.post(format!("{}/v1/chat/completions", self.url)).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = request.send().await.map_err(|error| self.failed(error.without_url()))?;
        if !response.status().is_success() {
            return Err(refused(&self.url, response.status(), "/v1/chat/completions"));
        }
        let mut lines = Lines::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error.without_url()))? {
            for line in lines.push(&chunk).map_err(|why| self.failed(why))? {
                match event(&line).map_err(|why| self.failed(why))? {
                    Told::Text(more) => text.push(&more).await?,
                    Told::Nothing => {}
                    Told::End => return Ok(()),
                }
            }
        }
        Err(self.failed("the stream stopped before its end"))
    }
}

enum Told {
    Text(String),
    Nothing,
    End,
}

/// What a line of the stream says.
fn event(line: &str) -> Result<Told, &'static str> {
    let Some(data) = line.strip_prefix("data:").map(str::trim) else { return Ok(Told::Nothing) };
    if data == "[DONE]" {
        return Ok(Told::End);
    }
    let event: Event = serde_json::from_str(data).map_err(|_| "an event that is no completion came")?;
    if event.error.is_some() {
        return Err("the server gave up in the middle");
    }
    let Some(choice) = event.choices.into_iter().next() else { return Ok(Told::Nothing) };
    match (choice.delta.content, choice.finish_reason) {
        (Some(text), _) if !text.is_empty() => Ok(Told::Text(text)),
        (_, Some(_)) => Ok(Told::End),
        _ => Ok(Told::Nothing),
    }
}

/// Lines out of bytes, bounded.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, &'static str> {
        self.0.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            lines.push(String::from_utf8(line).map_err(|_| "a line that is not UTF-8 came")?.trim().to_owned());
        }
        if self.0.len() > LONGEST_LINE { Err("a line without an end came") } else { Ok(lines) }
    }
}

/// The conversation as such servers want it. With several people each line begins with who says it.
fn messages(prompt: &Prompt) -> Vec<Value> {
    let mut people: Vec<&str> =
        prompt.context.iter().filter(|entry| entry.role != Role::Agent).map(Entry::who).collect();
    people.push(prompt.turn.who());
    people.sort_unstable();
    people.dedup();
    let line = |who: &str, text: &str| if people.len() > 1 { format!("{who}: {text}") } else { text.to_owned() };
    let message = |entry: &Entry| match entry.role {
        Role::Agent => json!({ "role": "assistant", "content": entry.text }),
        Role::Person(_) | Role::Bystander(_) => json!({ "role": "user", "content": line(entry.who(), &entry.text) }),
    };
    let instructions =
        (!prompt.instructions.is_empty()).then(|| json!({ "role": "system", "content": &*prompt.instructions }));
    let newest = prompt.context.len().saturating_sub(MOST_MESSAGES);
    let turn = json!({ "role": "user", "content": line(prompt.turn.who(), &prompt.turn.text) });
    instructions.into_iter().chain(prompt.context[newest..].iter().map(message)).chain([turn]).collect()
}

const CONNECTING: Duration = Duration::from_secs(2);
const LONGEST_LINE: usize = 256 << 10;
/// Entries of the context that a request has.
const MOST_MESSAGES: usize = 200;
