//! What a reconciler can be told from outside: another configuration, the end, an agent by hand.

use std::{sync::Arc, time::Instant};

use super::{
    ENDING, Key, Reconciler,
    assignment::{Assignment, Back, Phase},
    rules,
};
use crate::{event::RoomId, host::config::Config};

impl Reconciler {
    /// Takes over another configuration: only what it changes is touched. Gives how many sessions that is.
    pub(in crate::host) fn reload(&mut self, now: Instant, config: Arc<Config>) -> usize {
        let mut renewed = 0;
        let before = std::mem::take(&mut self.deploys);
        self.take_over(config);
        for key in self.assignments.keys().cloned().collect::<Vec<_>>() {
            let (old, new) = (before.get(&key.deploy), self.deploys.get(&key.deploy));
            let has_session = self.assignments.get(&key).is_some_and(|assignment| assignment.session().is_some());
            match (old, new) {
                (_, None) => {
                    renewed += usize::from(has_session);
                    self.dismiss(&key, "its deploy is gone", Back::Never);
                    self.forget_if_over(&key);
                }
                // It is back before its session has ended.
                (None, Some(_)) => self.dismiss(&key, "its deploy has changed", Back::AtOnce),
                (Some(old), Some(new)) if !rules::is_same_session(old, new) => {
                    renewed += usize::from(has_session);
                    self.dismiss(&key, "its deploy has changed", Back::AtOnce);
                }
                _ => {}
            }
        }
        for room in self.directory.ids().cloned().collect::<Vec<_>>() {
            self.review_room(now, &room);
        }
        renewed
    }

    /// No agent goes anywhere any more; those that are on their way turn back.
    pub(in crate::host) fn drain(&mut self) {
        self.is_draining = true;
        self.line.clear();
        for key in self.assignments.keys().cloned().collect::<Vec<_>>() {
            let Some(assignment) = self.assignments.get_mut(&key) else { continue };
            if let Some(at) = assignment.due.take() {
                self.due.remove(&(at, key.clone()));
            }
            if !matches!(assignment.phase, Phase::Present { .. } | Phase::Leaving { .. } | Phase::Finished { .. }) {
                self.dismiss(&key, ENDING, Back::Never);
            }
        }
    }

    /// Every session is to leave now.
    pub(in crate::host) fn dismiss_all(&mut self, why: &str) {
        for key in self.assignments.keys().cloned().collect::<Vec<_>>() {
            self.dismiss(&key, why, Back::Never);
        }
    }

    /// Somebody wants this agent in this room, whatever the rules say.
    pub(in crate::host) fn join_manually(&mut self, now: Instant, room: &RoomId, deploy: &str) -> Result<(), String> {
        if self.is_draining {
            return Err(ENDING.into());
        }
        let Some((name, _)) = self.deploys.get_key_value(deploy) else {
            let known: Vec<&str> = self.deploys.keys().map(AsRef::as_ref).collect();
            return Err(format!("there is no deploy {deploy:?}; there are: {}", known.join(", ")));
        };
        if self.directory.room(room).is_none() {
            return Err(format!("there is no room {room}"));
        }
        let key = Key { room: room.clone(), deploy: name.clone() };
        let assignment = self.assignments.entry(key.clone()).or_insert_with(Assignment::new);
        if assignment.session().is_some() {
            return Err(format!("{key} is there already"));
        }
        assignment.is_manual = true;
        assignment.failures.clear();
        if !matches!(assignment.phase, Phase::Queued) {
            self.release_slot(&key);
            self.set_phase(&key, Phase::Idle);
        }
        self.review(now, &key);
        Ok(())
    }

    /// Somebody wants this session to end.
    pub(in crate::host) fn leave_manually(&mut self, id: u64) -> bool {
        let Some(key) = self.sessions.get(&id).cloned() else { return false };
        self.dismiss(&key, "told to leave by hand", Back::Never);
        true
    }
}
