//! A user of Dubtrack on its socket. Logging in, and who is in a room, is REST's: see the platform's edge.
//!
//! ```text
//! we                                       Dubtrack
//!  |                                   <-  0 open (how often to ping)
//!  |                                   <-  action 4, connected
//!  | action 10, attach room:<id>       ->
//!  |                                   <-  action 11, attached
//!  | action 14, presence enter         ->      else others do not see us
//!  | 2 (ping)                          ->      each interval; the client asks, as Engine.IO 3 has it
//!  |                                   <-  3 (pong), or the link is dead
//! ```

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    events::PLATFORM,
    frame::{Incoming, read},
};
use crate::{
    event::{EventKind, PeerId, RoomEvent, RoomId},
    net::limits,
    protocol::{Fault, FaultKind, Frame, Machine, Output, machine::Unreadable},
};

/// See the module's head.
pub struct Client {
    /// The channels that are heard.
    rooms: Vec<RoomId>,
    me: Option<PeerId>,
    outputs: VecDeque<Output>,
    unreadable: Unreadable,
    ping: Option<Ping>,
    /// By when the server must have let us in.
    open_by: Option<Instant>,
    attached: usize,
}

#[derive(Debug, Clone, Copy)]
struct Ping {
    interval: Duration,
    timeout: Duration,
    next: Instant,
    /// One was sent, and must be answered by then.
    answer_by: Option<Instant>,
}

impl Client {
    /// One that follows these rooms, by id, and the private messages of `me`.
    pub fn new(rooms: Vec<RoomId>, me: Option<PeerId>) -> Client {
        let (outputs, unreadable) = (VecDeque::new(), Unreadable::default());
        Client { rooms, me, outputs, unreadable, ping: None, open_by: None, attached: 0 }
    }

    fn send(&mut self, action: &serde_json::Value) {
        self.outputs.push_back(Output::Send(format!("4{action}")));
    }

    fn close(&mut self, kind: FaultKind, message: impl Into<String>) {
        self.outputs.push_back(Output::Close(Fault::new(kind, message)));
    }

    fn on_connected(&mut self) {
        self.open_by = None;
        let rooms = self.rooms.iter().map(|room| format!("room:{room}"));
        let channels: Vec<String> = rooms.chain(self.me.iter().map(|me| format!("user:{me}"))).collect();
        for channel in channels {
            self.send(&json!({ "action": 10, "channel": channel }));
        }
        if self.rooms.is_empty() {
            self.outputs.push_back(Output::Live);
        }
    }

    /// The room is heard from now on; that we are in it is said by ourselves.
    fn on_attached(&mut self, room: &RoomId) {
        self.send(&json!({ "action": 14, "channel": format!("room:{room}"), "presence": { "action": 0, "data": {} } }));
        self.attached += 1;
        if self.attached == self.rooms.len() {
            self.outputs.push_back(Output::Live);
        }
    }
}

impl Machine for Client {
    fn on_open(&mut self, now: Instant, _since_1970: Duration) {
        self.outputs.clear();
        (self.ping, self.attached, self.unreadable) = (None, 0, Unreadable::default());
        self.open_by = Some(now + limits::AUTHENTICATE);
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        let Frame::Text(text) = frame else {
            let output = self.unreadable.on_unread(PLATFORM, "a binary message came; it speaks in text".into());
            return self.outputs.push_back(output);
        };
        match read(text) {
            Err(error) => {
                let output = self.unreadable.on_unread(PLATFORM, error.to_string());
                return self.outputs.push_back(output);
            }
            Ok(Incoming::Open { ping_interval: interval, ping_timeout: timeout }) => {
                self.ping = Some(Ping { interval, timeout, next: now + interval, answer_by: None });
            }
            Ok(Incoming::Pong) => {
                if let Some(ping) = &mut self.ping {
                    ping.answer_by = None;
                }
            }
            Ok(Incoming::Ping) => self.outputs.push_back(Output::Send("3".into())),
            Ok(Incoming::Close) => self.close(FaultKind::Broken, "the server has closed the connection"),
            Ok(Incoming::Refused(why)) => {
                self.close(
                    FaultKind::Broken,
                    format!("the server refuses ({why}); it is tried again with a new token"),
                );
            }
            Ok(Incoming::Event(event)) => {
                let (is_connected, room) = match &event.kind {
                    EventKind::Link(_) => (true, None),
                    EventKind::Room(RoomEvent::Entered { .. }) => (false, event.room().cloned()),
                    _ => (false, None),
                };
                self.outputs.push_back(Output::Event(event));
                if is_connected {
                    self.on_connected();
                }
                if let Some(room) = room {
                    self.on_attached(&room);
                }
            }
            Ok(Incoming::Noop | Incoming::Own) => {}
        }
        self.unreadable.on_read();
    }

    fn on_time(&mut self, now: Instant) {
        if self.open_by.take_if(|due| *due <= now).is_some() {
            let message = format!("the server has not let us in within {} s", limits::AUTHENTICATE.as_secs());
            self.close(FaultKind::Broken, message);
        }
        let Some(ping) = &mut self.ping else { return };
        if ping.answer_by.is_some_and(|due| due <= now) {
            let message = format!("a ping was not answered within {} ms", ping.timeout.as_millis());
            self.ping = None;
            return self.close(FaultKind::Broken, message);
        }
        if ping.next <= now {
            ping.next = now + ping.interval;
            ping.answer_by.get_or_insert(now + ping.timeout);
            self.outputs.push_back(Output::Send("2".into()));
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let pings = self.ping.into_iter().flat_map(|ping| [Some(ping.next), ping.answer_by]).flatten();
        pings.chain(self.open_by).min()
    }
}
