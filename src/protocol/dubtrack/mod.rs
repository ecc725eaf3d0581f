//! Dubtrack, called QueUp since 2020: a room with a queue of songs and a chat. Engine.IO 3 over a WebSocket.
//!
//! What is known of the wire and how sure it is stands in `docs/platforms/dubtrack.md`.

mod client;
mod events;
mod frame;
pub mod objects;

pub use client::Client;
pub(super) use events::EVENTS;
pub use events::PLATFORM;
pub(crate) use events::{role_of, user};

use super::spec::FrameError;
use crate::event::Event;

/// Reads a frame. What is no event comes out as nothing.
pub(super) fn decode(text: &str) -> Result<Option<Event>, FrameError> {
    Ok(match frame::read(text)? {
        frame::Incoming::Event(event) => Some(*event),
        _ => None,
    })
}
