//! The same conversation with agents of any make, judged by the room's sound alone: how soon they are heard behind the end of speech,
//! whether they answer into a speaker's own pause, how soon they fall silent when somebody speaks, and for what.
//!
//! `cargo bench --bench peer_conversations -- --program "COMMAND" --turns 28 --interruptions 24 --json FILE`. The program gets
//! `--fishjam`, `--token`, `--room` and `--rules`, joins the room as an agent, says "Hello.", and answers by the rules until it is
//! ended. Without a program it is roomtone's own, from the release build. Each has one core (`--core N`).

#[path = "../tests/speech/stage.rs"]
#[allow(dead_code, unreachable_pub)]
mod stage;

mod common;

#[path = "common/said.rs"]
#[allow(dead_code)]
mod said;

use std::{
    collections::VecDeque,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use roomtone::{
    audio::{Hz, Sound},
    event::{PeerId, RoomId},
    fishjam::{
        Fishjam,
        rest::{
            self,
            model::{PeerType, RoomConfig},
        },
    },
    sandbox::{Person, Sandbox},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use common::{argument, percentile, place, print_spread};
use said::{Interruption, Sentence, interruptions, print_wrong, sentences, shuffled, silence, with_pause};
use stage::{loud, person, sandbox};

#[tokio::main]
async fn main() {
    let Some(place) = place() else { return };
    let rules = std::env::temp_dir().join(format!("roomtone-rules-{}.toml", std::process::id()));
    std::fs::write(&rules, rules_of_all()).unwrap();
    let scene = Scene::set(&rules).await;
    let mut report = json!({ "first_rss_mib": scene.rss_mib() });
    let turns = argument("--turns", 27);
    if turns > 0 {
        let mut sentences = sentences(&place);
        sentences.retain(|sentence| sentence.name != ASKS_FOR_STORY);
        report["answers"] = answers(&scene, &sentences, turns).await;
    }
    let count = argument("--interruptions", 28);
    if count > 0 {
        let mut interruptions = interruptions(&place).await;
        interruptions.retain(|interruption| interruption.name != ASKS_FOR_STORY);
        report["barge_in"] = barge_in(&scene, &interruptions, count).await;
    }
    report["rss_mib"] = json!(scene.rss_mib());
    println!("memory: {} MiB at first, {} MiB at last", report["first_rss_mib"], report["rss_mib"]);
    let path: String = argument("--json", String::new());
    if !path.is_empty() {
        std::fs::write(path, report.to_string()).unwrap();
    }
    std::fs::remove_file(rules).ok();
}

/// A story for whoever says "go forward", and the same two words for all else.
fn rules_of_all() -> String {
    let story: String = (1..=40)
        .map(|n| format!("This is sentence number {n} of a story about the old harbour and its boats. "))
        .collect();
    format!("otherwise = \"Yes, of course.\"\n[[rule]]\nwhen = [\"go forward\"]\nsay = \"{story}\"\n")
}

/// A room with a person whose microphone is never off, and the program that is measured.
struct Scene {
    sandbox: Arc<Sandbox>,
    room: RoomId,
    person: PeerId,
    agent: PeerId,
    origin: Instant,
    microphone: Arc<Mutex<VecDeque<i16>>>,
    program: Child,
}

impl Scene {
    async fn set(rules: &Path) -> Scene {
        let sandbox = sandbox().await;
        let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
        let room = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
        let person = sandbox.add_person(&room, Person::default()).await.unwrap().peer;
        let microphone = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(speak(sandbox.clone(), room.clone(), person.clone(), microphone.clone()));
        let program = start(&sandbox, &room, rules);
        let agent = async {
            loop {
                let peers = fishjam.rest().room(&room).await.unwrap().peers;
                let is_there = |peer: &&rest::model::Peer| peer.kind == PeerType::Agent && !peer.tracks.is_empty();
                if let Some(agent) = peers.iter().find(is_there) {
                    return agent.id.clone();
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let agent = timeout(PATIENCE, agent).await.expect("the program joins the room");
        let origin = Instant::now();
        for peer in [&person, &agent] {
            sandbox.record(&room, peer, Hz::K24, origin).unwrap();
        }
        let scene = Scene { sandbox, room, person, agent, origin, microphone, program };
        scene.until_it_has_spoken(Duration::ZERO, PATIENCE).await;
        scene
    }

    /// Says something behind what is being said, and waits until that is said. Gives when it was begun, or soon after.
    async fn say(&self, sound: &Sound) -> Duration {
        let begun = self.now();
        self.microphone.lock().unwrap().extend(&sound.samples);
        sleep(sound.duration() + AHEAD + CHUNK).await;
        begun
    }

    /// Waits until it has said something behind `from` and has been silent for a while, or has said nothing for long.
    async fn until_it_has_spoken(&self, from: Duration, within: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < within {
            sleep(Duration::from_millis(100)).await;
            let heard = self.heard_behind(from);
            if let Some((_, last)) = loud(&heard.samples, heard.rate)
                && heard.rate.duration_of((heard.samples.len() - last) as u64) > Duration::from_millis(900)
            {
                return;
            }
        }
    }

    /// Waits until it is heard behind `from`.
    async fn until_heard(&self, from: Duration, within: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < within {
            let heard = self.heard_behind(from);
            if loud(&heard.samples, heard.rate).is_some() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What was heard of the agent from there on.
    fn heard_behind(&self, from: Duration) -> Sound {
        let mut heard = self.recordings().1;
        heard.samples.drain(..heard.rate.samples_in(from).min(heard.samples.len()));
        heard
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn recordings(&self) -> (Sound, Sound) {
        let of = |peer| self.sandbox.recording(&self.room, peer).unwrap();
        (of(&self.person), of(&self.agent))
    }

    fn rss_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1_024
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}

fn start(sandbox: &Sandbox, room: &RoomId, rules: &Path) -> Child {
    let core: usize = argument("--core", 1);
    let program: String = argument("--program", String::new());
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]);
    if program.is_empty() {
        let rules = rules.display();
        command.arg("target/release/roomtone").args(["join", "--agent", "concierge", "--log", "warn"]);
        command.args(["--set", &format!("models=[{{ name = \"rules\", file = \"{rules}\" }}]")]);
        command.args(["--set", "greeting=\"Hello.\"", "--set", "goodbyes=[]"]);
        for set in argument("--set", String::new()).split_whitespace() {
            command.args(["--set", set]);
        }
        command.env("ROOMTONE_DATA", "target/speech/data");
    } else {
        command.args(program.split_whitespace()).args(["--rules", &rules.display().to_string()]);
        command.args(["--token", sandbox.token()]);
    }
    command.env("FISHJAM_MANAGEMENT_TOKEN", sandbox.token());
    command.args(["--fishjam", sandbox.url(), "--room", room.as_str()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("taskset and the program can be started")
}

/// A microphone that is never off: what is to be said, and else a quiet room.
async fn speak(sandbox: Arc<Sandbox>, room: RoomId, person: PeerId, microphone: Arc<Mutex<VecDeque<i16>>>) {
    let mut random = fastrand::Rng::with_seed(3);
    let begun = Instant::now();
    for chunk in 0_u32.. {
        let length = Hz::K16.samples_in(CHUNK);
        let samples = {
            let mut waiting = microphone.lock().unwrap();
            (0..length).map(|_| waiting.pop_front().unwrap_or_else(|| random.i16(-8..8))).collect()
        };
        let sound = Sound { rate: Hz::K16, samples };
        if sandbox.say(&room, &person, sound, Duration::ZERO).await.is_err() {
            return;
        }
        sleep((begun + CHUNK * (chunk + 1)).saturating_duration_since(Instant::now() + AHEAD)).await;
    }
}

/// People's questions, each with a pause of the speaker's own.
async fn answers(scene: &Scene, all: &[Sentence], count: usize) -> Value {
    let mut random = fastrand::Rng::with_seed(99);
    let mut marks = Vec::new();
    for Sentence { sound, name, .. } in shuffled(all, count) {
        let (sound, second) = with_pause(&sound, Duration::from_millis(random.u64(300..1_000)));
        let said = scene.say(&sound).await;
        scene.until_it_has_spoken(said + sound.duration(), Duration::from_secs(6)).await;
        marks.push((name, said, second, sound.duration()));
    }
    let (person, agent) = scene.recordings();
    let (mut late, mut cut, mut silent) = (Vec::new(), Vec::new(), 0);
    for (name, said, second, lasts) in marks {
        let at = |time: Duration| person.rate.samples_in(time);
        let window = &person.samples[at(said)..at(said + lasts + 2 * AHEAD + CHUNK).min(person.samples.len())];
        let (first, last) = loud(window, person.rate).expect("it was said");
        let (begins, ends) = (at(said) + first, at(said) + last);
        let heard = agent.samples[begins..].iter().position(|sample| sample.unsigned_abs() > 60);
        match heard.map(|at| begins + at) {
            Some(heard) if heard < begins + person.rate.samples_in(second) => cut.push(name),
            Some(heard) => late.push((heard as f64 - ends as f64) * 1e3 / f64::from(agent.rate.0)),
            None => silent += 1,
        }
    }
    println!("{count} turns, {} answered into a pause of the speaker's own, {silent} not answered", cut.len());
    print_wrong("cut", cut.iter().map(String::as_str));
    print_spread("speech end to first audible sound", &mut late);
    json!({ "turns": count, "cut": cut.len(), "silent": silent, "late_ms": spread(&late) })
}

/// What is said into a story.
async fn barge_in(scene: &Scene, all: &[Interruption], count: usize) -> Value {
    let mut random = fastrand::Rng::with_seed(7);
    let mut report = json!({});
    let mut marks = Vec::new();
    tell_story(scene).await;
    for interruption in shuffled(all, count) {
        sleep(Duration::from_millis(random.u64(1_000..3_000))).await;
        let said = scene.say(&interruption.sound).await;
        sleep(LOOKED_AT).await;
        let went_on = is_telling(scene);
        marks.push((interruption, said, went_on));
        if !went_on {
            scene.until_it_has_spoken(said, Duration::from_secs(6)).await;
            tell_story(scene).await;
        }
    }
    let (person, agent) = scene.recordings();
    for what in ["a person", "a back-channel", "a noise"] {
        let of: Vec<_> = marks.iter().filter(|(interruption, ..)| interruption.what == what).collect();
        let ended = of.iter().filter(|(.., went_on)| !went_on).count();
        let silent = of.iter().filter_map(|(interruption, said, _)| {
            let at = |time: Duration| person.rate.samples_in(time).min(person.samples.len());
            let to = *said + interruption.sound.duration() + 2 * AHEAD + CHUNK;
            let (first, _) = loud(&person.samples[at(*said)..at(to)], person.rate)?;
            let onset = *said + person.rate.duration_of(first as u64);
            let silent = silence(&agent, onset)?;
            // Behind the end of what was said it is no answer to it.
            (silent < to + LOOKED_AT).then(|| (silent - onset).as_secs_f64() * 1e3)
        });
        let mut silent: Vec<f64> = silent.collect();
        println!("{what}: {} times, the story ended {ended} times", of.len());
        let wrong = of.iter().filter(|(.., went_on)| *went_on == (what == "a person"));
        print_wrong("decided wrongly", wrong.map(|(interruption, ..)| &*interruption.name));
        print_spread("silent after the onset", &mut silent);
        report[what] = json!({ "times": of.len(), "ended": ended, "silent_ms": spread(&silent) });
    }
    report
}

/// What asks for the story, and so is neither asked nor said into it.
const ASKS_FOR_STORY: &str = "goforward.raw";

async fn tell_story(scene: &Scene) {
    for _ in 0..5 {
        let said = scene.say(&person(ASKS_FOR_STORY)).await;
        scene.until_heard(said + person(ASKS_FOR_STORY).duration(), Duration::from_secs(6)).await;
        sleep(Duration::from_secs(3)).await;
        if is_telling(scene) {
            return;
        }
    }
    panic!("it tells no story");
}

/// Whether it was heard for a good part of the last two seconds: two words are not that long.
fn is_telling(scene: &Scene) -> bool {
    let heard = scene.recordings().1;
    let from = heard.samples.len() - heard.rate.samples_in(Duration::from_secs(2)).min(heard.samples.len());
    let block = heard.rate.block_samples();
    let loud = heard.samples[from..].chunks(block).filter(|block| block.iter().any(|s| s.unsigned_abs() > 200)).count();
    loud > 60
}

/// Median, p95 and most of them, sorted as `print_spread` leaves them.
fn spread(sorted: &[f64]) -> Value {
    let at = |share: f64| percentile(sorted, share).map(f64::round);
    json!({ "p50": at(0.5), "p95": at(0.95), "most": at(1.0) })
}

const PATIENCE: Duration = Duration::from_secs(90);
/// What the microphone is given at a time, and how much of it waits there.
const CHUNK: Duration = Duration::from_millis(100);
const AHEAD: Duration = Duration::from_millis(150);
/// How long behind an interruption it is seen what came of it.
const LOOKED_AT: Duration = Duration::from_secs(4);
