//! What a language model implements: text out of a conversation, as it comes.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{EngineError, Entry, UserTurn};

/// A model. One serves all sessions of a process.
///
/// ```
/// use async_trait::async_trait;
/// use roomtone::conversation::{EngineError, LanguageModel, Prompt, TextSink};
///
/// /// Says back what was said.
/// struct Parrot;
///
/// #[async_trait]
/// impl LanguageModel for Parrot {
///     fn name(&self) -> std::sync::Arc<str> {
///         "parrot".into()
///     }
///
///     async fn complete(&self, prompt: &Prompt, text: &mut TextSink) -> Result<(), EngineError> {
///         text.push(&format!("You said: {}", prompt.turn.text)).await
///     }
/// }
/// ```
#[async_trait]
pub trait LanguageModel: Send + Sync + 'static {
    /// What it is called in logs and metrics.
    fn name(&self) -> Arc<str>;

    /// How many replies it works on at a time; more wait.
    fn most_at_once(&self) -> usize {
        16
    }

    /// Writes a reply. The future is dropped when nobody wants it any more, and when it is late.
    ///
    /// # Errors
    /// [`EngineError::Failed`]; the next model then begins anew unless some of the text was given already.
    async fn complete(&self, prompt: &Prompt, text: &mut TextSink) -> Result<(), EngineError>;
}

/// What a reply is to.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// How the model is to behave.
    pub instructions: Arc<str>,
    /// What was said before, the oldest first.
    pub context: Arc<[Entry]>,
    /// What was said now.
    pub turn: UserTurn,
}

/// Where a model puts its text. It waits while nobody takes it.
#[derive(Debug)]
pub struct TextSink(mpsc::Sender<String>);

/// A sink, and the end at which its text comes out.
pub fn text_channel() -> (TextSink, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel(PIECES);
    (TextSink(sender), receiver)
}

impl TextSink {
    /// Gives some text; pieces join without anything between them.
    ///
    /// # Errors
    /// Nobody listens any more: the model may stop.
    pub async fn push(&mut self, text: &str) -> Result<(), EngineError> {
        self.0.send(text.to_owned()).await.map_err(|_| EngineError::Shed)
    }
}

/// Pieces of text that wait to be taken.
const PIECES: usize = 64;
