//! What a supervisor asks REST, and what it makes of the answers.

use std::time::{Duration, Instant};

use super::{Look, Supervisor};

impl Supervisor {
    /// Asks REST whether it serves, where nobody else has asked for a while.
    pub(super) fn look_after_rest(&mut self) {
        let calls = self.context.platform.telemetry();
        let is_due = calls.failing.is_some() || calls.unserved_for.is_none_or(|since| since >= PROBE);
        if !is_due || std::mem::replace(&mut self.probe_is_under_way, true) {
            return;
        }
        let (context, looks) = (self.context.clone(), self.looks.clone());
        tokio::spawn(async move {
            context.platform.check().await.ok();
            tokio::time::sleep(PROBE / 5).await;
            looks.send(Look::Validated).await.ok();
        });
    }

    pub(super) fn ask_for_list(&mut self) {
        self.lists.under_way = true;
        // Notifications that come back meanwhile ask for another one sooner.
        self.lists.next = Instant::now() + self.config.host.reconcile;
        let asked = self.reconciler.begin_list();
        let (context, looks) = (self.context.clone(), self.looks.clone());
        tokio::spawn(async move {
            let result = context.platform.rooms().await;
            looks.send(Look::List(asked, result)).await.ok();
        });
    }

    pub(super) fn on_look(&mut self, look: Look) {
        let now = Instant::now();
        match look {
            Look::Cleared => {
                self.lists.next = now;
                self.lists.listen_at = Some(now);
            }
            Look::List(asked, Ok(rooms)) => {
                self.lists.under_way = false;
                self.lists.have_one = true;
                self.lists.backoff.reset();
                self.list_trouble.ends("the list of rooms");
                self.reconciler.on_list(now, asked, rooms);
            }
            Look::List(_, Err(error)) => {
                self.lists.under_way = false;
                let wait = self.lists.backoff.next_wait().max(error.retry_after.unwrap_or_default());
                self.list_trouble.begins("the list of rooms", &error.to_string());
                self.lists.next = now + wait;
                self.reconciler.on_list_failed();
            }
            Look::Room(_, Ok(room)) => self.reconciler.on_looked_at(now, room),
            Look::Room(room, Err(error)) if error.is_not_found() => {
                self.reconciler.on_room_missing(now, &room);
            }
            // The next list tells.
            Look::Room(room, Err(error)) => {
                tracing::debug!(%room, "it could not be looked at: {error}");
                self.reconciler.on_look_failed(&room);
            }
            Look::Validated => self.probe_is_under_way = false,
            Look::Read(read, reply) => {
                let result = read.and_then(|config| self.reload(now, *config));
                reply.send(result).ok();
            }
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.lists.have_one && self.drain.is_none() && self.trouble().is_none()
    }

    /// What keeps the host from serving its rooms, in a line.
    pub(super) fn trouble(&self) -> Option<String> {
        let failing = self.context.platform.telemetry().failing;
        match failing.filter(|failing| failing.is_refused || failing.lasts >= REST_PATIENCE) {
            Some(failing) => Some(format!("REST does not serve: {}", failing.why)),
            None if !self.lists.notifications_are_up => Some("no notifications come in".into()),
            None => None,
        }
    }
}

/// How long after the last call that was served REST is asked whether it still serves.
const PROBE: Duration = Duration::from_secs(10);
/// How long REST may fail before the host is not ready: a restart of the server is shorter.
const REST_PATIENCE: Duration = Duration::from_secs(15);
