//! Spans of engines' work, in the names of OpenTelemetry's conventions for generative AI where they have one. What was said is
//! in none of them.

use tracing::{Span, field::Empty};

use super::{Answer, Pool};
use crate::conversation::{EngineError, listening::Utterance};

/// A span for the end of an utterance, from the pause to the text.
pub(super) fn span(conversation: Option<&str>, utterance: &Utterance) -> Span {
    tracing::info_span!(
        "transcription",
        "gen_ai.operation.name" = "transcription",
        "gen_ai.output.type" = "text",
        "gen_ai.conversation.id" = conversation,
        "gen_ai.provider.name" = Empty,
        "gen_ai.request.model" = Empty,
        "error.type" = Empty,
        "roomtone.speech_s" = utterance.lasts().as_secs_f64(),
        "roomtone.queue_s" = Empty,
        "roomtone.engine_s" = Empty,
    )
}

/// What came of it.
pub(super) fn record(span: &Span, result: &Result<(Answer, Pool), EngineError>) {
    match result {
        Ok((answer, pool)) => {
            let name = pool.about().name.as_ref();
            span.record("gen_ai.provider.name", name);
            span.record("gen_ai.request.model", name);
            span.record("roomtone.queue_s", answer.queued.as_secs_f64());
            span.record("roomtone.engine_s", answer.took.as_secs_f64());
        }
        Err(error) => {
            span.record("error.type", kind(error));
        }
    }
}

fn kind(error: &EngineError) -> &'static str {
    match error {
        EngineError::Late | EngineError::Shed => "timeout",
        EngineError::Full => "overloaded",
        EngineError::Unavailable(_) => "unavailable",
        EngineError::Failed(_) | EngineError::Broken(_) => "failed",
    }
}
