//! The end of a session.

use tokio::time::timeout;

use super::{Driver, GOODBYE};
use crate::{
    agent::{Note, Request},
    fishjam::rest::RestErrorKind,
    session::{Ending, SessionEventKind, SessionSummary},
};

impl Driver {
    /// The session is over: let the agent return, remove its peer, say how it was. All of it within a second.
    pub(super) async fn finish(mut self, ending: Ending) -> SessionSummary {
        self.link.socket = None;
        self.rest.troubles.links.ends(self.peer.as_str());
        self.rest.troubles.rosters.ends(self.peer.as_str());
        if let Ending::RoomEnded { crashed } = ending {
            self.tell_room_end(crashed);
        }
        self.inbound.end(&mut self.port);
        self.port.end();
        self.captures.clear();
        let Shutdown { notes, is_removed, agent_error } = self.shut_down().await;
        for note in notes {
            self.observers.tell(SessionEventKind::Note(note));
        }
        let failed = agent_error.as_ref().map(|why| format!("; the agent failed: {why}")).unwrap_or_default();
        self.observers.tell(SessionEventKind::Ended(format!("{ending}{failed}")));
        self.observers.sum_up(ending, agent_error, self.counters(), !is_removed)
    }

    async fn shut_down(&mut self) -> Shutdown {
        let removal = async {
            match self.rest.delete_peer(&self.room, &self.peer).await {
                Err(error) if error.kind != RestErrorKind::NotFound => {
                    tracing::warn!("the peer stays behind: {error}");
                    false
                }
                _ => true,
            }
        };
        let shutdown = async { tokio::join!(timeout(GOODBYE, removal), self.sources.end_agent()) };
        tokio::pin!(shutdown);
        let mut notes = Vec::new();
        let note = |request| match request {
            Request::Note(note) => Some(note),
            // Dropped, and so refused.
            Request::Capture(_) | Request::Act(_) => None,
        };
        let (removed, agent_error) = loop {
            tokio::select! {
                done = &mut shutdown => break done,
                Some(request) = self.port.requests.recv() => notes.extend(note(request)),
            }
        };
        if removed.is_err() {
            tracing::warn!("the peer stays behind: the server did not answer in time");
        }
        while let Ok(request) = self.port.requests.try_recv() {
            notes.extend(note(request));
        }
        Shutdown { notes, is_removed: removed.unwrap_or(false), agent_error }
    }
}

/// How the end went.
struct Shutdown {
    /// What the agent wrote to the last.
    notes: Vec<Note>,
    /// Its peer is gone.
    is_removed: bool,
    /// What the agent could not finish.
    agent_error: Option<String>,
}
