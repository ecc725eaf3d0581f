//! A Fishjam's server socket, as whoever listens to its notifications meets it.
//!
//! ```text
//! we                              Fishjam
//!  | AuthRequest (token)      ->
//!  |                          <-  Authenticated, or it closes with its reason
//!  | SubscribeRequest         ->
//!  |                          <-  SubscribeResponse, and from now on every notification
//! ```
//!
//! Nothing is acknowledged, and WebSocket pings keep it alive; what was missed in a gap is REST's to tell.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Decoded, PLATFORM, decode,
    wire::{
        ServerMessage,
        server_message::{AuthRequest, Content, EventType, SubscribeRequest},
    },
};
use crate::{
    net::limits,
    protocol::{Fault, FaultKind, Frame, Machine, Output, machine::Unreadable},
};

/// See the module's head.
pub struct ServerSocket {
    token: SecretString,
    outputs: VecDeque<Output>,
    unreadable: Unreadable,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The token was shown, and is to be answered by then.
    Authenticating(Instant),
    Subscribing(Instant),
    Live,
}

impl ServerSocket {
    /// One that shows this management token.
    pub fn new(token: SecretString) -> ServerSocket {
        ServerSocket { token, outputs: VecDeque::new(), unreadable: Unreadable::default(), phase: Phase::Live }
    }

    fn send(&mut self, content: Content) {
        let bytes: Bytes = ServerMessage { content: Some(content) }.encode_to_vec().into();
        self.outputs.push_back(Output::SendBytes(bytes));
    }

    /// What belongs to the connection itself. Says whether it did.
    fn on_own(&mut self, now: Instant, bytes: &[u8]) -> bool {
        if self.phase == Phase::Live {
            return false;
        }
        let content = ServerMessage::decode(bytes).ok().and_then(|message| message.content);
        match (self.phase, content) {
            (Phase::Authenticating(_), Some(Content::Authenticated(_))) => {
                self.phase = Phase::Subscribing(now + limits::AUTHENTICATE);
                let event_type = EventType::ServerNotification.into();
                self.send(Content::SubscribeRequest(SubscribeRequest { event_type }));
                true
            }
            (Phase::Subscribing(_), Some(Content::SubscribeResponse(_))) => {
                self.phase = Phase::Live;
                self.outputs.push_back(Output::Live);
                true
            }
            _ => false,
        }
    }
}

impl Machine for ServerSocket {
    fn on_open(&mut self, now: Instant, _since_1970: Duration) {
        self.outputs.clear();
        self.unreadable = Unreadable::default();
        self.phase = Phase::Authenticating(now + limits::AUTHENTICATE);
        let token = self.token.expose_secret().to_owned();
        self.send(Content::AuthRequest(AuthRequest { token }));
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        // A Fishjam speaks in binary; text is passed over.
        let Frame::Binary(bytes) = frame else { return };
        if self.on_own(now, bytes) {
            return;
        }
        match decode(bytes) {
            Ok(Decoded { events, unreadable }) => {
                self.unreadable.on_read();
                self.outputs.extend(events.into_iter().map(|event| Output::Event(Box::new(event))));
                self.outputs.extend(unreadable.into_iter().map(|error| Output::Unreadable(error.to_string())));
            }
            Err(error) => {
                let output = self.unreadable.on_unread(PLATFORM, error.to_string());
                self.outputs.push_back(output);
            }
        }
    }

    fn on_time(&mut self, now: Instant) {
        let (Phase::Authenticating(due) | Phase::Subscribing(due)) = self.phase else { return };
        if due <= now {
            let message = format!("no answer to the token within {} s", limits::AUTHENTICATE.as_secs());
            self.outputs.push_back(Output::Close(Fault::new(FaultKind::Broken, message)));
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Authenticating(due) | Phase::Subscribing(due) => Some(due),
            Phase::Live => None,
        }
    }
}
