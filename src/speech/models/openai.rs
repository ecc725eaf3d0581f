//! A server with `/v1/chat/completions`, on this machine or elsewhere: what OpenAI serves, and many others do. Its text is taken as it
//! comes, as server-sent events.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    conversation::{EngineError, Entry, LanguageModel, Prompt, Role, TextSink},
    speech::server::Server,
};

/// Such a server.
#[derive(Clone)]
pub struct OpenAiModel {
    server: Server,
    /// Which model.
    pub model: String,
    /// The token that it wants, if it wants one.
    pub token: Option<SecretString>,
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
    /// A server at a URL such as `http://127.0.0.1:8000`, without a token.
    pub fn new(url: &str, model: &str) -> OpenAiModel {
        OpenAiModel { server: Server::new(url), model: model.to_owned(), token: None }
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
        let (server, fill) = (&self.server, |request: reqwest::RequestBuilder| request.json(&body));
        let mut response = server.post("/v1/chat/completions", self.token.as_ref(), fill).await?;
        let mut lines = Lines::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| server.lost(error))? {
            for line in lines.push(&chunk).map_err(|why| server.failed(why))? {
                match event(&line).map_err(|why| server.failed(why))? {
                    Told::Text(more) => text.push(&more).await?,
                    Told::Nothing => {}
                    Told::End => return Ok(()),
                }
            }
        }
        Err(server.failed("the stream stopped before its end"))
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

const LONGEST_LINE: usize = 256 << 10;
/// Entries of the context that a request has.
const MOST_MESSAGES: usize = 200;
