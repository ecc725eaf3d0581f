//! Notifications to everyone who listens on a server socket.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;

use super::faults::NotificationFault;
use crate::protocol::fishjam::wire::{ServerMessage, server_message::Content};

/// The server sockets that are subscribed, and the faults that lie on what they are told.
#[derive(Default)]
pub(super) struct Notices(Mutex<State>);

#[derive(Default)]
struct State {
    listeners: Vec<mpsc::Sender<Bytes>>,
    fault: Option<(NotificationFault, u32)>,
    kept_back: Vec<Bytes>,
    shut_until: Option<Instant>,
}

impl Notices {
    /// A new listener. When it does not read its queue in time it is dropped, and its socket closes.
    pub(super) fn subscribe(&self) -> mpsc::Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.0.lock().expect("no holder panics").listeners.push(sender);
        receiver
    }

    /// Tells every listener, in one order.
    pub(super) fn send(&self, content: &Content) {
        let message: Bytes = ServerMessage { content: Some(content.clone()) }.encode_to_vec().into();
        let mut state = self.0.lock().expect("no holder panics");
        for message in state.through_fault(message) {
            state.tell(&message);
        }
    }

    pub(super) fn set_fault(&self, how: NotificationFault, count: u32) {
        let mut state = self.0.lock().expect("no holder panics");
        for message in std::mem::take(&mut state.kept_back) {
            state.tell(&message);
        }
        state.fault = Some((how, count)).filter(|_| count > 0);
    }

    /// Drops every listener and lets none in for a while.
    pub(super) fn cut(&self, now: Instant, length: Duration) {
        let mut state = self.0.lock().expect("no holder panics");
        state.listeners.clear();
        state.shut_until = Some(now + length);
    }

    pub(super) fn lets_in(&self, now: Instant) -> bool {
        self.0.lock().expect("no holder panics").shut_until.is_none_or(|until| now >= until)
    }
}

impl State {
    fn tell(&mut self, message: &Bytes) {
        self.listeners.retain(|listener| listener.try_send(message.clone()).is_ok());
    }

    /// What becomes of one message: itself, itself twice, nothing, or all that was kept back.
    fn through_fault(&mut self, message: Bytes) -> Vec<Bytes> {
        let Some((how, count)) = self.fault.take_if(|(_, count)| *count > 0) else { return vec![message] };
        self.fault = Some((how, count - 1)).filter(|(_, left)| *left > 0);
        match how {
            NotificationFault::Double => vec![message.clone(), message],
            NotificationFault::Lose => Vec::new(),
            NotificationFault::Reverse => {
                self.kept_back.insert(0, message);
                if count == 1 { std::mem::take(&mut self.kept_back) } else { Vec::new() }
            }
        }
    }
}

/// Messages that may wait for one listener.
const QUEUE: usize = 4_096;
