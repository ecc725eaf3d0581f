//! Who gets a slot, who waits for one.

use std::{sync::Arc, time::Instant};

use super::{
    Action, Key, Reconciler,
    admission::Full,
    assignment::{Back, Phase},
};
use crate::{
    agent::Maker,
    host::config::{Deploy, OverLimit},
};

impl Reconciler {
    /// Gives the assignment a slot and sends its agent, or lets it wait, or refuses it.
    pub(super) fn admit(&mut self, key: &Key, deploy: &Arc<Deploy>) {
        match self.take_place(key, deploy) {
            Ok(()) => self.request_join(key, deploy),
            Err(Some(full)) if self.config.host.over_limit == OverLimit::Refuse => {
                *self.counters.refused.entry(full.name()).or_default() += 1;
                let why = format!("refused: the limit of the {} is reached", full.name());
                tracing::warn!(room = %key.room, deploy = %key.deploy, "{why}");
                let arrivals = self.directory.room(&key.room).map_or(0, |room| room.arrivals());
                self.set_phase(key, Phase::Finished { why, back: Back::Person { arrivals } });
            }
            // Without a tenant there is nobody to count it for yet.
            Err(None) => {}
            Err(Some(full)) => {
                *self.counters.waited.entry(full.name()).or_default() += 1;
                self.set_phase(key, Phase::Queued);
                self.line.push_back(key.clone());
            }
        }
    }

    /// `Err(None)` where the tenant is not known yet.
    pub(super) fn take_place(&mut self, key: &Key, deploy: &Deploy) -> Result<(), Option<Full>> {
        let host = &self.config.host;
        let tenant = match (&host.tenant, host.max_sessions_per_tenant) {
            (Some(path), 1..) => {
                Some(self.directory.room(&key.room).and_then(|room| room.named_at(path)).ok_or(None::<Full>)?)
            }
            _ => None,
        };
        let engine = deploy.maker.0.as_ref().and_then(Maker::limit);
        let slot = self.admission.take(&key.deploy, deploy.max_sessions, tenant.as_ref(), engine).map_err(Some)?;
        if let Some(assignment) = self.assignments.get_mut(key) {
            assignment.slot = Some(slot);
        }
        Ok(())
    }

    /// Those who wait longest come first, unless a limit of their own is in their way.
    pub(super) fn serve_queue(&mut self, now: Instant) {
        let mut waiting = std::mem::take(&mut self.line);
        while !self.admission.is_full() {
            let Some(at) = waiting.iter().position(|key| {
                let deploy = self.deploys.get(&key.deploy).cloned();
                deploy.is_some_and(|deploy| self.take_place(key, &deploy).is_ok())
            }) else {
                break;
            };
            let key = waiting.remove(at).expect("it was just found");
            if let Some(deploy) = self.deploys.get(&key.deploy).cloned() {
                self.request_join(&key, &deploy);
                self.schedule(now, &key, &deploy);
            }
        }
        waiting.append(&mut self.line);
        self.line = waiting;
    }

    pub(super) fn request_join(&mut self, key: &Key, deploy: &Arc<Deploy>) {
        let id = self.next_session;
        self.next_session += 1;
        self.sessions.insert(id, key.clone());
        self.set_phase(key, Phase::Joining { id });
        self.actions.push_back(Action::Join { id, key: key.clone(), deploy: deploy.clone() });
    }

    pub(super) fn release_slot(&mut self, key: &Key) {
        if let Some(slot) = self.assignments.get_mut(key).and_then(|assignment| assignment.slot.take()) {
            self.admission.give_back(slot);
            self.place_is_free = true;
        }
    }
}
