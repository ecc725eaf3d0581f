//! What a host says when it has ended.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{
    event::{PeerId, RoomId},
    session::SessionSummary,
    text::count,
};

/// How a host ended, and each session that was there when it was told to.
#[derive(Debug, Clone, Serialize)]
pub struct HostReport {
    /// How long it ran.
    #[serde(skip)]
    pub ran: Duration,
    /// The sessions, in the order of their ends.
    pub sessions: Vec<SessionReport>,
}

/// How one session ended.
#[derive(Debug, Clone, Serialize)]
pub struct SessionReport {
    /// Its room.
    pub room: RoomId,
    /// Its deploy.
    pub deploy: String,
    /// Its peer, if it had come that far.
    pub peer: Option<PeerId>,
    /// How it ended, in a line.
    pub ending: String,
    /// What it was, in a line.
    pub summary: String,
}

impl SessionReport {
    pub(super) fn of(room: RoomId, deploy: &str, end: Option<(PeerId, SessionSummary)>, ending: &str) -> SessionReport {
        let summary = end.as_ref().map(|(_, summary)| summary.counters_line()).unwrap_or_default();
        let peer = end.map(|(peer, _)| peer);
        SessionReport { room, deploy: deploy.to_owned(), peer, ending: ending.to_owned(), summary }
    }
}

impl HostReport {
    /// A line for each session, and one for the whole.
    pub fn lines(&self) -> Vec<String> {
        let line = |session: &SessionReport| {
            format!("{} in room {}: {}; {}", session.deploy, session.room, session.ending, session.summary)
        };
        let sessions = count(self.sessions.len(), "session");
        let whole = format!("ended after {:.1} s, {sessions} at the end", self.ran.as_secs_f64());
        self.sessions.iter().map(line).chain([whole]).collect()
    }
}

impl fmt::Display for HostReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}
