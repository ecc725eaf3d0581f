//! What a bench found, as a table and as JSON.

use std::collections::BTreeMap;

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
    pub(super) taken: Taken,
}

/// How many cores were kept from the bench meanwhile.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Taken {
    pub(super) by_programs: f64,
    /// On the same hardware, as a hypervisor tells it.
    pub(super) by_machines: f64,
}

/// Agents and floor, one after the other.
pub(super) struct Round {
    pub(super) agents: Run,
    pub(super) floor: Option<Run>,
}

/// A figure of every round.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    median: f64,
    least: f64,
    most: f64,
}

/// The results, with the keys of the JSON file. Where there were several rounds, figures are medians, and counts all rounds'
/// together.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    sessions: u32,
    seconds: u64,
    rounds: usize,
    tls: bool,
    /// For how much of the time each speaker spoke.
    talk_percent: u64,
    voice: String,
    /// Cores that the agents had for themselves; 0 if they were not pinned.
    agent_cores: usize,
    machine: String,
    version: &'static str,
    /// What a 20 ms frame cost the agents' process, in and out, all of it.
    cpu_us_per_frame: f64,
    cpu_us_per_frame_of_rounds: Figure,
    floor_cpu_us_per_frame: Option<f64>,
    floor_cpu_us_per_frame_of_rounds: Option<Figure>,
    /// The two above as a ratio, and what the agents took more.
    over_floor: Option<f64>,
    beyond_floor_us_per_frame: Option<f64>,
    /// The most cores that others took in any run, and why no figure should be quoted, if any reason was seen.
    taken_cores: Taken,
    doubt: Option<String>,
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
    losses: BTreeMap<String, u64>,
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
    pub(super) fn new(args: &BenchArgs, agent_cores: usize, ready_ms: f64, rounds: &[Round]) -> Report {
        let BenchArgs { sessions, seconds, talk, load, .. } = args;
        let frames_a_second = 50.0 * *talk as f64 / 100.0;
        let agents = |of: &dyn Fn(&Run) -> f64| figure(rounds.iter().map(|round| of(&round.agents)));
        let floor = |of: &dyn Fn(&Run) -> f64| floors(rounds, of);
        let sum = |of: &dyn Fn(&Run) -> u64| rounds.iter().map(|round| of(&round.agents)).sum::<u64>();
        let Round { agents: last, .. } = rounds.last().expect("there is a round at least");
        let (cost, floor_cost) = (agents(&Run::cpu_us_per_frame), floor(&Run::cpu_us_per_frame));
        let beyond = |of: fn(f64, f64) -> f64| {
            let pairs = rounds.iter().filter_map(|Round { agents, floor }| Some((agents, floor.as_ref()?)));
            let beyond = pairs.map(|(agents, floor)| of(agents.cpu_us_per_frame(), floor.cpu_us_per_frame()));
            floor_cost.is_some().then(|| figure(beyond).median)
        };
        let (losses, paced) = (losses(rounds), sum(&|run| run.left.paced_packets));
        let taken = most_taken(rounds);
        let measured_s: f64 = rounds.iter().map(|round| round.agents.measured.seconds).sum();
        let (cores, model) = machine::cores();
        Report {
            sessions: *sessions,
            seconds: *seconds,
            rounds: rounds.len(),
            tls: args.tls,
            talk_percent: *talk,
            voice: load.voice.clone(),
            agent_cores,
            machine: format!("{cores} cores, {model}"),
            version: env!("CARGO_PKG_VERSION"),
            cpu_us_per_frame: cost.median,
            floor_cpu_us_per_frame: floor_cost.as_ref().map(|cost| cost.median),
            over_floor: beyond(|agents, floor| agents / floor),
            beyond_floor_us_per_frame: beyond(|agents, floor| agents - floor),
            taken_cores: taken,
            doubt: doubt(taken, &cost, floor_cost.as_ref()),
            sessions_per_core_at_70_percent: (0.7e6 / (cost.median.max(0.001) * 50.0)) as u64,
            cpu_us_per_frame_of_rounds: cost,
            floor_cpu_us_per_frame_of_rounds: floor_cost,
            p50_ms: agents(&|run| run.wait_ms("p50_ms")).median,
            p99_ms: agents(&|run| run.wait_ms("p99_ms")).median,
            max_ms: agents(&|run| run.wait_ms("max_ms")).most,
            floor_p50_ms: floor(&|run| run.wait_ms("p50_ms")).map(|wait| wait.median),
            floor_p99_ms: floor(&|run| run.wait_ms("p99_ms")).map(|wait| wait.median),
            rss_kib_per_session: agents(&Run::rss_kib_per_session).median,
            floor_rss_kib_per_session: floor(&Run::rss_kib_per_session).map(|memory| memory.median),
            rss_kib: last.measured.rss_kib,
            lost: losses.values().sum(),
            losses,
            chunks: sum(&|run| run.count("chunks")),
            packets: sum(&|run| run.count("packets")),
            frames: sum(&Run::frames),
            frames_due: (f64::from(*sessions) * measured_s * frames_a_second) as u64,
            underruns: sum(&|run| run.left.underruns),
            ready_ms: round(ready_ms),
            join_p50_ms: agents(&|run| run.ready.join_p50_ms).median,
            join_max_ms: agents(&|run| run.ready.join_max_ms).most,
            paced_packets: paced,
            paced_within_2_ms_percent: (paced > 0)
                .then(|| (sum(&|run| run.left.paced_within_2_ms) as f64 / paced as f64 * 1e4).floor() / 100.0),
            paced_worst_ms: agents(&|run| run.left.paced_worst_ms).most,
            churn_rss_kib: last.left.churn_rss_kib.clone(),
            speech: last.left.speech.clone(),
        }
    }

    /// The table that is printed.
    pub(super) fn lines(&self) -> Vec<String> {
        let beside = |floor: Option<f64>| floor.map(|floor| format!("   floor {floor}")).unwrap_or_default();
        let spread =
            |of: &Figure| if self.rounds > 1 { format!(" ({} to {})", of.least, of.most) } else { String::new() };
        let mut lines = vec![
            format!(
                "{} sessions for {} s, {}voice {}{}, {}",
                self.sessions,
                self.seconds,
                if self.rounds > 1 { format!("{} times, ", self.rounds) } else { String::new() },
                self.voice,
                if self.tls { ", by TLS" } else { "" },
                self.machine
            ),
            format!("cpu per frame        {} us{}", self.cpu_us_per_frame, spread(&self.cpu_us_per_frame_of_rounds)),
        ];
        if let (Some(floor), Some(over), Some(beyond)) =
            (&self.floor_cpu_us_per_frame_of_rounds, self.over_floor, self.beyond_floor_us_per_frame)
        {
            let (cost, spread) = (floor.median, spread(floor));
            lines.push(format!("             floor   {cost} us{spread}; over it {beyond} us, {over} times"));
        }
        if self.speech.is_none() {
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
        if let Some(doubt) = &self.doubt {
            lines.push(format!("NOT TO BE QUOTED     {doubt}"));
        }
        if self.speech.is_none() {
            let sessions = self.sessions_per_core_at_70_percent;
            lines.push(format!("one core of this machine holds {sessions} sessions at 70 % load"));
        }
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

fn figure(values: impl Iterator<Item = f64>) -> Figure {
    let mut values: Vec<f64> = values.map(round).collect();
    values.sort_unstable_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    let median = round((values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0);
    Figure { median, least, most }
}

fn floors(rounds: &[Round], of: &dyn Fn(&Run) -> f64) -> Option<Figure> {
    let floors: Vec<f64> = rounds.iter().filter_map(|round| round.floor.as_ref()).map(of).collect();
    (!floors.is_empty()).then(|| figure(floors.into_iter()))
}

fn losses(rounds: &[Round]) -> BTreeMap<String, u64> {
    let mut losses = BTreeMap::new();
    for Round { agents, .. } in rounds {
        let beside = [("undelivered chunks", agents.undelivered), ("echoes", agents.count("missed"))];
        let beside = beside.iter().filter(|(name, _)| agents.left.speech.is_none() || *name != "echoes");
        let own = agents.left.losses.iter().map(|(name, lost)| (name.as_str(), *lost));
        for (name, lost) in own.chain(beside.copied()) {
            *losses.entry(name.to_owned()).or_default() += lost;
        }
    }
    losses
}

fn most_taken(rounds: &[Round]) -> Taken {
    let runs = rounds.iter().flat_map(|Round { agents, floor }| floor.iter().chain([agents]));
    runs.map(|run| run.taken).fold(Taken::default(), |most, taken| Taken {
        by_programs: most.by_programs.max(round(taken.by_programs)),
        by_machines: most.by_machines.max(round(taken.by_machines)),
    })
}

/// Why the figures should not be quoted.
fn doubt(taken: Taken, cost: &Figure, floor: Option<&Figure>) -> Option<String> {
    if cfg!(debug_assertions) {
        return Some("this build is not optimised; build with --release".into());
    }
    for (cores, who) in [(taken.by_programs, "other programs"), (taken.by_machines, "other machines on its hardware")] {
        if cores > MOST_FOR_OTHERS {
            return Some(format!("the machine was busy: {who} took {cores:.2} of its cores"));
        }
    }
    let spread =
        [Some(cost), floor].into_iter().flatten().map(|of| (of.most - of.least) / of.median).fold(0.0, f64::max);
    (spread > LARGEST_SPREAD).then(|| format!("rounds differ by {:.0} %", spread * 100.0))
}

/// More of a core than this is no quiet machine.
const MOST_FOR_OTHERS: f64 = 0.1;
/// Rounds that differ by more than this part of their median do not measure the same.
const LARGEST_SPREAD: f64 = 0.15;

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_of_an_even_number_lies_between_two() {
        for (values, median) in [(vec![3.0], 3.0), (vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 3.0], 2.5)] {
            assert_eq!(figure(values.into_iter()).median, median);
        }
        let Figure { least, most, .. } = figure([4.0, 1.0, 2.0].into_iter());
        assert_eq!((least, most), (1.0, 4.0));
    }

    #[test]
    fn the_most_that_was_taken_in_any_run_counts() {
        let run = |by_programs, by_machines| Run { taken: Taken { by_programs, by_machines }, ..Run::default() };
        let rounds = [
            Round { agents: run(0.02, 0.3), floor: None },
            Round { agents: run(0.01, 0.0), floor: Some(run(0.4, 0.1)) },
        ];
        let Taken { by_programs, by_machines } = most_taken(&rounds);
        assert_eq!((by_programs, by_machines), (0.4, 0.3));
    }
}
