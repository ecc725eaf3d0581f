//! What a supervisor answers when it is asked how things stand.

use std::time::Instant;

use super::Supervisor;
use crate::{
    dialogue,
    host::{
        control::{EngineStatus, HostStatus, SessionStatus},
        measures::Measures,
        reconciler::Listed,
    },
    speech,
};

impl Supervisor {
    pub(super) fn status(&self) -> HostStatus {
        HostStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            id: self.context.id.to_string(),
            platform: self.context.platform.name().to_owned(),
            address: self.context.platform.address(),
            up_s: self.begun.elapsed().as_secs_f64(),
            ready: self.is_ready(),
            draining: self.drain.is_some(),
            notifications: self.lists.notifications_are_up,
            trouble: self.trouble(),
            drain_s: self.config.host.drain.as_secs_f64(),
            rooms: self.reconciler.rooms(),
            states: self.reconciler.states().into_iter().map(|(state, n)| (state.name().to_owned(), n)).collect(),
            max_sessions: self.config.host.max_sessions,
            sessions: self.reconciler.sessions(),
            engines: speech::measures().iter().map(EngineStatus::from).collect(),
        }
    }

    pub(super) fn sessions(&self) -> Vec<SessionStatus> {
        let now = Instant::now();
        let blocking = self.context.watchdog.blocking();
        let status = |listed: Listed| {
            let live = listed.session.and_then(|id| self.live.get(&id));
            let present = live.and_then(|live| live.present.as_ref());
            let since = present.map(|present| present.since).or(listed.since);
            SessionStatus {
                session: listed.session,
                room: listed.key.room,
                deploy: listed.key.deploy.to_string(),
                state: listed.state,
                peer: present.map(|present| present.peer.clone()).or(listed.peer),
                for_s: since.map(|since| now.saturating_duration_since(since).as_secs_f64()),
                restarts: listed.restarts,
                why: listed.why,
                blocking: listed.session.is_some_and(|id| blocking.contains(&id)),
                counters: present.map(|present| (&present.monitor.counters()).into()),
            }
        };
        self.reconciler.list().into_iter().map(status).collect()
    }

    pub(super) fn measure(&self) -> Measures {
        let live = self.live.values().filter_map(|live| live.present.as_ref());
        let mut totals = self.totals.clone();
        live.for_each(|present| totals.add(&present.monitor.counters()));
        Measures {
            states: self.reconciler.states(),
            rooms: self.reconciler.rooms(),
            admitted: self.reconciler.admitted(),
            counters: self.reconciler.counters().clone(),
            calls: self.context.platform.telemetry(),
            blocks: self.context.watchdog.blocks(),
            lag: self.context.watchdog.take_worst_lag(),
            sink_lines_lost: self.context.sinks.lost(),
            ready: self.is_ready(),
            notifications: self.lists.notifications_are_up,
            totals,
            engines: speech::measures(),
            dialogues: dialogue::measures(),
            caption_followers: self.context.captions.followers(),
        }
    }
}
