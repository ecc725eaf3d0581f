//! What happens in a room, in our own words: one model, whatever platform the room is on.
//!
//! An [`Event`] says what happened ([`EventKind`], 36 meanings in 11 families), where, whether the platform said so or it was
//! worked out, and has the platform's own words with it ([`Native`]). A program asks one of two questions: "did somebody
//! join?", answered by `kind`, or "what exactly did the platform say?", answered by `native`.
//!
//! ```
//! use roomtone::event::{Event, EventKind, PeerEvent};
//!
//! fn greet(event: &Event) -> Option<String> {
//!     match &event.kind {
//!         EventKind::Peer(PeerEvent::Joined { peer, .. }) if peer.kind.is_person() => Some(format!("hello, {}", peer.id)),
//!         _ => None,
//!     }
//! }
//! # let peer = roomtone::event::Peer::new("ada".into(), roomtone::event::PeerKind::Person);
//! # assert_eq!(greet(&Event::derived(PeerEvent::Joined { peer, state: None })).unwrap(), "hello, ada");
//! ```
//!
//! Decoding gives exactly one event for each native one. What an agent hears comes out of the [`Roster`], in an order that
//! it can rely on: a join that was told twice is heard once, and one that was missed is worked out from what follows.

mod detail;
mod id;
mod json;
mod kind;
mod metadata;
mod native;
mod peer;
mod room;
mod roster;
mod track;

pub use detail::{Asset, AssetKind, Cell, Changes, Device, DeviceKind, End, Leg, Plane, Presence, Sdp, Song, Vote};
pub use id::{EventId, PeerId, RoomId, TrackId};
pub use json::VERSION;
#[cfg(test)]
pub(crate) use json::{Tagged, schema};
pub(crate) use json::{optional_seconds, seconds};
pub use kind::{
    CallEvent, ChatEvent, DeviceEvent, EventKind, LayoutChanged, LinkEvent, MediaEvent, Other, PeerEvent, QueueEvent,
    RoomEvent, TrackEvent, VoiceActivity,
};
pub use metadata::Metadata;
pub use native::{Native, NativeView};
pub use peer::{Member, Name, Peer, PeerKind, PeerState, Role};
pub use room::RoomKind;
pub use roster::{Roster, Snapshot};
use serde::{Deserialize, Serialize};
pub use track::{Owner, Track, TrackKind};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// By which a receiver can tell that it is told the same event again; `None` until it is carried anywhere.
    pub id: Option<EventId>,
    /// What happened.
    pub kind: EventKind,
    /// Where; `None` where it is here: on our own connection, or in the one room that is spoken of.
    pub place: Option<Place>,
    /// Whether the platform said so.
    pub origin: Origin,
    /// When it happened by the platform's clock, in seconds since 1970, where the platform says so. When it was told is
    /// known by whoever carries it.
    pub platform_time_s: Option<f64>,
    /// What the platform said; `None` where the event was worked out.
    pub native: Option<Native>,
}

/// Where something happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In a room.
    Room(RoomId),
    /// On a stream.
    Stream(String),
    /// In a media session.
    Session(String),
    /// In a call.
    Call(String),
    /// To a user, wherever that user is.
    User(String),
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The platform.
    Platform,
    /// This process, of itself: its link, its devices.
    Local,
    /// It follows from what the platform said before or after.
    Derived,
}

impl Event {
    /// What a platform said, here.
    pub fn said(kind: impl Into<EventKind>, native: Native) -> Event {
        let (kind, native) = (kind.into(), Some(native));
        Event { id: None, kind, place: None, origin: Origin::Platform, platform_time_s: None, native }
    }

    /// What follows from what was said.
    pub fn derived(kind: impl Into<EventKind>) -> Event {
        let kind = kind.into();
        Event { id: None, kind, place: None, origin: Origin::Derived, platform_time_s: None, native: None }
    }

    /// What this process knows of itself.
    pub fn local(kind: impl Into<EventKind>) -> Event {
        Event { origin: Origin::Local, ..Event::derived(kind) }
    }

    /// The same with an id, if it has none yet.
    pub fn identified(mut self) -> Event {
        self.id.get_or_insert_with(EventId::random);
        self
    }

    /// The same, in this room.
    pub fn in_room(self, room: RoomId) -> Event {
        Event { place: Some(Place::Room(room)), ..self }
    }

    /// The same, elsewhere.
    pub fn at(self, place: Place) -> Event {
        Event { place: Some(place), ..self }
    }

    /// The room that it happened in, if it was in one.
    pub fn room(&self) -> Option<&RoomId> {
        match &self.place {
            Some(Place::Room(room)) => Some(room),
            _ => None,
        }
    }
}

impl<K: Into<EventKind>> From<K> for Event {
    fn from(kind: K) -> Event {
        Event::derived(kind)
    }
}
