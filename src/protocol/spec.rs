//! What one of a platform's events is called and means: a line of its table, by which it is read and listed.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::{Protocol, dubtrack, fishjam, machine::Frame, nkmedia, signalwire};
use crate::event::{Event, EventKind, Native, Origin, Other, Place};

/// A line of a platform's table.
pub(super) struct EventSpec {
    /// What the platform's documents call it.
    pub(super) event: &'static str,
    /// What its wire calls it.
    pub(super) wire: &'static str,
    /// What it means, as [`EventKind::name`] has it.
    pub(super) meaning: &'static str,
    /// Who says so.
    pub(super) origin: Origin,
    /// It is of one of the documents that the platform was known by first; else it came to light later.
    pub(super) is_documented: bool,
    /// The fields of its payload.
    pub(super) fields: fn() -> Vec<String>,
    /// Its payload, through its typed form and back.
    #[cfg(test)]
    pub(super) typed: fn(&Value) -> Option<Value>,
    /// Reads its payload; `None` where that has another form.
    pub(super) says: fn(&Value) -> Option<Said>,
}

/// What a payload says, and where.
pub(super) struct Said {
    pub(super) kind: EventKind,
    pub(super) place: Option<Place>,
}

impl Said {
    pub(super) fn new(kind: impl Into<EventKind>, place: Option<Place>) -> Said {
        Said { kind: kind.into(), place }
    }
}

/// What came of one name and payload: the event that the table's line makes of it, or another one, with all that was said.
pub(super) fn event_of(
    platform: &'static str,
    spec: Option<&EventSpec>,
    name: impl Into<Cow<'static, str>>,
    payload: &str,
) -> Event {
    let native = Native::json_text(platform, name, Bytes::copy_from_slice(payload.as_bytes()));
    let read = spec.and_then(|spec| Some((spec, (spec.says)(&serde_json::from_str(payload).ok()?)?)));
    match read {
        Some((spec, Said { kind, place })) => Event { place, origin: spec.origin, ..Event::said(kind, native) },
        None => Event::said(Other {}, native),
    }
}

/// A frame that is not one of its platform's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are no {platform} frame: {reason}")]
pub struct FrameError {
    /// Of which platform it should have been.
    pub platform: &'static str,
    /// How long it was.
    pub bytes: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl FrameError {
    pub(super) fn new(platform: &'static str, bytes: usize, reason: impl Into<String>) -> FrameError {
        FrameError { platform, bytes, reason: reason.into() }
    }
}

/// Reads one frame: what it says, in its order. What belongs to the connection (replies, pings) comes out as nothing.
///
/// ```
/// use roomtone::protocol::{Frame, Protocol, decode};
/// let frame = r#"{"class":"core","cmd":"event","tid":1,
///     "data":{"class":"media","subclass":"room","type":"started","obj_id":"r1","body":{"class":"sfu"}}}"#;
/// let events = decode(Protocol::Nkmedia, Frame::Text(frame)).unwrap();
/// assert_eq!((events[0].kind.name(), events[0].room().unwrap().as_str()), ("room.opened", "r1"));
/// ```
///
/// # Errors
/// [`FrameError`] for what is not a frame of this platform.
pub fn decode(protocol: Protocol, frame: Frame<'_>) -> Result<Vec<Event>, FrameError> {
    let platform = protocol.name();
    match (protocol, frame) {
        (Protocol::Fishjam, Frame::Binary(bytes)) => {
            let decoded =
                fishjam::decode(bytes).map_err(|error| FrameError::new(platform, error.bytes, error.reason))?;
            Ok(decoded.events)
        }
        (Protocol::SignalWire, Frame::Text(text)) => signalwire::decode(text).map(Vec::from_iter),
        (Protocol::Nkmedia, Frame::Text(text)) => nkmedia::decode(text).map(Vec::from_iter),
        (Protocol::Dubtrack, Frame::Text(text)) => dubtrack::decode(text).map(Vec::from_iter),
        (_, frame) => Err(FrameError::new(
            platform,
            frame.len(),
            "a text frame came where it speaks in binary, or the other way round",
        )),
    }
}
