//! What becomes of an agent whose rules, room or luck have changed: the step from one phase to the next.
//!
//! ```text
//!         a rule asks           a slot             in the room
//!  Idle ---------------> Queued --------> Joining -------------> Present
//!   ^                      ^                |  no way in            |  failed
//!   |                      | wait is over   v                       v
//!   |                      +------------- Backoff <-----------------+
//!   | no rule asks                          | too often             | no rule asks
//!   |                                       v                       v
//!   +----------------------------------- Finished <------------- Leaving
//!                                        (`Back` says what brings it back)
//! ```
//!
//! Everything goes one way round: what happens is written into the directory or the assignment, and then the assignment is
//! reviewed as if it were new. So a reload, a command, a notification and a timer need no paths of their own, and reviewing
//! one time too often does nothing.

use std::{sync::Arc, time::Instant};

use super::{
    Action, GONE, Key, Reconciler,
    assignment::{Assignment, Back, Phase},
    rules,
};
use crate::{
    event::RoomId,
    host::{config::Deploy, directory::Change},
};

impl Reconciler {
    pub(super) fn on_change(&mut self, now: Instant, room: &RoomId, change: Change) {
        match change {
            Change::Seen => self.review_room(now, room),
            Change::Gone => {
                for key in self.keys_of(room) {
                    self.dismiss(&key, GONE, Back::Never);
                    self.forget_if_over(&key);
                }
            }
        }
    }

    pub(super) fn keys_of(&self, room: &RoomId) -> Vec<Key> {
        let first = Key { room: room.clone(), deploy: "".into() };
        self.assignments.range(first..).map(|(key, _)| key).take_while(|key| key.room == *room).cloned().collect()
    }

    pub(super) fn review_room(&mut self, now: Instant, room: &RoomId) {
        if self.is_draining {
            return;
        }
        let names: Vec<Arc<str>> = self.deploys.keys().cloned().collect();
        for deploy in names {
            self.review(now, &Key { room: room.clone(), deploy });
        }
    }

    /// Looks at one assignment, and does what its rules say.
    pub(super) fn review(&mut self, now: Instant, key: &Key) {
        let (Some(deploy), false) = (self.deploys.get(&key.deploy).cloned(), self.is_draining) else {
            self.forget_if_over(key);
            return;
        };
        let Some(room) = self.directory.room(&key.room) else {
            self.forget_if_over(key);
            return;
        };
        let is_manual = self.assignments.get(key).is_some_and(|assignment| assignment.is_manual);
        let wanted = rules::wanted(&deploy, key.room.as_str(), room, is_manual);
        if wanted == rules::Wanted::NotKnown && self.directory.begin_look_for_type(&key.room) {
            self.actions.push_back(Action::LookAt(key.room.clone()));
        }
        let Some(room) = self.directory.room(&key.room) else { return };
        let wanted = wanted == rules::Wanted::Yes;
        if !wanted && !self.assignments.contains_key(key) {
            return;
        }
        let assignment = self.assignments.entry(key.clone()).or_insert_with(Assignment::new);
        rules::note_people(now, room, assignment);
        let leave = rules::must_leave(now, &deploy, key.room.as_str(), room, assignment);
        let is_in_doubt = leave.is_none() && rules::seems_left(now, &deploy, room, assignment);
        let next = match &assignment.phase {
            Phase::Idle if wanted => Step::Admit,
            Phase::Queued if !wanted => Step::Become(Phase::Idle),
            Phase::Finished { back, .. } if rules::is_back(now, *back, room) => {
                assignment.failures.clear();
                Step::Become(Phase::Idle)
            }
            Phase::Backoff { .. } if !wanted && !assignment.is_manual => {
                Step::Become(Phase::Finished { why: "its room no longer asks for it".into(), back: Back::AtOnce })
            }
            Phase::Backoff { until, .. } if *until <= now => Step::Join,
            Phase::Joining { .. } | Phase::Present { .. } => {
                leave.map_or(Step::SessionHandle, |(why, back)| Step::Leave(why, back))
            }
            _ => Step::SessionHandle,
        };
        self.take_step(now, key, &deploy, next);
        // Notifications may be old or lost: REST is asked before an agent leaves people alone.
        if is_in_doubt && self.directory.begin_look(&key.room) {
            self.actions.push_back(Action::LookAt(key.room.clone()));
        }
        self.schedule(now, key, &deploy);
    }

    fn take_step(&mut self, now: Instant, key: &Key, deploy: &Arc<Deploy>, step: Step) {
        match step {
            Step::SessionHandle => {}
            Step::Admit => self.admit(key, deploy),
            Step::Join => {
                self.counters.restarts += 1;
                if let Some(assignment) = self.assignments.get_mut(key) {
                    assignment.restarts += 1;
                }
                self.request_join(key, deploy);
            }
            Step::Leave(why, back) => self.dismiss(key, &why, back),
            Step::Become(phase) => {
                let is_vacant = phase == Phase::Idle;
                self.release_slot(key);
                self.set_phase(key, phase);
                self.line.retain(|waiting| waiting != key);
                if is_vacant {
                    self.review(now, key);
                }
            }
        }
    }

    /// Ends what there is of a assignment.
    pub(super) fn dismiss(&mut self, key: &Key, why: &str, back: Back) {
        let Some(assignment) = self.assignments.get_mut(key) else { return };
        match &assignment.phase {
            Phase::Joining { id } | Phase::Present { id, .. } => {
                self.actions.push_back(if why == GONE { Action::LetGo { id: *id } } else { Action::Leave { id: *id } });
                assignment.phase = Phase::Leaving { id: *id, why: why.to_owned(), back };
            }
            Phase::Leaving { id, .. } => assignment.phase = Phase::Leaving { id: *id, why: why.to_owned(), back },
            Phase::Finished { .. } | Phase::Idle if back == Back::AtOnce => assignment.phase = Phase::Idle,
            _ => {
                assignment.phase = Phase::Finished { why: why.to_owned(), back };
                self.release_slot(key);
                self.line.retain(|waiting| waiting != key);
            }
        }
    }

    pub(super) fn set_phase(&mut self, key: &Key, phase: Phase) {
        if let Some(assignment) = self.assignments.get_mut(key) {
            assignment.phase = phase;
        }
    }

    /// A assignment whose room or deploy is gone is remembered only while its session lasts.
    pub(super) fn forget_if_over(&mut self, key: &Key) {
        if self.assignments.get(key).is_some_and(|assignment| assignment.session().is_none()) {
            self.release_slot(key);
            if let Some(at) = self.assignments.remove(key).and_then(|assignment| assignment.due) {
                self.due.remove(&(at, key.clone()));
            }
        }
    }

    pub(super) fn schedule(&mut self, now: Instant, key: &Key, deploy: &Deploy) {
        let Some(assignment) = self.assignments.get_mut(key) else { return };
        // What is due now has been done; the next look comes a moment later at the earliest.
        let room = self.directory.room(&key.room);
        let due = rules::next_look(now, deploy, room, assignment).map(|at| at.max(now + rules::MOMENT));
        if due != assignment.due {
            if let Some(at) = assignment.due.take() {
                self.due.remove(&(at, key.clone()));
            }
            if let Some(at) = due {
                self.due.insert((at, key.clone()));
            }
            assignment.due = due;
        }
    }
}

/// What a review comes to.
enum Step {
    SessionHandle,
    Admit,
    Join,
    Leave(String, Back),
    Become(Phase),
}
