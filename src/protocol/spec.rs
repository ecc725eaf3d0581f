//! What one of a platform's events is called and means: a line of its table, by which it is read and listed.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::{Protocol, dubtrack, fishjam, machine::Frame, nkmedia, signalwire};
use crate::{
    event::{Event, EventKind, Native, Origin, Other, Place},
    text,
};

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
    /// When, by the platform's clock, in seconds since 1970.
    pub(super) time_s: Option<f64>,
}

impl Said {
    pub(super) fn new(kind: impl Into<EventKind>, place: Option<Place>) -> Said {
        Said { kind: kind.into(), place, time_s: None }
    }
}

/// A platform's table: for each typed form the events that have it, each with what it is documented as, called on the wire, means,
/// who says so, and how it is read. `$is_named(wire, name)` says whether a name on the wire is a line's.
macro_rules! event_table {
    (
        $platform:expr, $is_named:expr;
        $($view:ident { $($known:ident $event:literal $wire:literal $meaning:literal $origin:ident => $says:expr;)+ })+
    ) => {
        pub(crate) const EVENTS: &[crate::protocol::spec::EventSpec] = &[$($(
            crate::protocol::spec::EventSpec {
                event: $event,
                wire: $wire,
                meaning: $meaning,
                origin: crate::event::Origin::$origin,
                is_documented: crate::protocol::spec::event_table!(@$known),
                fields: || {
                    let mut paths = Vec::new();
                    <$view as crate::protocol::WireObject>::paths("", &mut paths);
                    paths
                },
                #[cfg(test)]
                typed: |payload| {
                    let read = <Option<$view> as serde::Deserialize>::deserialize(payload).ok()?;
                    serde_json::to_value(read.unwrap_or_default()).ok()
                },
                says: |payload| {
                    let read = <Option<$view> as serde::Deserialize>::deserialize(payload).ok()?.unwrap_or_default();
                    let says: fn($view, &serde_json::Value) -> crate::protocol::spec::Said = $says;
                    Some(says(read, payload))
                },
            },
        )+)+];

        $(
            impl crate::event::NativeView for $view {
                const PLATFORM: &'static str = $platform;
                const NAMES: &'static [&'static str] = &[$($wire),+];

                fn is_named(name: &str) -> bool {
                    let is_named: fn(&str, &str) -> bool = $is_named;
                    Self::NAMES.iter().any(|wire| is_named(wire, name))
                }

                fn read(payload: &[u8]) -> Option<$view> {
                    Some(serde_json::from_slice::<Option<$view>>(payload).ok()?.unwrap_or_default())
                }
            }
        )+
    };
    (@documented) => { true };
    (@later) => { false };
}
pub(super) use event_table;

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
        Some((spec, Said { kind, place, time_s })) => {
            Event { place, origin: spec.origin, platform_time_s: time_s, ..Event::said(kind, native) }
        }
        None => {
            if let Some(spec) = spec {
                tracing::debug!("{platform}: the payload of {} has another form than is known", spec.wire);
            }
            Event::said(Other {}, native)
        }
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
        FrameError { platform, bytes, reason: text::line(&reason.into()) }
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
