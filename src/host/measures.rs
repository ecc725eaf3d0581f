//! The host's metrics, as Prometheus reads them.

use std::{collections::BTreeMap, fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    machine,
    reconciler::{ReconcilerCounters, State},
    totals::Totals,
};
use crate::{
    dialogue::DialogueMeasures,
    platform::Telemetry,
    speech::EngineMeasures,
    stats::{LatencyCounts, STEPS},
};

/// The names of all metrics, without `roomtone_` before them and what counters and histograms add behind.
pub const METRICS: [&str; 65] = [
    "admission_refused",
    "admission_queued",
    "agent_stalls",
    "agent_to_socket_seconds",
    "answer_part_seconds",
    "answer_seconds",
    "barge_ins",
    "caption_followers",
    "conversations",
    "engine_busy_seconds",
    "engine_capacity",
    "engine_load",
    "engine_restarts",
    "engine_sessions",
    "inbound_chunks",
    "given_up",
    "replies_overdue",
    "sentences_unsaid",
    "conversations_handed_over",
    "turns",
    "interrupts",
    "join_seconds",
    "link_reconnects",
    "lost",
    "notifications_up",
    "notifications",
    "pacing_error_max_seconds",
    "packets_paced",
    "packets_paced_late",
    "outbound_packets",
    "platform_events",
    "platform_events_missed",
    "platform_up",
    "sessions_admitted",
    "process_cpu_seconds",
    "process_heap_bytes",
    "process_open_files",
    "process_resident_bytes",
    "ready",
    "reloads",
    "rest_failing_seconds",
    "rest_refused",
    "rest_seconds",
    "restarts",
    "ring_depth_max",
    "rooms",
    "sessions",
    "sessions_started",
    "sessions_ended",
    "sink_lines_lost",
    "speech_final_seconds",
    "speech_finals",
    "speech_lost",
    "speech_nonsense",
    "speech_partial_interval_seconds",
    "speech_partials",
    "speech_partials_shed",
    "speech_queue_seconds",
    "speech_seconds",
    "speech_words",
    "socket_to_agent_seconds",
    "task_lag_max_seconds",
    "underruns",
    "unreadable",
    "webhooks",
];

/// All that is measured, at one moment.
#[derive(Debug)]
pub(super) struct Measures {
    pub(super) states: BTreeMap<State, usize>,
    pub(super) rooms: usize,
    pub(super) admitted: usize,
    pub(super) counters: ReconcilerCounters,
    pub(super) totals: Totals,
    pub(super) calls: Telemetry,
    pub(super) blocks: u64,
    pub(super) lag: Duration,
    pub(super) sink_lines_lost: u64,
    pub(super) ready: bool,
    pub(super) notifications: bool,
    pub(super) engines: Vec<EngineMeasures>,
    /// What conversations came to.
    pub(super) dialogues: DialogueMeasures,
    pub(super) caption_followers: usize,
}

/// What webhooks did, counted where they come in.
#[derive(Debug, Clone, Default)]
pub(super) struct WebhookCounts {
    pub(super) by_status: BTreeMap<u16, u64>,
}

/// Both, as text.
pub(super) fn render(measures: Measures, webhooks: WebhookCounts) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { measures, webhooks }));
    let mut out = String::new();
    text::encode(&mut out, &registry).expect("a string takes all");
    out
}

#[derive(Debug)]
struct Scrape {
    measures: Measures,
    webhooks: WebhookCounts,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.of_sessions(&mut page)?;
        self.of_sound(&mut page)?;
        self.of_speech(&mut page)?;
        self.of_conversations(&mut page)?;
        self.of_edges(&mut page)?;
        self.of_process(&mut page)
    }
}

impl Scrape {
    fn of_sessions(&self, page: &mut Page<'_>) -> fmt::Result {
        let Measures { states, counters, totals, .. } = &self.measures;
        page.gauges(
            "sessions",
            "Sessions by how they stand",
            states.iter().map(|(s, n)| ([("state", s.name())], *n as f64)),
        )?;
        page.gauge("rooms", "Rooms of the Fishjam", self.measures.rooms as f64)?;
        page.gauge("sessions_admitted", "Sessions that count against max_sessions", self.measures.admitted as f64)?;
        page.counter("sessions_started", "Sessions begun", totals.begun)?;
        let ended = totals.ended.iter().map(|((deploy, how), n)| ([("deploy", deploy.as_str()), ("how", how)], *n));
        page.counters("sessions_ended", "Sessions ended, by deploy and how", ended)?;
        page.histogram("join_seconds", "From the order to the agent being in its room", &totals.joins)?;
        page.counter("restarts", "Agents brought back after a failure", counters.restarts)?;
        page.counter("given_up", "Agents given up after too many failures", counters.given_up)?;
        let limits = |counts: &BTreeMap<&'static str, u64>| {
            ["host", "deploy", "tenant", "engine"]
                .map(|limit| ([("limit", limit)], counts.get(limit).copied().unwrap_or(0)))
        };
        page.counters("admission_refused", "Sessions refused, by the limit in their way", limits(&counters.refused))?;
        page.counters("admission_queued", "Sessions that had to wait, by the limit", limits(&counters.waited))?;
        page.counter("link_reconnects", "Links that were mended", totals.reconnects)
    }

    fn of_sound(&self, page: &mut Page<'_>) -> fmt::Result {
        let Totals { deepest, .. } = self.measures.totals;
        let totals = &self.measures.totals;
        page.counter("inbound_chunks", "Chunks of sound for agents", totals.chunks)?;
        page.counter("outbound_packets", "Packets of agents' voices", totals.packets)?;
        page.counter("interrupts", "Times agents cut themselves off", totals.interrupts)?;
        page.counter("underruns", "Times a voice ran dry for a moment", totals.underruns)?;
        page.counters(
            "lost",
            "What was lost, by what it was",
            totals.losses.iter().map(|(what, n)| ([("what", *what)], *n)),
        )?;
        let depths = [
            ("hearing_samples", deepest.hearing_samples as f64),
            ("messages", deepest.messages as f64),
            ("backlog", deepest.backlog as f64),
            ("voice_samples", deepest.voice_samples as f64),
        ];
        page.gauges(
            "ring_depth_max",
            "The most that lay in a ring or queue of a running session",
            depths.map(|(ring, n)| ([("ring", ring)], n)),
        )?;
        page.counter("packets_paced", "Packets that the pacer alone held back", totals.paced)?;
        page.counter(
            "packets_paced_late",
            "Those of them that left more than 2 ms late",
            totals.paced - totals.paced_within_2_ms,
        )?;
        let worst = deepest.pacing_us as f64 / 1e6;
        page.gauge("pacing_error_max_seconds", "How late the latest paced packet of a running session left", worst)?;
        page.histogram("socket_to_agent_seconds", "From the socket to the agent, once a second", &totals.to_agent)?;
        page.histogram(
            "agent_to_socket_seconds",
            "From the agent to the driver that sends, one play in fifty",
            &totals.to_socket,
        )
    }

    fn of_speech(&self, page: &mut Page<'_>) -> fmt::Result {
        let engines = &self.measures.engines;
        page.gauges("engine_sessions", "Sessions that an engine serves", each(engines, |e| e.sessions as f64))?;
        page.gauges("engine_capacity", "Sessions that it serves in time", each(engines, |e| e.capacity as f64))?;
        let load = each(engines, |e| e.sessions as f64 / e.capacity.max(1) as f64);
        page.gauges("engine_load", "How full it is: sessions by capacity; add hosts before it is 1", load)?;
        page.counters("engine_restarts", "Workers of it that were made anew", each(engines, |e| e.restarts))?;
        page.gauges("engine_busy_seconds", "How long it computed", each(engines, |e| e.busy.as_secs_f64()))?;
        page.gauges("speech_seconds", "How much speech it was given", each(engines, |e| e.speech.as_secs_f64()))?;
        page.counters("speech_finals", "Utterances that were understood", each(engines, |e| e.finals))?;
        page.counters("speech_words", "Words of them", each(engines, |e| e.words))?;
        page.counters("speech_partials", "Beginnings of utterances that were", each(engines, |e| e.partials))?;
        let shed = each(engines, |e| e.shed_partials);
        page.counters("speech_partials_shed", "Beginnings that gave way to something more urgent", shed)?;
        let of = |get: fn(&EngineMeasures) -> &BTreeMap<&'static str, u64>| {
            engines.iter().flat_map(move |engine| {
                get(engine).iter().map(|(why, n)| ([("engine", engine.name.as_ref()), ("why", *why)], *n))
            })
        };
        page.counters("speech_lost", "Utterances that were not understood, by why", of(|e| &e.lost))?;
        page.counters("speech_nonsense", "Texts that cannot have been said, by why", of(|e| &e.nonsense))?;
        page.histograms(
            "speech_final_seconds",
            "From the activity's end to the final text",
            each(engines, |e| &e.to_final),
        )?;
        page.histograms(
            "speech_queue_seconds",
            "How long an utterance waited for the engine",
            each(engines, |e| &e.queue),
        )?;
        let interval = each(engines, |e| &e.partial_interval);
        page.histograms("speech_partial_interval_seconds", "Speech between two partial captions", interval)?;
        let followers = self.measures.caption_followers as f64;
        page.gauge("caption_followers", "Who follows the captions of a room", followers)
    }

    fn of_conversations(&self, page: &mut Page<'_>) -> fmt::Result {
        let dialogues = &self.measures.dialogues;
        page.gauge("conversations", "Conversations that go on", dialogues.sessions as f64)?;
        page.counters("turns", "Turns of people, by how they ended", named_counts("how", &dialogues.turns))?;
        page.counters(
            "barge_ins",
            "Speech into agents' speech, by what came of it",
            named_counts("outcome", &dialogues.barge_ins),
        )?;
        page.counter("replies_overdue", "Replies that did not come in time, or did not end", dialogues.overdue)?;
        page.counter("sentences_unsaid", "Sentences that no voice said", dialogues.unsaid)?;
        page.counter("conversations_handed_over", "Conversations that were left to people", dialogues.handed_over)?;
        page.histogram("answer_seconds", "From a person's last sound to the agent's first", &dialogues.answer)?;
        let parts = dialogues.parts.iter().map(|(part, counts)| ([("part", *part)], counts));
        page.histograms("answer_part_seconds", "The parts of that, in their order", parts)
    }

    fn of_edges(&self, page: &mut Page<'_>) -> fmt::Result {
        let measures = &self.measures;
        page.counter("notifications", "Notifications of the Fishjam", measures.totals.notifications)?;
        page.gauge("notifications_up", "Whether notifications come in", f64::from(u8::from(measures.notifications)))?;
        page.gauge("ready", "Whether the host knows its rooms and takes more", f64::from(u8::from(measures.ready)))?;
        page.counter("reloads", "Configurations taken over", measures.totals.reloads)?;
        page.counter("sink_lines_lost", "Lines of events that went nowhere", measures.sink_lines_lost)?;
        let failing = measures.calls.failing.as_ref();
        let lasts = failing.map_or(0.0, |failing| failing.lasts.as_secs_f64());
        page.gauge("rest_failing_seconds", "For how long no REST call has been served", lasts)?;
        let is_refused = failing.is_some_and(|failing| failing.is_refused);
        page.gauge("rest_refused", "Whether REST refuses the management token", f64::from(u8::from(is_refused)))?;
        let unreadable = measures.calls.unreadable.iter().map(|(what, n)| ([("what", *what)], *n));
        page.counters("unreadable", "What could not be read of the server's answers and notifications", unreadable)?;
        let (events, missed) = (measures.calls.events, measures.calls.missed_events);
        let up = measures.calls.up.iter().map(|(platform, up)| ([("platform", *platform)], f64::from(u8::from(*up))));
        page.gauges("platform_up", "Whether a platform tells its events, for those other than a Fishjam", up)?;
        page.counter("platform_events", "Events that platforms other than a Fishjam told", events)?;
        page.counter("platform_events_missed", "Events that a watcher was too slow for, and looked again", missed)?;
        let calls =
            measures.calls.calls.iter().map(|c| ([("call", c.call.as_str()), ("status", c.end.as_str())], &c.counts));
        page.histograms("rest_seconds", "REST calls, by call and HTTP status", calls)?;
        let webhooks = self.webhooks.by_status.iter().map(|(status, n)| (status.to_string(), *n)).collect::<Vec<_>>();
        page.counters(
            "webhooks",
            "Webhooks, by what was answered",
            webhooks.iter().map(|(s, n)| ([("status", s.as_str())], *n)),
        )
    }

    fn of_process(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counter("agent_stalls", "Times an agent computed for too long without a pause", self.measures.blocks)?;
        page.gauge(
            "task_lag_max_seconds",
            "The longest that a task waited to run since the last scrape",
            self.measures.lag.as_secs_f64(),
        )?;
        let heap = machine::heap_bytes().map_or(f64::NAN, |bytes| bytes as f64);
        page.gauge("process_heap_bytes", "Memory that is in use, by jemalloc's count", heap)?;
        page.gauge("process_resident_bytes", "Memory in RAM", machine::resident_kib() as f64 * 1_024.0)?;
        page.gauge("process_open_files", "Files and sockets that are open", machine::open_files() as f64)?;
        page.gauge("process_cpu_seconds", "Time on the machine's cores", machine::cpu_time().as_secs_f64())
    }
}

/// Counts under what they are counts of.
fn named_counts<'a>(
    label: &'static str,
    counts: &'a BTreeMap<String, u64>,
) -> impl Iterator<Item = ([(&'static str, &'a str); 1], u64)> {
    counts.iter().map(move |(what, n)| ([(label, what.as_str())], *n))
}

/// A value of each engine, under its name.
fn each<'a, V>(
    engines: &'a [EngineMeasures],
    get: impl Fn(&'a EngineMeasures) -> V,
) -> impl Iterator<Item = ([(&'static str, &'a str); 1], V)> {
    engines.iter().map(move |engine| ([("engine", engine.name.as_ref())], get(engine)))
}

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let name = named(name);
        let mut metric = self.0.encode_descriptor(&name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let name = named(name);
        let mut metric = self.0.encode_descriptor(&name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let name = named(name);
        self.0.encode_descriptor(&name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let name = named(name);
        let mut metric = self.0.encode_descriptor(&name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, counts: &LatencyCounts) -> fmt::Result {
        let (sum, count, buckets) = parts(counts);
        let name = named(name);
        let mut metric = self.0.encode_descriptor(&name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn histograms<'a, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, &'a LatencyCounts)>,
    ) -> fmt::Result {
        let name = named(name);
        let mut metric = self.0.encode_descriptor(&name, help, None, MetricType::Histogram)?;
        for (labels, counts) in values {
            let (sum, count, buckets) = parts(counts);
            metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

fn named(name: &str) -> String {
    debug_assert!(METRICS.contains(&name), "{name} is not in the list");
    format!("roomtone_{name}")
}

fn parts(counts: &LatencyCounts) -> (f64, u64, Vec<(f64, u64)>) {
    let steps = STEPS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
    let buckets = steps.zip(counts.counts).collect();
    (counts.total.as_secs_f64(), counts.counts.iter().sum(), buckets)
}
