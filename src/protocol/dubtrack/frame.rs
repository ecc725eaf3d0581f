//! Dubtrack's frames: Engine.IO 3 packets, in them action objects, in some of these a message whose data is JSON again.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::events::{PLATFORM, place_of, spec};
use crate::{
    event::Event,
    protocol::spec::{FrameError, event_of},
};

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The connection opens; how often it is to be asked for a sign of life, and how long that may take.
    Open {
        ping_interval: Duration,
        ping_timeout: Duration,
    },
    /// A sign of life.
    Pong,
    /// The server asks for one, or wants nothing.
    Ping,
    Noop,
    /// The server closes.
    Close,
    /// Something happened.
    Event(Box<Event>),
    /// The server refuses something.
    Refused(String),
    /// The connection's own: heartbeats, acknowledgements.
    Own,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    ping_interval: u64,
    ping_timeout: u64,
}

#[derive(Deserialize)]
struct Action<'a> {
    action: i64,
    #[serde(default)]
    channel: String,
    #[serde(borrow)]
    message: Option<MessageOf<'a>>,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
struct MessageOf<'a> {
    #[serde(default)]
    name: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

pub(super) fn read(text: &str) -> Result<Incoming, FrameError> {
    let error = |reason: String| FrameError::new(PLATFORM, text.len(), reason);
    let mut rest = text.chars();
    let packet = rest.next();
    let body = rest.as_str();
    match packet {
        Some('0') => {
            let opened: Opened = serde_json::from_str(body).map_err(|cause| error(cause.to_string()))?;
            let bounded = |ms: u64| Duration::from_millis(ms.clamp(SHORTEST_MS, LONGEST_MS));
            let (ping_interval, ping_timeout) = (bounded(opened.ping_interval), bounded(opened.ping_timeout));
            Ok(Incoming::Open { ping_interval, ping_timeout })
        }
        Some('1') => Ok(Incoming::Close),
        Some('2') => Ok(Incoming::Ping),
        Some('3') => Ok(Incoming::Pong),
        Some('4') => action(text.len(), body),
        Some('5' | '6') => Ok(Incoming::Noop),
        _ => Err(error("it does not begin with the number of a packet".into())),
    }
}

fn action(bytes: usize, body: &str) -> Result<Incoming, FrameError> {
    let action: Action<'_> =
        serde_json::from_str(body).map_err(|cause| FrameError::new(PLATFORM, bytes, cause.to_string()))?;
    let plain = |name: &'static str| Incoming::Event(Box::new(event_of(PLATFORM, spec(name), name, body)));
    Ok(match action.action {
        4 => plain("connected"),
        2 => Incoming::Refused("it does not take what was asked for".into()),
        9 => Incoming::Refused(match action.error {
            Value::String(why) => why,
            other => other.to_string(),
        }),
        11 => plain("attached"),
        14 => plain("presence"),
        15 => Incoming::Event(Box::new(message(&action, body))),
        _ => Incoming::Own,
    })
}

/// The message within: its data is JSON in a text, or a text.
fn message(action: &Action<'_>, body: &str) -> Event {
    let Some(said) = &action.message else {
        return event_of(PLATFORM, None, "message", body);
    };
    let data = said.data.map_or("null", RawValue::get);
    let inner = serde_json::from_str::<String>(data);
    let payload = match &inner {
        // Text that is no JSON stays quoted, and so is JSON.
        Ok(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => text.as_str(),
        _ => data,
    };
    let event = event_of(PLATFORM, spec(&said.name), said.name.clone(), payload);
    let place = event.place.clone().or_else(|| place_of(&action.channel));
    Event { place, ..event }
}

/// A server that wants to be asked more often than ten times a second is taken for one that wants ten.
const SHORTEST_MS: u64 = 100;
const LONGEST_MS: u64 = 300_000;
