//! What a bench found, as a table and as JSON.

use serde::Serialize;
use serde_json::Value;

use super::{
    BenchArgs, machine,
    part::{Left, Measured, Ready, Speech},
};

/// What one program did under the load.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    pub(super) ready: Ready,
    pub(super) measured: Measured,
    pub(super) left: Left,
    /// The sandbox's view: `GET /sandbox/echoes`.
    pub(super) echoes: Value,
    /// Chunks that its socket did not take, by the sandbox's count.
    pub(super) undelivered: u64,
}

/// The results, with the keys of the JSON file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    sessions: u32,
    seconds: u64,
    /// For how much of the time each speaker spoke.
    talk_percent: u64,
    voice: String,
    /// Cores that the agents had for themselves; 0 if they were not pinned.
    agent_cores: usize,
    machine: String,
    version: &'static str,
    /// What a 20 ms frame cost the agents' process, in and out, all of it.
    pub(super) cpu_us_per_frame: f64,
    floor_cpu_us_per_frame: Option<f64>,
    /// By the ratio of the two above.
    over_floor: Option<f64>,
    sessions_per_core_at_70_percent: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    floor_p50_ms: Option<f64>,
    floor_p99_ms: Option<f64>,
    rss_kib_per_session: f64,
    floor_rss_kib_per_session: Option<f64>,
    rss_kib: u64,
    /// Everything that any counter took note of, at the agents' side and at the sandbox's.
    lost: u64,
    losses: std::collections::BTreeMap<String, u64>,
    /// Chunks that the agents were given in the measured time, and packets that came from them.
    chunks: u64,
    packets: u64,
    /// The more of the two, of how many there should have been.
    frames: u64,
    frames_due: u64,
    underruns: u64,
    ready_ms: f64,
    join_p50_ms: f64,
    join_max_ms: f64,
    paced_packets: u64,
    paced_within_2_ms_percent: Option<f64>,
    paced_worst_ms: f64,
    churn_rss_kib: Vec<u64>,
    /// What scribes understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    speech: Option<Speech>,
}

impl Run {
    fn frames(&self) -> u64 {
        // Agents that speak of their own accord send more than they hear, or less.
        self.count("chunks").max(self.count("packets"))
    }

    fn count(&self, name: &str) -> u64 {
        self.echoes[name].as_u64().unwrap_or(0)
    }

    fn cpu_us_per_frame(&self) -> f64 {
        self.measured.cpu_s * 1e6 / self.frames().max(1) as f64
    }

    fn rss_kib_per_session(&self) -> f64 {
        // Programs of another make do not say what they take with one session: all of it is shared out then.
        let others = self.ready.sessions - u32::from(self.ready.first_rss_kib > 0);
        let beyond = self.measured.rss_kib.saturating_sub(self.ready.first_rss_kib);
        beyond as f64 / f64::from(others.max(1))
    }

    fn wait_ms(&self, name: &str) -> f64 {
        round(self.echoes[name].as_f64().unwrap_or(0.0))
    }
}

impl Report {
    pub(super) fn new(
        args: &BenchArgs,
        agent_cores: usize,
        ready_ms: f64,
        agents: &Run,
        floor: Option<&Run>,
    ) -> Report {
        let BenchArgs { sessions, seconds, talk, load, .. } = args;
        let frames_a_second = 50.0 * *talk as f64 / 100.0;
        let cost = agents.cpu_us_per_frame();
        let mut losses = agents.left.losses.clone();
        losses.insert("undelivered chunks".into(), agents.undelivered);
        if agents.left.speech.is_none() {
            losses.insert("echoes".into(), agents.count("missed"));
        }
        let paced = agents.left.paced_packets;
        let (cores, model) = machine::cores();
        Report {
            sessions: *sessions,
            seconds: *seconds,
            talk_percent: *talk,
            voice: load.voice.clone(),
            agent_cores,
            machine: format!("{cores} cores, {model}"),
            version: env!("CARGO_PKG_VERSION"),
            cpu_us_per_frame: round(cost),
            floor_cpu_us_per_frame: floor.map(|floor| round(floor.cpu_us_per_frame())),
            over_floor: floor.map(|floor| round(cost / floor.cpu_us_per_frame())),
            sessions_per_core_at_70_percent: (0.7e6 / (cost.max(0.001) * 50.0)) as u64,
            p50_ms: agents.wait_ms("p50_ms"),
            p99_ms: agents.wait_ms("p99_ms"),
            max_ms: agents.wait_ms("max_ms"),
            floor_p50_ms: floor.map(|floor| floor.wait_ms("p50_ms")),
            floor_p99_ms: floor.map(|floor| floor.wait_ms("p99_ms")),
            rss_kib_per_session: round(agents.rss_kib_per_session()),
            floor_rss_kib_per_session: floor.map(|floor| round(floor.rss_kib_per_session())),
            rss_kib: agents.measured.rss_kib,
            lost: losses.values().sum(),
            losses,
            chunks: agents.count("chunks"),
            packets: agents.count("packets"),
            frames: agents.frames(),
            frames_due: (f64::from(*sessions) * agents.measured.seconds * frames_a_second) as u64,
            underruns: agents.left.underruns,
            ready_ms: round(ready_ms),
            join_p50_ms: round(agents.ready.join_p50_ms),
            join_max_ms: round(agents.ready.join_max_ms),
            paced_packets: paced,
            paced_within_2_ms_percent: (paced > 0)
                .then(|| (agents.left.paced_within_2_ms as f64 / paced as f64 * 1e4).floor() / 100.0),
            paced_worst_ms: round(agents.left.paced_worst_ms),
            churn_rss_kib: agents.left.churn_rss_kib.clone(),
            speech: agents.left.speech.clone(),
        }
    }

    /// The table that is printed.
    pub(super) fn lines(&self) -> Vec<String> {
        let beside = |floor: Option<f64>| floor.map(|floor| format!("   floor {floor}")).unwrap_or_default();
        let over = self.over_floor.map(|over| format!(", {over} times the floor")).unwrap_or_default();
        let mut lines = vec![
            format!("{} sessions for {} s, voice {}, {}", self.sessions, self.seconds, self.voice, self.machine),
            format!("cpu per frame        {} us{}{over}", self.cpu_us_per_frame, beside(self.floor_cpu_us_per_frame)),
        ];
        if self.speech.is_none() {
            lines.push(format!("sessions per core    {} at 70 % load", self.sessions_per_core_at_70_percent));
            lines.extend([
                format!("burst comes back in  p50 {} ms{}", self.p50_ms, beside(self.floor_p50_ms)),
                format!("                     p99 {} ms{}", self.p99_ms, beside(self.floor_p99_ms)),
                format!("                     max {} ms", self.max_ms),
            ]);
        }
        lines.extend([
            format!("memory per session   {} KiB{}", self.rss_kib_per_session, beside(self.floor_rss_kib_per_session)),
            format!("frames               {} of {} due", self.frames, self.frames_due),
            format!("ready, joined after  {} ms, {} ms (max {} ms)", self.ready_ms, self.join_p50_ms, self.join_max_ms),
        ]);
        lines.extend(self.speech.iter().flat_map(speech_lines));
        if let Some(share) = self.paced_within_2_ms_percent {
            let (packets, worst) = (self.paced_packets, self.paced_worst_ms);
            lines.push(format!("paced packets        {share} % of {packets} within 2 ms, the worst {worst} ms off"));
        }
        if let (Some(first), Some(last)) =
            (self.churn_rss_kib.get(self.churn_rss_kib.len() / 5), self.churn_rss_kib.last())
        {
            lines.push(format!("joins and leaves     {first} KiB after a fifth, {last} KiB at the end"));
        }
        let lost: Vec<String> =
            self.losses.iter().filter(|(_, lost)| **lost > 0).map(|(name, lost)| format!("{lost} {name}")).collect();
        lines
            .push(format!("lost                 {}", if lost.is_empty() { "nothing".into() } else { lost.join(", ") }));
        lines
    }
}

/// What scribes understood, and how fast.
fn speech_lines(speech: &Speech) -> [String; 5] {
    let Speech { engine, finals, words, lost, partials, shed_partials, .. } = speech;
    let within = |ms: f64| if ms > 1e6 { "more than 5 s".to_owned() } else { format!("within {ms} ms") };
    let (p90, p99) = (within(speech.final_p90_ms), within(speech.final_p99_ms));
    [
        format!(
            "engine               {engine}, {:.2} % of real time, made for {} sessions",
            speech.real_time_factor * 100.0,
            speech.capacity
        ),
        format!(
            "utterances           {finals} understood ({words} words), {lost} lost; {} sessions wrote nothing",
            speech.silent_sessions
        ),
        format!(
            "final text           {} ms after the activity's end (p90 {p90}, p99 {p99}), {} ms of it in the queue",
            speech.final_mean_ms, speech.queue_mean_ms
        ),
        format!(
            "partial captions     {partials}, every {} ms of speech, {shed_partials} shed",
            speech.partial_interval_ms
        ),
        format!("sound to the scribe  p99 within {} ms", speech.sound_p99_ms),
    ]
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
