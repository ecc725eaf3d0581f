//! Platforms whose events are in reach and whose sound is not: a socketless machine ([`protocol`](crate::protocol)) at the end
//! of a WebSocket, kept up for as long as somebody wants to hear, and a picture of the rooms that is drawn from what is told.
//!
//! A platform is a [`Source`]: where it is, how one gets in, what its own calls can do. [`Feed`] makes a
//! [`Platform`](crate::platform::Platform) of it: agents follow rooms, hear of who comes and goes in the order that every
//! agent can rely on, and do what the platform's wire has words for.
//!
//! ```text
//!             dial (REST, where it has some)          one task
//! Source ----------------------------------> url --> [socket <-> machine] --> events --> rooms (who is where)
//!                                                                                  \---> watchers: hosts, sessions
//! ```
//!
//! After a break watchers are told that the link is down; once it is up again the machine has asked who is there, each room is
//! entered anew with its roster, and what is over meanwhile is closed.

mod link;
mod meanwhile;
mod platform;
mod rooms;
mod shared;

use std::{
    fmt,
    sync::{Arc, Weak},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::{
    agent::{Action, ActionError},
    event::{Event, PeerId, RoomId},
    net::Trust,
    platform::PlatformError,
    protocol::{Machine, Protocol},
};
use shared::Shared;

/// Where a platform's events come from, and what it can do.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Whose events they are.
    fn protocol(&self) -> Protocol;

    /// Where it is, without secrets.
    fn address(&self) -> String;

    /// Whom connections trust.
    fn trust(&self) -> &Trust;

    /// Gets in as far as calls are needed for that, and says where the socket is. The machine of the last connection comes
    /// back, if there was one: what it knows may shorten the next.
    ///
    /// # Errors
    /// [`PlatformError`]; one of kind `Unauthorized` is not tried again before the credentials have changed.
    async fn dial(&self, last: Option<Box<dyn Machine>>) -> Result<Dial, PlatformError>;

    /// What calls can tell of the rooms once the socket is live, and its machine could not.
    async fn rosters(&self) -> Vec<Event> {
        Vec::new()
    }

    /// Does what calls can do; `None` leaves it to the machine.
    async fn act(&self, _room: &RoomId, _action: &Action) -> Option<Result<(), ActionError>> {
        None
    }

    /// Who an agent is there; `None` where it looks on without being anybody.
    fn me(&self) -> Option<PeerId> {
        None
    }

    /// What brings events beside the socket, for as long as the feed lives.
    fn beside(&self, _tell: Tell) -> Option<BoxFuture<'static, ()>> {
        None
    }

    /// A token that takes the place of one that is about to end.
    async fn token(&self) -> Option<SecretString> {
        None
    }
}

/// Tells a feed what came beside its socket.
#[derive(Clone)]
pub struct Tell(Weak<Shared>);

impl Tell {
    /// This happened.
    pub fn event(&self, event: Event) {
        if let Some(shared) = self.0.upgrade() {
            shared.tell(event);
        }
    }
}

/// Where to connect, and with what.
pub struct Dial {
    /// The socket, as `ws` or `wss`.
    pub url: String,
    /// What speaks on it.
    pub machine: Box<dyn Machine>,
}

/// A platform that is followed. Clones are the same.
#[derive(Debug, Clone)]
pub struct Feed(Arc<Shared>);

impl Feed {
    /// Follows `source` as soon as somebody wants to hear of it.
    pub fn new(source: impl Source) -> Feed {
        Feed(Arc::new(Shared::new(Box::new(source))))
    }
}
