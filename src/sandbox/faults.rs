//! What can be made to go wrong, on purpose.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::event::{PeerId, RoomId};

/// A fault to inject, as the control interface takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// Close a peer's socket with a close frame.
    Close {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// The close code.
        code: u16,
        /// The text beside it.
        #[serde(default)]
        reason: String,
    },
    /// Cut a peer's connection without a word and let nothing in for a while.
    Cut {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How long nothing is let in.
        #[serde(default)]
        for_ms: u64,
    },
    /// Neither read from a peer nor write to it for a while.
    Stall {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How long.
        for_ms: u64,
    },
    /// Lose some of the sound in both directions from now on; 0 ends it.
    Drop {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How much, in percent.
        percent: u8,
    },
    /// Deliver everything to a peer late from now on; 0 ends it.
    Delay {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How late.
        delay_ms: u64,
    },
    /// Refuse a peer's token the next times it is shown.
    RefuseToken {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How often.
        times: u32,
    },
    /// Let a peer's tokens be older than 24 hours; a new one works.
    ExpireToken {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
    },
    /// Crash the server's side of a peer.
    CrashPeer {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// What is said of it.
        reason: String,
    },
    /// Crash a room.
    CrashRoom {
        /// The room.
        room: RoomId,
    },
    /// Send a peer a message that is no protobuf.
    Malformed {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How many.
        #[serde(default = "one")]
        count: u32,
    },
    /// Send a peer one very large message.
    Oversized {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// How large.
        bytes: usize,
    },
    /// Cut all server sockets and let none in for a while.
    CutNotifiers {
        /// How long none is let in.
        #[serde(default)]
        for_ms: u64,
    },
    /// Send the next notifications on server sockets so.
    Notifications {
        /// How many.
        count: u32,
        /// What is done to them.
        how: NotificationFault,
    },
    /// Answer the next REST calls so.
    Rest {
        /// How many.
        count: u32,
        /// With which status; without one the connection is left without an answer.
        #[serde(default)]
        status: Option<u16>,
        /// With which body.
        #[serde(default)]
        body: String,
        /// Whether what was asked for is done nevertheless, and only its answer is lost.
        #[serde(default)]
        carried_out: bool,
        /// Of these calls only: the method and how the path ends, as in `POST /peer`. Empty for all.
        #[serde(default)]
        only: String,
    },
}

/// What happens to notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationFault {
    /// Each is sent twice.
    Double,
    /// They are kept back and then sent in the opposite order.
    Reverse,
    /// They are lost.
    Lose,
}

fn one() -> u32 {
    1
}

/// The faults that hang on one peer.
#[derive(Debug, Default)]
pub(super) struct PeerFaults {
    pub(super) shut_until: Option<Instant>,
    pub(super) stalled_until: Option<Instant>,
    pub(super) drop_percent: u8,
    pub(super) delay: Duration,
    pub(super) refuse_tokens: u32,
}

impl PeerFaults {
    /// Whether a connection is let in at `now`.
    pub(super) fn lets_in(&self, now: Instant) -> bool {
        self.shut_until.is_none_or(|until| now >= until)
    }

    /// Whether the token that is being shown is refused.
    pub(super) fn takes_refusal(&mut self) -> bool {
        let refused = self.refuse_tokens > 0;
        self.refuse_tokens -= u32::from(refused);
        refused
    }

    /// Whether this piece of sound is lost.
    pub(super) fn loses(&self) -> bool {
        self.drop_percent > 0 && fastrand::u8(0..100) < self.drop_percent
    }
}
