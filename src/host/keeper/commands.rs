//! What a keeper can be told from outside: another configuration, the end, an agent by hand.

use std::{sync::Arc, time::Instant};

use super::{
    ENDING, Keeper, Key,
    post::{Back, Phase, Post},
    rules,
};
use crate::{event::RoomId, host::config::Config};

impl Keeper {
    /// Takes over another configuration: only what it changes is touched. Gives how many sessions that is.
    pub(in crate::host) fn reload(&mut self, now: Instant, config: Arc<Config>) -> usize {
        let mut renewed = 0;
        let before = std::mem::take(&mut self.deploys);
        self.take_over(config);
        for key in self.posts.keys().cloned().collect::<Vec<_>>() {
            let (old, new) = (before.get(&key.deploy), self.deploys.get(&key.deploy));
            let has_session = self.posts.get(&key).is_some_and(|post| post.session().is_some());
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
        for room in self.picture.ids().cloned().collect::<Vec<_>>() {
            self.review_room(now, &room);
        }
        renewed
    }

    /// No agent goes anywhere any more; those that are on their way turn back.
    pub(in crate::host) fn drain(&mut self) {
        self.is_draining = true;
        self.line.clear();
        for key in self.posts.keys().cloned().collect::<Vec<_>>() {
            let Some(post) = self.posts.get_mut(&key) else { continue };
            if let Some(at) = post.due.take() {
                self.due.remove(&(at, key.clone()));
            }
            if !matches!(post.phase, Phase::Present { .. } | Phase::Leaving { .. } | Phase::Over { .. }) {
                self.dismiss(&key, ENDING, Back::Never);
            }
        }
    }

    /// Every session is to leave now.
    pub(in crate::host) fn dismiss_all(&mut self, why: &str) {
        for key in self.posts.keys().cloned().collect::<Vec<_>>() {
            self.dismiss(&key, why, Back::Never);
        }
    }

    /// Somebody wants this agent in this room, whatever the rules say.
    pub(in crate::host) fn join_by_hand(&mut self, now: Instant, room: &RoomId, deploy: &str) -> Result<(), String> {
        if self.is_draining {
            return Err(ENDING.into());
        }
        let Some((name, _)) = self.deploys.get_key_value(deploy) else {
            let known: Vec<&str> = self.deploys.keys().map(AsRef::as_ref).collect();
            return Err(format!("there is no deploy {deploy:?}; there are: {}", known.join(", ")));
        };
        if self.picture.room(room).is_none() {
            return Err(format!("there is no room {room}"));
        }
        let key = Key { room: room.clone(), deploy: name.clone() };
        let post = self.posts.entry(key.clone()).or_insert_with(Post::new);
        if post.session().is_some() {
            return Err(format!("{key} is there already"));
        }
        post.by_hand = true;
        post.failures.clear();
        if !matches!(post.phase, Phase::InLine) {
            self.give_place_back(&key);
            self.set_phase(&key, Phase::Vacant);
        }
        self.review(now, &key);
        Ok(())
    }

    /// Somebody wants this session to end.
    pub(in crate::host) fn leave_by_hand(&mut self, id: u64) -> bool {
        let Some(key) = self.sessions.get(&id).cloned() else { return false };
        self.dismiss(&key, "told to leave by hand", Back::Never);
        true
    }
}
