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
    collections::{BTreeSet, VecDeque},
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
    protocol::{
        Fault, FaultKind, Frame, Machine, Output,
        machine::{Unreadable, read_text},
    },
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
    /// Channels that were not attached yet, by when they must be.
    unattached: BTreeSet<String>,
    is_live: bool,
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
        let rooms: Vec<RoomId> = rooms.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        Client {
            rooms,
            me,
            outputs,
            unreadable,
            ping: None,
            open_by: None,
            unattached: BTreeSet::new(),
            is_live: false,
        }
    }

    fn send(&mut self, action: &serde_json::Value) {
        self.outputs.push_back(Output::Send(format!("4{action}")));
    }

    fn close(&mut self, kind: FaultKind, message: impl Into<String>) {
        self.outputs.push_back(Output::Close(Fault::new(kind, message)));
    }

    fn on_connected(&mut self, now: Instant) {
        if self.is_live {
            return;
        }
        self.open_by = Some(now + limits::AUTHENTICATE);
        self.unattached = self.rooms.iter().map(|room| format!("room:{room}")).collect();
        // The server takes them in their order, and need not answer for private messages: they are heard when a room is.
        let private = self.me.iter().map(|me| format!("user:{me}"));
        for channel in private.chain(self.unattached.iter().cloned()).collect::<Vec<String>>() {
            self.send(&json!({ "action": 10, "channel": channel }));
        }
        self.look_if_live();
    }

    /// The room is heard from now on; that we are in it is said by ourselves.
    fn on_attached(&mut self, room: &RoomId) {
        let channel = format!("room:{room}");
        self.send(&json!({ "action": 14, "channel": channel, "presence": { "action": 0, "data": {} } }));
        self.unattached.remove(&channel);
        self.look_if_live();
    }

    fn look_if_live(&mut self) {
        if self.unattached.is_empty() && !std::mem::replace(&mut self.is_live, true) {
            self.open_by = None;
            self.outputs.push_back(Output::Live);
        }
    }

    /// Not everything has come in time. Rooms that are heard are worth going on for.
    fn on_late(&mut self) {
        let limit = limits::AUTHENTICATE.as_secs();
        if self.unattached.is_empty() || self.unattached.len() == self.rooms.len() {
            return self.close(FaultKind::Broken, format!("the server has not let us in within {limit} s"));
        }
        for channel in std::mem::take(&mut self.unattached) {
            self.outputs
                .push_back(Output::Trouble(format!("{channel} was not attached within {limit} s, and is not heard")));
        }
        self.look_if_live();
    }
}

impl Machine for Client {
    fn on_open(&mut self, now: Instant, _since_1970: Duration) {
        self.outputs.clear();
        (self.ping, self.is_live, self.unreadable) = (None, false, Unreadable::default());
        self.unattached.clear();
        self.open_by = Some(now + limits::AUTHENTICATE);
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        match read_text(PLATFORM, frame, &mut self.unreadable, &mut self.outputs, read) {
            Some(Incoming::Open { ping_interval: interval, ping_timeout: timeout }) => {
                self.ping = Some(Ping { interval, timeout, next: now + interval, answer_by: None });
            }
            Some(Incoming::Pong) => {
                if let Some(ping) = &mut self.ping {
                    ping.answer_by = None;
                }
            }
            Some(Incoming::Ping) => self.outputs.push_back(Output::Send("3".into())),
            Some(Incoming::Close) => self.close(FaultKind::Broken, "the server has closed the connection"),
            Some(Incoming::Refused(why)) if self.is_live || !self.unattached.is_empty() => {
                self.outputs.push_back(Output::Trouble(format!("refused: {why}")))
            }
            Some(Incoming::Refused(why)) => {
                self.close(
                    FaultKind::Broken,
                    format!("the server refuses ({why}); it is tried again with a new token"),
                );
            }
            Some(Incoming::Event(event)) => {
                let (is_connected, room) = match &event.kind {
                    EventKind::Link(_) => (true, None),
                    EventKind::Room(RoomEvent::Entered { .. }) => (false, event.room().cloned()),
                    _ => (false, None),
                };
                self.outputs.push_back(Output::Event(event));
                if is_connected {
                    self.on_connected(now);
                }
                if let Some(room) = room {
                    self.on_attached(&room);
                }
            }
            Some(Incoming::Noop | Incoming::Own) | None => {}
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.open_by.take_if(|due| *due <= now).is_some() {
            self.on_late();
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
