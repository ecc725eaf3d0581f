//! What was counted of all sessions since the host began.

use std::collections::BTreeMap;

use super::reconciler::Outcome;
use crate::{
    session::{Counters, SessionSummary},
    stats::LatencyCounts,
};

/// See the module's head.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) begun: u64,
    /// By deploy and how.
    pub(super) ended: BTreeMap<(String, &'static str), u64>,
    /// From the order until the agent was in its room.
    pub(super) joins: LatencyCounts,
    pub(super) notifications: u64,
    pub(super) reloads: u64,
    pub(super) chunks: u64,
    pub(super) packets: u64,
    pub(super) interrupts: u64,
    pub(super) underruns: u64,
    pub(super) reconnects: u64,
    pub(super) paced: u64,
    pub(super) paced_within_2_ms: u64,
    pub(super) losses: BTreeMap<&'static str, u64>,
    pub(super) to_agent: LatencyCounts,
    pub(super) to_socket: LatencyCounts,
    /// Of those that are there now, once they were added.
    pub(super) deepest: Depth,
}

/// The most that lay somewhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    pub(super) hearing_samples: usize,
    pub(super) messages: usize,
    pub(super) backlog: usize,
    pub(super) voice_samples: u64,
    pub(super) pacing_us: u64,
}

impl Totals {
    pub(super) fn on_ended(&mut self, deploy: &str, outcome: &Outcome, summary: Option<&SessionSummary>) {
        // An agent that could not finish has failed, whatever ended its time.
        let has_failed = summary.is_some_and(|summary| summary.agent_error.is_some());
        let how = if has_failed { "failed" } else { outcome.name() };
        *self.ended.entry((deploy.to_owned(), how)).or_default() += 1;
        if let Some(summary) = summary {
            let deepest = self.deepest;
            self.add(&summary.counters);
            self.deepest = deepest;
        }
    }

    /// Adds what one session counted.
    pub(super) fn add(&mut self, counters: &Counters) {
        let Counters { inbound, outbound, depths, .. } = counters;
        self.chunks += inbound.chunks;
        self.packets += outbound.packets;
        self.interrupts += outbound.interrupts;
        self.underruns += outbound.underruns;
        self.reconnects += counters.reconnects;
        self.paced += outbound.paced_packets;
        self.paced_within_2_ms += outbound.paced_within_2_ms;
        for (name, lost) in counters.losses() {
            *self.losses.entry(name).or_default() += lost;
        }
        self.to_agent.add(&counters.to_agent);
        self.to_socket.add(&counters.to_socket);
        let deepest = &mut self.deepest;
        deepest.hearing_samples = deepest.hearing_samples.max(depths.hearing_samples);
        deepest.messages = deepest.messages.max(depths.messages);
        deepest.backlog = deepest.backlog.max(depths.backlog);
        deepest.voice_samples = deepest.voice_samples.max(outbound.deepest_queue);
        deepest.pacing_us = deepest.pacing_us.max(outbound.paced_worst.as_micros() as u64);
    }
}
