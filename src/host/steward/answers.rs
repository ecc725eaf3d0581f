//! What a steward answers when it is asked how things stand.

use std::time::Instant;

use super::Steward;
use crate::host::{
    control::{HostStatus, SessionStatus},
    keeper::Listed,
    measures::Measures,
};

impl Steward {
    pub(super) fn status(&self) -> HostStatus {
        HostStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            fishjam: self.crew.fishjam.rest().address().to_string(),
            up_s: self.begun.elapsed().as_secs_f64(),
            ready: self.is_ready(),
            draining: self.drain.is_some(),
            news: self.lists.news_is_up,
            trouble: self.trouble(),
            drain_s: self.config.host.drain.as_secs_f64(),
            rooms: self.keeper.rooms(),
            states: self.keeper.states().into_iter().map(|(state, n)| (state.name().to_owned(), n)).collect(),
            max_sessions: self.config.host.max_sessions,
            sessions: self.keeper.sessions(),
        }
    }

    pub(super) fn sessions(&self) -> Vec<SessionStatus> {
        let now = Instant::now();
        let blocking = self.crew.watchdog.blocking();
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
                counters: present.map(|present| (&present.gauge.counters()).into()),
            }
        };
        self.keeper.list().into_iter().map(status).collect()
    }

    pub(super) fn measure(&self) -> Measures {
        let live = self.live.values().filter_map(|live| live.present.as_ref());
        let mut totals = self.totals.clone();
        live.for_each(|present| totals.add(&present.gauge.counters()));
        Measures {
            states: self.keeper.states(),
            rooms: self.keeper.rooms(),
            places: self.keeper.places_taken(),
            tally: self.keeper.tally().clone(),
            rest: self.crew.fishjam.rest().stats().counts(),
            blocks: self.crew.watchdog.blocks(),
            lag: self.crew.watchdog.take_worst_lag(),
            sink_lines_lost: self.crew.sinks.lost(),
            ready: self.is_ready(),
            news: self.lists.news_is_up,
            rest_failing: self.crew.fishjam.rest().health().failing(),
            unreadable: self.crew.fishjam.rest().unreadable().counts(),
            totals,
        }
    }
}
