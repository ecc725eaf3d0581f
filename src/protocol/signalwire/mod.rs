//! SignalWire's video rooms: JSON-RPC over a WebSocket.
//!
//! A room is told apart by its session (`room_session_id`), which begins when somebody enters it and ends with the last one.
//! What is known of the wire and how sure it is stands in `docs/platforms/signalwire.md`.

mod client;
mod events;
mod frame;
pub mod objects;

pub use client::{Client, Credentials};
pub(super) use events::EVENTS;
pub use events::{DeviceLost, PLATFORM};

use super::spec::FrameError;
use crate::event::Event;

/// Reads a frame. What is no event comes out as nothing.
pub(super) fn decode(text: &str) -> Result<Option<Event>, FrameError> {
    Ok(match frame::read(text)? {
        frame::Incoming::Event { event, .. } | frame::Incoming::Forwarded(event) => Some(*event),
        frame::Incoming::Request { .. } | frame::Incoming::Answer { .. } | frame::Incoming::Nothing => None,
    })
}

/// Whether an event of this name exists in a page alone, and so may be forwarded by one.
pub(crate) fn is_of_page(name: &str) -> bool {
    EVENTS.iter().any(|spec| spec.event == name && spec.event == spec.wire)
}
