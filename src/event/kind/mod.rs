//! What can happen: 36 meanings in 11 families, whatever the platform.
//!
//! A meaning carries a field if an agent would act on it in the same way on every platform; what else a platform says is in
//! the event's [`Native`](super::Native). In JSON each has a name of its own, `family.meaning`, under the key `event`.

mod call;
mod content;
mod peer;
mod room;

pub use call::{CallEvent, DeviceEvent};
pub use content::{ChatEvent, LayoutChanged, MediaEvent, QueueEvent};
pub use peer::{PeerEvent, TrackEvent, VoiceActivity};
pub use room::{LinkEvent, RoomEvent};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum EventKind {
    /// To our own connection.
    Link(LinkEvent),
    /// To a room, or to our own seat in it.
    Room(RoomEvent),
    /// To a peer.
    Peer(PeerEvent),
    /// To a track.
    Track(TrackEvent),
    /// The platform heard a voice begin or end.
    Voice(VoiceActivity),
    /// The room is shown in another way.
    Layout(LayoutChanged),
    /// To a recording, a playback or a stream.
    Media(MediaEvent),
    /// In the room's chat.
    Chat(ChatEvent),
    /// To the room's queue of songs.
    Queue(QueueEvent),
    /// To a call.
    Call(CallEvent),
    /// To a device of this machine.
    Device(DeviceEvent),
    /// Something that this version has no word for; `native` has the platform's.
    Other(Other),
}

/// Something that this version has no word for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename = "other")]
#[cfg_attr(test, schemars(transform = crate::event::Tagged("other")))]
pub struct Other {}

impl EventKind {
    /// Its name, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Link(LinkEvent::Up { .. }) => "link.up",
            EventKind::Link(LinkEvent::Down { .. }) => "link.down",
            EventKind::Link(LinkEvent::Retrying { .. }) => "link.retrying",
            EventKind::Room(event) => event.name(),
            EventKind::Peer(event) => event.name(),
            EventKind::Track(TrackEvent::Added { .. }) => "track.added",
            EventKind::Track(TrackEvent::Updated { .. }) => "track.updated",
            EventKind::Track(TrackEvent::Removed { .. }) => "track.removed",
            EventKind::Voice(_) => "voice.activity",
            EventKind::Layout(_) => "layout.changed",
            EventKind::Media(MediaEvent::Started(_)) => "media.started",
            EventKind::Media(MediaEvent::Updated(_)) => "media.updated",
            EventKind::Media(MediaEvent::Ended(_)) => "media.ended",
            EventKind::Chat(ChatEvent::Said { .. }) => "chat.said",
            EventKind::Chat(ChatEvent::Deleted { .. }) => "chat.deleted",
            EventKind::Chat(ChatEvent::Direct { .. }) => "chat.direct",
            EventKind::Queue(QueueEvent::Current { .. }) => "queue.current",
            EventKind::Queue(QueueEvent::Voted { .. }) => "queue.voted",
            EventKind::Call(CallEvent::Ringing { .. }) => "call.ringing",
            EventKind::Call(CallEvent::Answered { .. }) => "call.answered",
            EventKind::Call(CallEvent::Updated { .. }) => "call.updated",
            EventKind::Call(CallEvent::Ended { .. }) => "call.ended",
            EventKind::Device(DeviceEvent::Lost { .. }) => "device.lost",
            EventKind::Device(DeviceEvent::Switched { .. }) => "device.switched",
            EventKind::Other(_) => "other",
        }
    }
}

macro_rules! families {
    ($($family:ident($event:ident)),+) => {$(
        impl From<$event> for EventKind {
            fn from(event: $event) -> EventKind {
                EventKind::$family(event)
            }
        }
    )+};
}

families!(
    Link(LinkEvent),
    Room(RoomEvent),
    Peer(PeerEvent),
    Track(TrackEvent),
    Voice(VoiceActivity),
    Layout(LayoutChanged),
    Media(MediaEvent),
    Chat(ChatEvent),
    Queue(QueueEvent),
    Call(CallEvent),
    Device(DeviceEvent),
    Other(Other)
);
