//! Spans of engines' work, in the names of OpenTelemetry's conventions for generative AI where they have one. What was said is
//! in none of them.

use std::time::Duration;

use tracing::{Span, field::Empty};

use super::{Answer, AskedEngine};
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

/// A span for a reply, from the request to its last word.
pub(super) fn chat(conversation: Option<&str>, model: &str) -> Span {
    tracing::info_span!(
        "chat",
        "gen_ai.operation.name" = "chat",
        "gen_ai.output.type" = "text",
        "gen_ai.conversation.id" = conversation,
        "gen_ai.provider.name" = model,
        "gen_ai.request.model" = model,
        "error.type" = Empty,
        "roomtone.first_text_s" = Empty,
    )
}

/// A span for a sentence that is said, until its last sound is made.
pub(super) fn speech(conversation: Option<&str>, voice: &str) -> Span {
    tracing::info_span!(
        "text_to_speech",
        "gen_ai.operation.name" = "text_to_speech",
        "gen_ai.output.type" = "speech",
        "gen_ai.conversation.id" = conversation,
        "gen_ai.provider.name" = voice,
        "gen_ai.request.model" = voice,
        "error.type" = Empty,
        "roomtone.first_sound_s" = Empty,
    )
}

/// What came of a reply or of a sentence, and when its first piece did.
pub(super) fn record_piece(
    span: &Span,
    field: &'static str,
    first: Option<Duration>,
    result: &Result<(), EngineError>,
) {
    if let Some(first) = first {
        span.record(field, first.as_secs_f64());
    }
    if let Err(error) = result {
        span.record("error.type", kind(error));
    }
}

/// What came of it.
pub(super) fn record(span: &Span, result: &Result<(Answer, AskedEngine), EngineError>) {
    match result {
        Ok((answer, engine)) => {
            let name = engine.name.as_ref();
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
