//! What a host asks of a platform, whichever it is: its rooms and who is in them, what happens there, and a way in for an
//! agent.
//!
//! A host knows nothing else of where its rooms are. A Fishjam is one implementation, a script in a test another
//! ([`testing`]); a platform without sound gives its sessions by [`follow()`], and a microphone is a room of one person.
//!
//! An agent goes in by two steps. [`Platform::prepare`] makes a peer; whoever must know of it before it is connected (a
//! journal that survives a crash, a claim that other machines see) has its id then. [`Seat::enter`] connects it and runs the
//! agent.
//!
//! ```text
//! host                          platform
//!  | prepare(room, options)  ->  makes a peer, which has an id and is not connected
//!  | writes the id down
//!  | enter(agent)            ->  connects it; the agent runs, and a SessionHandle tells how it goes
//!  | remove_peer             ->  only where a session could not do so itself
//! ```

mod error;
mod follow;
mod join;
mod listing;
mod telemetry;
pub mod testing;

use std::{fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;
pub use error::{PlatformError, PlatformErrorKind};
pub use follow::{Act, Follow, follow};
use futures_util::Stream;
pub use join::{JoinError, JoinOptions};
pub use listing::{ListedPeer, ListedRoom, PeerStatus};
pub use telemetry::{CallLatency, Failing, Telemetry};

use crate::{
    agent::{Agent, AudioRequirements},
    event::{Event, PeerId, RoomId, Snapshot},
    session::SessionHandle,
};

/// Where rooms are. Calls may take as long as the platform does; each has a time limit of its own.
#[async_trait]
pub trait Platform: fmt::Debug + Send + Sync + 'static {
    /// Which platform it is, in a word, as events name it.
    fn name(&self) -> &'static str;

    /// Where it is. Whoever writes peers down does so by this.
    fn address(&self) -> String;

    /// Whether it would serve these credentials.
    ///
    /// # Errors
    /// [`PlatformError`]; one of kind `Unauthorized` will not pass.
    async fn check(&self) -> Result<(), PlatformError>;

    /// All rooms, with those who are in them.
    ///
    /// # Errors
    /// [`PlatformError`].
    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError>;

    /// One room.
    ///
    /// # Errors
    /// [`PlatformError`]; `NotFound` if it is gone.
    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError>;

    /// The rooms as they are known without asking, while they cannot be listed; `None` where nothing is known without it.
    fn known_rooms(&self) -> Option<Vec<ListedRoom>> {
        None
    }

    /// What happens in all rooms from now on. It ends when the platform refuses to tell; whoever wants to hear more asks
    /// again after a while.
    fn watch(&self) -> Watch;

    /// Makes a peer for an agent that wants this of its room.
    ///
    /// # Errors
    /// [`JoinError`] when there can be no peer.
    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError>;

    /// Removes a peer.
    ///
    /// # Errors
    /// [`PlatformError`]; `NotFound` if it is gone already.
    async fn remove_peer(&self, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError>;

    /// How calls went so far.
    fn telemetry(&self) -> Telemetry {
        Telemetry::default()
    }

    /// What happens is told to this process by HTTP, in place of [`watch`](Self::watch): this takes a delivery in.
    ///
    /// # Errors
    /// [`RefusedDelivery`]; a platform that delivers nothing refuses everything.
    fn take_delivery(&self, _delivery: &Delivery<'_>) -> Result<(), RefusedDelivery> {
        Err(RefusedDelivery { status: 404, why: "this platform delivers nothing".into(), is_signature: false })
    }

    /// How deliveries are signed, where they are: what does not look like it is refused before its body is read.
    fn delivery_signature(&self) -> Option<SignatureForm> {
        None
    }
}

/// A peer that has been made for an agent.
#[async_trait]
pub trait Seat: Send {
    /// Its id.
    fn peer(&self) -> &PeerId;

    /// Connects it and runs the agent, until it returns, the room ends, or it is told to leave.
    ///
    /// # Errors
    /// [`JoinError`]; the peer is then left behind. What happens later is told by the handle.
    async fn enter(self: Box<Self>, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError>;
}

/// What happens in the rooms, as it is told.
pub type Watch = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

/// One thing that is told of the rooms.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// It is told from now on. What happened before is not: ask for a list.
    Up,
    /// It is not told any more, and will be again without being asked. What happens until `Up` is lost.
    Down {
        /// What is known of the cause.
        reason: String,
    },
    /// Something happened.
    Event(Arc<Event>),
    /// Somebody in this process is asking for a list of all rooms, which will be told, too: told to who follows one room.
    Listing,
    /// The list says this of the room; `None` where it does not name it.
    Listed(Option<Arc<Snapshot>>),
    /// The list did not come.
    ListFailed,
    /// The platform refuses to tell; nothing more comes.
    Refused {
        /// Its word.
        reason: String,
    },
}

/// How a signature looks.
#[derive(Debug, Clone, Copy)]
pub struct SignatureForm {
    /// The header that carries it.
    pub header: &'static str,
    /// Whether a text has the form of one.
    pub fits: fn(&str) -> bool,
}

/// What a platform delivered by HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The body as it came.
    pub body: &'a [u8],
    /// What its signature header says.
    pub signature: Option<&'a str>,
    /// The secret with which it must be signed.
    pub secret: &'a [u8],
}

/// A delivery that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct RefusedDelivery {
    /// The HTTP status to answer with.
    pub status: u16,
    /// Why.
    pub why: String,
    /// Its signature does not fit: another secret may.
    pub is_signature: bool,
}
