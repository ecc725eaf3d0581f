//! SignalWire's frames: JSON-RPC 2.0, one object each, and the frame in which a page forwards its own events.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::events::{PLATFORM, spec};
use crate::{
    event::{Event, EventId, Place},
    protocol::spec::{FrameError, event_of},
};

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Something happened; it is acknowledged by this id.
    Event { id: Value, name: String, event: Box<Event> },
    /// A page says so; nobody acknowledges.
    Forwarded(Box<Event>),
    /// The server asks for something.
    Request { id: Value, method: String, params: Value },
    /// It answers a request of ours.
    Answer { id: String, result: Result<Value, Refusal> },
    /// It answers something that nobody asked, or speaks of nothing.
    Nothing,
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) message: String,
}

#[derive(Deserialize)]
struct RawFrame<'a> {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    method: Value,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    result: Option<Value>,
    error: Option<Value>,
    #[serde(default)]
    sdk_event: Value,
    #[serde(default)]
    room_session_id: Value,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct EventParams<'a> {
    #[serde(default)]
    event_type: Value,
    #[serde(default)]
    timestamp: Value,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

pub(super) fn read(text: &str) -> Result<Incoming, FrameError> {
    let error = |reason: String| FrameError::new(PLATFORM, text.len(), reason);
    let frame: RawFrame<'_> = serde_json::from_str(text).map_err(|cause| error(cause.to_string()))?;
    if let Some(name) = frame.sdk_event.as_str() {
        return Ok(Incoming::Forwarded(Box::new(forwarded(name.to_owned(), &frame.room_session_id, frame.payload))));
    }
    let params = frame.params.map_or("null", RawValue::get);
    match (frame.method.as_str(), frame.result, frame.error) {
        (Some("signalwire.event"), ..) => {
            let said: EventParams<'_> = serde_json::from_str(params).map_err(|cause| error(cause.to_string()))?;
            let id = frame.id;
            let name = said.event_type.as_str().unwrap_or_default().to_owned();
            let event = Box::new(told(&id, &name, &said));
            Ok(Incoming::Event { id, name, event })
        }
        (Some(method), ..) => {
            let params = serde_json::from_str(params).map_err(|cause| error(cause.to_string()))?;
            Ok(Incoming::Request { id: frame.id, method: method.to_owned(), params })
        }
        (None, result, refusal) => match (frame.id, result, refusal) {
            (Value::String(id), Some(result), None) => Ok(Incoming::Answer { id, result: innermost(result) }),
            (Value::String(id), _, Some(refusal)) => Ok(Incoming::Answer { id, result: Err(refusal_of(&refusal)) }),
            (_, None, None) => Err(error("it is neither a request nor an answer".into())),
            _ => Ok(Incoming::Nothing),
        },
    }
}

fn told(id: &Value, name: &str, said: &EventParams<'_>) -> Event {
    let payload = said.params.map_or("null", RawValue::get);
    let event = event_of(PLATFORM, spec(name), name.to_owned(), payload);
    let id = id.as_str().filter(|id| !id.is_empty()).map(EventId::from);
    Event { id, platform_time_s: said.timestamp.as_f64().map(seconds), ..event }
}

fn forwarded(name: String, session: &Value, payload: Option<&RawValue>) -> Event {
    let event = event_of(PLATFORM, spec(&name), name, payload.map_or("null", RawValue::get));
    let session = session.as_str().filter(|session| !session.is_empty());
    let place = event.place.clone().or_else(|| session.map(|session| Place::Room(session.into())));
    Event { place, ..event }
}

/// Older servers give seconds with a fraction, newer ones whole microseconds.
fn seconds(timestamp: f64) -> f64 {
    if timestamp > 1e14 { timestamp / 1e6 } else { timestamp }
}

/// An answer may be packed in up to three others, each with a code of its own.
fn innermost(result: Value) -> Result<Value, Refusal> {
    let mut result = result;
    for _ in 0..MOST_NESTED {
        if let Some(code) = code_of(&result).filter(|code| !(200..300).contains(code)) {
            return Err(Refusal { code, message: text_of(&result) });
        }
        match result.get_mut("result").map(Value::take) {
            Some(inner) if !inner.is_null() => result = inner,
            _ => break,
        }
    }
    Ok(result)
}

fn refusal_of(error: &Value) -> Refusal {
    Refusal { code: code_of(error).unwrap_or_default(), message: text_of(error) }
}

fn code_of(value: &Value) -> Option<i64> {
    let code = value.get("code")?;
    code.as_i64().or_else(|| code.as_str()?.parse().ok())
}

fn text_of(value: &Value) -> String {
    value.get("message").and_then(Value::as_str).unwrap_or("it gives no reason").to_owned()
}

const MOST_NESTED: usize = 3;
