//! A feed as a host sees it.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    oneshot,
};

use super::{
    Feed,
    shared::{QueuedAction, Shared, Status},
};
use crate::{
    agent::{Action, ActionError, Agent, AudioRequirements},
    event::{PeerId, RoomId},
    platform::{
        Failing, Follow, JoinError, JoinOptions, ListedRoom, Platform, PlatformError, PlatformErrorKind, Seat,
        Telemetry, Watch, WatchEvent, follow,
    },
    session::SessionHandle,
};

#[async_trait]
impl Platform for Feed {
    fn name(&self) -> &'static str {
        self.0.source.protocol().name()
    }

    fn address(&self) -> String {
        self.0.source.address()
    }

    async fn check(&self) -> Result<(), PlatformError> {
        self.0.live().await
    }

    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError> {
        self.0.live().await?;
        Ok(self.0.rooms().list())
    }

    fn known_rooms(&self) -> Option<Vec<ListedRoom>> {
        Some(self.0.rooms().list())
    }

    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError> {
        self.0.live().await?;
        self.0.rooms().get(room).ok_or_else(|| PlatformError::no_such_room(room))
    }

    fn watch(&self) -> Watch {
        // First, so that nothing falls between the two.
        let told = self.0.told.subscribe();
        self.0.begin();
        let now = (*self.0.status.borrow() == Status::Live).then_some(WatchEvent::Up);
        let next = async |(mut told, shared): (Receiver<WatchEvent>, Arc<Shared>)| {
            let events = match told.recv().await {
                Ok(event) => vec![event],
                Err(RecvError::Lagged(missed)) => {
                    shared.missed.fetch_add(missed, Ordering::Relaxed);
                    let reason = format!("{missed} events came faster than they were read");
                    vec![WatchEvent::Down { reason }, WatchEvent::Up]
                }
                Err(RecvError::Closed) => return None,
            };
            Some((stream::iter(events), (told, shared)))
        };
        Box::pin(stream::iter(now).chain(stream::unfold((told, self.0.clone()), next).flatten()))
    }

    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError> {
        let room = options.room;
        self.room(&room).await.map_err(|error| JoinError::from_platform(room.clone(), error))?;
        let peer = self.0.source.me().unwrap_or_else(|| format!("roomtone-{:08x}", fastrand::u32(..)).into());
        Ok(Box::new(FeedSeat { feed: self.clone(), room, peer, wants }))
    }

    /// An agent that looks on is nobody there, and one that is somebody is that for all rooms.
    async fn remove_peer(&self, room: &RoomId, _peer: &PeerId) -> Result<(), PlatformError> {
        Err(PlatformError::no_such_room(room))
    }

    fn telemetry(&self) -> Telemetry {
        let failing = match &*self.0.status.borrow() {
            Status::Down(since, error) => {
                Some(Failing { lasts: since.elapsed(), why: error.message.clone(), is_refused: false })
            }
            Status::Refused(error) => {
                let is_refused = error.kind == PlatformErrorKind::Unauthorized;
                Some(Failing { lasts: std::time::Duration::ZERO, why: error.message.clone(), is_refused })
            }
            Status::Opening | Status::Live => None,
        };
        let unreadable = self.0.unreadable.lock().expect("no holder panics").clone();
        let (events, missed) = (self.0.events.load(Ordering::Relaxed), self.0.missed.load(Ordering::Relaxed));
        let up = [(self.0.source.protocol().name(), *self.0.status.borrow() == Status::Live)].into();
        Telemetry { failing, unreadable, events, missed_events: missed, up, ..Telemetry::default() }
    }
}

/// An agent's place in a room that it follows.
struct FeedSeat {
    feed: Feed,
    room: RoomId,
    peer: PeerId,
    wants: AudioRequirements,
}

#[async_trait]
impl Seat for FeedSeat {
    fn peer(&self) -> &PeerId {
        &self.peer
    }

    async fn enter(self: Box<Self>, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError> {
        let FeedSeat { feed, room, peer, wants } = *self;
        let watch = feed.watch();
        let (of_look, of_act) = ((feed.0.clone(), room.clone()), (feed.0.clone(), room.clone()));
        let look = Box::new(move || {
            let (shared, room) = of_look.clone();
            async move { shared.rooms().snapshot(&room) }.boxed()
        });
        let act = Box::new(move |action| act(of_act.clone(), action));
        let depart = async { true }.boxed();
        Ok(follow(agent, &wants, Follow { room, peer, watch, look, act: Some(act), depart }))
    }
}

fn act((shared, room): (Arc<Shared>, RoomId), action: Action) -> BoxFuture<'static, Result<(), ActionError>> {
    async move {
        if let Some(result) = shared.source.act(&room, &action).await {
            return result;
        }
        if *shared.status.borrow() != Status::Live {
            return Err(ActionError::unanswered(&action, "the link is down"));
        }
        let (reply, answer) = oneshot::channel();
        let asked = QueuedAction { room, action: action.clone(), reply };
        if shared.actions.try_send(asked).is_err() {
            return Err(ActionError::unanswered(&action, "too much was asked for at once"));
        }
        answer.await.unwrap_or_else(|_| Err(ActionError::unanswered(&action, "the connection broke")))
    }
    .boxed()
}
