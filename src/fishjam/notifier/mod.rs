//! The server socket: everything that happens in the rooms of a Fishjam, for as long as one listens.
//!
//! All who listen to one Fishjam share one socket, however many rooms they follow.

mod hub;
mod listener;

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;

use super::rest::Client;
use crate::event::RoomId;
pub(super) use hub::Hub;

pub use crate::platform::WatchEvent as NotifierEvent;

/// What a notifier listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// What happens in this room.
    Room(RoomId),
    /// What happens in any room.
    AllRooms,
    /// That, and what concerns no room: streams, viewers, recordings.
    Everything,
}

/// A subscription to what happens. It mends its link by itself, and ends when it is dropped.
pub struct Notifier {
    hub: Arc<Hub>,
    scope: Scope,
    key: u64,
    events: mpsc::Receiver<NotifierEvent>,
    refused: bool,
}

impl Notifier {
    /// Listens to the Fishjam of `client` on a socket of its own. [`Fishjam::notifier`](super::Fishjam::notifier) shares
    /// the socket.
    pub fn start(client: &Client, scope: Scope) -> Notifier {
        Notifier::of(&Arc::new(Hub::new(client.clone())), scope)
    }

    pub(super) fn of(hub: &Arc<Hub>, scope: Scope) -> Notifier {
        let (key, events) = hub.subscribe(scope.clone());
        Notifier { hub: hub.clone(), scope, key, events, refused: false }
    }

    /// Waits for the next event; `None` after [`NotifierEvent::Refused`]. Dropping the future loses nothing. Whoever
    /// lets more than 4,096 events of a room lie, or 65,536 of all, is told `Down` and `Up` again: what came in between
    /// is lost to it.
    pub async fn next(&mut self) -> Option<NotifierEvent> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Listens to the same once more.
    pub(super) fn again(&self) -> Notifier {
        Notifier::of(&self.hub, self.scope.clone())
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<NotifierEvent>> {
        Poll::Ready(match ready!(self.events.poll_recv(cx)) {
            Some(event) => {
                self.refused |= matches!(event, NotifierEvent::Refused { .. });
                Some(event)
            }
            None if self.refused => None,
            None => {
                (self.key, self.events) = self.hub.subscribe(self.scope.clone());
                Some(NotifierEvent::Down { reason: "more happened at once than was read".into() })
            }
        })
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.key);
    }
}
