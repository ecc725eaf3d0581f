//! Of which kind a room is.

use serde::{Deserialize, Serialize};

/// What kind of room it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Sound and pictures, of everyone to everyone.
    #[default]
    Conference,
    /// Sound alone.
    AudioOnly,
    /// One speaks and many watch.
    Livestream,
    /// The same with sound alone.
    AudioOnlyLivestream,
    /// The old name of a conference.
    FullFeature,
    /// The old name of a livestream.
    Broadcaster,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl RoomKind {
    /// Whether it takes viewers and streamers rather than peers who talk.
    pub fn is_livestream(self) -> bool {
        matches!(self, RoomKind::Livestream | RoomKind::AudioOnlyLivestream | RoomKind::Broadcaster)
    }
}
