//! The machines against servers that are played by hand, on made-up time.

mod dubtrack;
mod fishjam;
mod nkmedia;
mod signalwire;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::{
    agent::{Action, ActionError},
    event::{Event, RoomId},
};

const S: Duration = Duration::from_secs(1);

/// A machine, and what it wanted so far.
struct Talk<M> {
    machine: M,
    now: Instant,
    sent: Vec<String>,
    events: Vec<Event>,
    closed: Vec<Fault>,
    acted: Vec<(u64, Result<(), ActionError>)>,
    lives: usize,
    tokens: usize,
    unreadable: usize,
    troubles: Vec<String>,
    listed: Vec<RoomId>,
}

impl<M: Machine> Talk<M> {
    fn new(machine: M) -> Talk<M> {
        let (now, lists) = (Instant::now(), (Vec::new(), Vec::new(), Vec::new(), Vec::new()));
        let (sent, events, closed, acted) = lists;
        let mut talk = Talk {
            machine,
            now,
            sent,
            events,
            closed,
            acted,
            lives: 0,
            tokens: 0,
            unreadable: 0,
            troubles: Vec::new(),
            listed: Vec::new(),
        };
        talk.open();
        talk
    }

    fn open(&mut self) {
        self.machine.on_open(self.now, 1_790_000_000 * S);
        self.look();
    }

    fn look(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(text) => self.sent.push(text),
                Output::SendBytes(_) => panic!("these speak in text"),
                Output::Event(event) => self.events.push(*event),
                Output::Live => self.lives += 1,
                Output::Unreadable(_) => self.unreadable += 1,
                Output::Acted(number, result) => self.acted.push((number, result)),
                Output::WantsToken => self.tokens += 1,
                Output::Trouble(why) => self.troubles.push(why),
                Output::Listed(rooms) => self.listed.extend(rooms),
                Output::Close(fault) => self.closed.push(fault),
            }
        }
    }

    fn hear(&mut self, text: &str) {
        self.machine.on_frame(self.now, Frame::Text(text));
        self.look();
    }

    fn hear_json(&mut self, frame: &Value) {
        self.hear(&frame.to_string());
    }

    /// Lets time pass, deadline by deadline.
    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.machine.on_time(self.now);
            self.look();
            if !self.closed.is_empty() {
                return;
            }
        }
        self.now = end;
    }

    /// The last frame that was sent.
    fn last(&self) -> Value {
        serde_json::from_str(self.sent.last().expect("something was sent")).unwrap()
    }

    fn frames(&mut self) -> Vec<Value> {
        self.sent.drain(..).map(|text| serde_json::from_str(&text).unwrap()).collect()
    }
}
