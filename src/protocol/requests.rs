//! Requests of ours that wait for their answers: the connection's own, without which it is of no use, and those that agents
//! asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use super::{Fault, FaultKind, Output};
use crate::{
    agent::{Action, ActionError},
    net::limits,
};

/// Requests by their ids.
#[derive(Debug)]
pub(super) struct Requests<K, R>(BTreeMap<K, (Request<R>, Instant)>);

/// What waits for an answer.
#[derive(Debug)]
pub(super) enum Request<R> {
    /// Something of the connection's own, without which it is of no use.
    Own(R),
    /// A look at something, which may not come.
    Look(R),
    /// What an agent asked for, by its number.
    Act(u64, Action),
}

impl<K, R> Default for Requests<K, R> {
    fn default() -> Requests<K, R> {
        Requests(BTreeMap::new())
    }
}

impl<K: Ord + Clone, R> Requests<K, R> {
    /// A request leaves, and is to be answered in time.
    pub(super) fn insert(&mut self, now: Instant, id: K, request: Request<R>) {
        self.0.insert(id, (request, now + limits::ANSWER));
    }

    /// One was answered. `None` for an answer that nobody waits for.
    pub(super) fn take(&mut self, id: &K) -> Option<Request<R>> {
        self.0.remove(id).map(|(request, _)| request)
    }

    /// The connection is gone, and with it every answer.
    pub(super) fn forget(&mut self, outputs: &mut VecDeque<Output>) {
        for (_, (request, _)) in std::mem::take(&mut self.0) {
            outputs.extend(unanswered(request, "the connection broke"));
        }
    }

    /// Gives up what has waited for too long. A connection that does not answer its own requests is as good as gone.
    pub(super) fn on_time(&mut self, now: Instant, outputs: &mut VecDeque<Output>) {
        let late: Vec<K> = self.0.iter().filter(|(_, (_, due))| *due <= now).map(|(id, _)| id.clone()).collect();
        let why = format!("nothing came within {} s", limits::ANSWER.as_secs());
        let mut is_dead = false;
        for request in late.iter().filter_map(|id| self.take(id)) {
            is_dead |= matches!(request, Request::Own(_));
            outputs.extend(unanswered(request, &why));
        }
        if is_dead {
            let message = format!(
                "a request was not answered within {} s; is this the platform's address?",
                limits::ANSWER.as_secs()
            );
            outputs.push_back(Output::Close(Fault::new(FaultKind::Broken, message)));
        }
    }

    /// How many looks wait.
    pub(super) fn looks(&self) -> usize {
        self.0.values().filter(|(request, _)| matches!(request, Request::Look(_))).count()
    }

    /// When the first has waited for too long.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.0.values().map(|(_, due)| *due).min()
    }
}

fn unanswered<R>(request: Request<R>, why: &str) -> Option<Output> {
    match request {
        Request::Own(_) | Request::Look(_) => None,
        Request::Act(number, action) => Some(Output::Acted(number, Err(ActionError::unanswered(&action, why)))),
    }
}
