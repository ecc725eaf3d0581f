//! Which host it was: logs and events of many hosts come together in one place.

use std::fmt;

/// A host's own mark, drawn when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostId(u16);

impl HostId {
    pub(super) fn draw() -> HostId {
        HostId(fastrand::u16(..))
    }

    /// A session's number, as logs and events of all hosts tell it from others: `3f2a-7`.
    pub(super) fn session(self, number: u64) -> String {
        format!("{self}-{number}")
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}
