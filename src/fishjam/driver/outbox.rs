//! What leaves on the agent socket.

use bytes::BytesMut;
use prost::Message as _;

use crate::{
    audio::scratch,
    event::TrackId,
    fishjam::socket::Socket,
    protocol::fishjam::{encode_track_data, wire::AgentRequest},
};

/// Encodes messages, and counts those that no socket took.
#[derive(Default)]
pub(super) struct Outbox {
    unsent_messages: u64,
}

impl Outbox {
    pub(super) fn send(&mut self, socket: Option<&mut Socket>, message: &AgentRequest) {
        self.send_with(socket, |out| message.encode(out).expect("a BytesMut grows"));
    }

    pub(super) fn send_sound(&mut self, socket: Option<&mut Socket>, track: &TrackId, packet: &[u8]) {
        self.send_with(socket, |out| encode_track_data(track, packet, out));
    }

    /// Messages that the link did not take.
    pub(super) fn unsent_messages(&self) -> u64 {
        self.unsent_messages
    }

    fn send_with(&mut self, socket: Option<&mut Socket>, encode: impl FnOnce(&mut BytesMut)) {
        let taken = scratch::with_bytes(|buffer| {
            encode(buffer);
            // The socket copies it at once, and the buffer has all of its room back.
            socket.is_some_and(|socket| socket.send(buffer.split().freeze()))
        });
        self.unsent_messages += u64::from(!taken);
    }
}
