//! What goes wrong for many agents of one Fishjam at a time, and is told once.

use crate::trouble::{Seldom, Trouble};

/// See the module's head.
#[derive(Debug)]
pub(super) struct Troubles {
    /// Agents' sockets that are away.
    pub(super) links: Trouble,
    /// Rooms whose peers REST does not tell.
    pub(super) rosters: Trouble,
    /// The server socket.
    pub(super) notifications: Trouble,
    pub(super) malformed: Seldom,
}

impl Default for Troubles {
    fn default() -> Troubles {
        Troubles {
            links: Trouble::new("agents' links are away"),
            rosters: Trouble::new("who is in the room is not known"),
            notifications: Trouble::new("the server socket is down"),
            malformed: Seldom::default(),
        }
    }
}
