//! NkMEDIA, the media server of NetComposer: requests and replies as JSON over a WebSocket, in both directions.
//!
//! What is known of the wire and how sure it is stands in `docs/platforms/nkmedia.md`.

mod client;
mod events;
mod frame;
pub mod objects;

pub use client::{Client, Login};
pub(super) use events::EVENTS;
pub use events::PLATFORM;

use super::spec::FrameError;
use crate::event::Event;

/// Reads a frame. What is no event comes out as nothing.
pub(super) fn decode(text: &str) -> Result<Option<Event>, FrameError> {
    Ok(match frame::read(text)? {
        frame::Incoming::Event { event, .. } => Some(*event),
        _ => None,
    })
}
