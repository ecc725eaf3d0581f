//! What happens to calls, and to the devices of this machine.

use serde::{Deserialize, Serialize};

use crate::event::{Changes, Device, DeviceKind, End, Leg, Sdp};

/// To a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum CallEvent {
    /// It rings.
    #[serde(rename = "call.ringing")]
    Ringing {
        /// The call, or the media session.
        leg: Leg,
        /// An early answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp: Option<Sdp>,
    },
    /// It was taken.
    #[serde(rename = "call.answered")]
    Answered {
        /// The call, or the media session.
        leg: Leg,
        /// The answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp: Option<Sdp>,
    },
    /// Something about it changed.
    #[serde(rename = "call.updated")]
    Updated {
        /// The call, or the media session.
        leg: Leg,
        /// What is different now.
        changes: Changes,
    },
    /// It is over.
    #[serde(rename = "call.ended")]
    Ended {
        /// The call, or the media session.
        leg: Leg,
        /// Why.
        end: End,
    },
}

/// To a device of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum DeviceEvent {
    /// It is gone.
    #[serde(rename = "device.lost")]
    Lost {
        /// Which kind.
        kind: DeviceKind,
        /// The device that is gone.
        device: Device,
    },
    /// Another one is used.
    #[serde(rename = "device.switched")]
    Switched {
        /// Which kind.
        kind: DeviceKind,
        /// Which was used.
        from: Device,
        /// Which is used.
        to: Device,
    },
}
