//! Who gets a place, who waits for one.

use std::{sync::Arc, time::Instant};

use super::{
    Keeper, Key, Order,
    admission::Full,
    post::{Back, Phase},
};
use crate::host::config::{Deploy, OverLimit};

impl Keeper {
    /// Gives the post a place and sends its agent, or lets it wait, or refuses it.
    pub(super) fn admit(&mut self, key: &Key, deploy: &Arc<Deploy>) {
        match self.take_place(key, deploy) {
            Ok(()) => self.order_join(key, deploy),
            Err(Some(full)) if self.config.host.over_limit == OverLimit::Refuse => {
                *self.tally.refused.entry(full.name()).or_default() += 1;
                let why = format!("refused: the limit of the {} is reached", full.name());
                tracing::warn!(room = %key.room, deploy = %key.deploy, "{why}");
                let arrivals = self.picture.room(&key.room).map_or(0, |room| room.arrivals());
                self.set_phase(key, Phase::Over { why, back: Back::Person { arrivals } });
            }
            // Without a tenant there is nobody to count it for yet.
            Err(None) => {}
            Err(Some(full)) => {
                *self.tally.waited.entry(full.name()).or_default() += 1;
                self.set_phase(key, Phase::InLine);
                self.line.push_back(key.clone());
            }
        }
    }

    /// `Err(None)` where the tenant is not known yet.
    pub(super) fn take_place(&mut self, key: &Key, deploy: &Deploy) -> Result<(), Option<Full>> {
        let host = &self.config.host;
        let tenant = match (&host.tenant, host.max_sessions_per_tenant) {
            (Some(path), 1..) => {
                Some(self.picture.room(&key.room).and_then(|room| room.named_at(path)).ok_or(None::<Full>)?)
            }
            _ => None,
        };
        let place = self.admission.take(&key.deploy, deploy.max_sessions, tenant.as_ref()).map_err(Some)?;
        if let Some(post) = self.posts.get_mut(key) {
            post.place = Some(place);
        }
        Ok(())
    }

    /// Those who wait longest come first, unless a limit of their own is in their way.
    pub(super) fn serve_line(&mut self, now: Instant) {
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
                self.order_join(&key, &deploy);
                self.schedule(now, &key, &deploy);
            }
        }
        waiting.append(&mut self.line);
        self.line = waiting;
    }

    pub(super) fn order_join(&mut self, key: &Key, deploy: &Arc<Deploy>) {
        let id = self.next_session;
        self.next_session += 1;
        self.sessions.insert(id, key.clone());
        self.set_phase(key, Phase::Joining { id });
        self.orders.push_back(Order::Join { id, key: key.clone(), deploy: deploy.clone() });
    }

    pub(super) fn give_place_back(&mut self, key: &Key) {
        if let Some(place) = self.posts.get_mut(key).and_then(|post| post.place.take()) {
            self.admission.give_back(place);
            self.place_is_free = true;
        }
    }
}
