//! What leaves on the agent socket.

use bytes::BytesMut;
use prost::Message as _;

use crate::{
    dialect::fishjam::{encode_track_data, wire::AgentRequest},
    event::TrackId,
    fishjam::socket::Socket,
};

/// Encodes messages into one buffer that is used again, and counts those that no socket took.
#[derive(Default)]
pub(super) struct Outbox {
    buffer: BytesMut,
    unsent_messages: u64,
}

impl Outbox {
    pub(super) fn send(&mut self, socket: Option<&mut Socket>, message: &AgentRequest) {
        message.encode(&mut self.buffer).expect("a BytesMut grows");
        self.flush(socket);
    }

    pub(super) fn send_sound(&mut self, socket: Option<&mut Socket>, track: &TrackId, packet: &[u8]) {
        encode_track_data(track, packet, &mut self.buffer);
        self.flush(socket);
    }

    /// Messages that the link did not take.
    pub(super) fn unsent_messages(&self) -> u64 {
        self.unsent_messages
    }

    fn flush(&mut self, socket: Option<&mut Socket>) {
        let message = self.buffer.split().freeze();
        let taken = socket.is_some_and(|socket| socket.send(message));
        self.unsent_messages += u64::from(!taken);
    }
}
