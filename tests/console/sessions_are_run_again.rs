//! A session that was kept is run again: the same events and the same sound, however fast.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Input, Room},
    audio::{Hz, Sound, wav},
    console::{Console, ConsoleOptions, Ends, Outcome, Pace, Processing, Recorder, Recording},
    session::{Ending, SessionHandle},
};
use tokio::time::{Instant, sleep_until};
use toml::Table;

use crate::files_stand_in::{SPEECH, folder};

/// Does what depends on everything that could go otherwise: timers of its own, chance, what is told and when, what is heard of
/// its voice.
struct Fickle {
    every: Duration,
}

#[async_trait]
impl Agent for Fickle {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { speak_rate: Some(Hz::K24), ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let (mut due, mut heard) = (Instant::now(), 0_i64);
        loop {
            tokio::select! {
                biased;
                input = room.next() => match input {
                    Some(Input::Audio(frame)) => heard += frame.samples().iter().map(|sample| i64::from(*sample)).sum::<i64>(),
                    Some(Input::Silence) => drop(room.notes.write("silent")),
                    Some(other) => drop(room.notes.write(format!("{other:?}, {heard}"))),
                    None => return Ok(()),
                },
                () = sleep_until(due) => {
                    due += self.every.mul_f64(0.5 + fastrand::f64());
                    let voice = &mut room.voice;
                    let note = format!("{heard} of {} played {}", voice.written(), voice.played());
                    voice.play(&(0..fastrand::usize(1..12_000)).map(|n| (n % 300) as i16).collect::<Vec<_>>());
                    room.notes.write(note);
                }
            }
        }
    }
}

fn console() -> Console {
    let ends = Ends::Files { input: Some(SPEECH.into()), output: None, echo_db: None };
    Console::new(ConsoleOptions { ends, processing: Processing::NONE, ..ConsoleOptions::default() })
}

async fn heard(handle: &SessionHandle, chunks: u64) {
    while handle.monitor().counters().inbound.chunks < chunks {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Three seconds with lines, silence, and a drain at moments that nobody chose.
async fn keep(folder: &Path) {
    let recorder = Recorder::create(folder, "fickle", &Table::new()).unwrap();
    let console = console();
    let agent = recorder.prepare(async { Fickle { every: Duration::from_millis(130) } }).await;
    let handle = console.begin_recorded(Box::new(agent), recorder).unwrap();
    heard(&handle, 50).await;
    assert!(console.write("wait") && console.write("what"));
    assert!(console.interrupt());
    heard(&handle, 100).await;
    handle.drain(Duration::from_secs(9));
    heard(&handle, 150).await;
    handle.leave();
    assert_eq!(handle.ended().await.ending, Ending::Left);
}

async fn run_again(folder: &Path, every: Duration, pace: Pace) -> Outcome {
    let replay = Recording::open(folder).unwrap().replay(None).unwrap();
    let agent = replay.prepare(async { Fickle { every } }).await;
    replay.run(Box::new(agent), pace).await.unwrap()
}

const AS_IT_WAS: Duration = Duration::from_millis(130);

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_the_same_way_at_any_speed() {
    let folder = folder();
    keep(&folder.join("kept")).await;
    let kept = folder.join("kept");
    for pace in [Pace::Fast, Pace::RealTime, Pace::Fast] {
        let outcome = run_again(&kept, AS_IT_WAS, pace).await;
        assert!(outcome.is_same(), "{pace:?}: {outcome:?}");
        assert!(outcome.events > 20 && outcome.lasts >= Duration::from_secs(2), "{outcome:?}");
        assert_eq!((outcome.unknown_questions, outcome.summary.ending), (0, Ending::Left));
    }
    let events = std::fs::read_to_string(kept.join("events.jsonl")).unwrap();
    for what in ["wait", "Draining", "silent", "speaks"] {
        assert!(events.contains(what), "{what} is not in {events}");
    }
    // An agent that does something else is found out, and where.
    let other = run_again(&kept, Duration::from_millis(170), Pace::Fast).await;
    let difference = other.difference.expect("it differs");
    assert!(difference.at < Duration::from_secs(1) && difference.before != difference.now, "{difference:?}");
    std::fs::remove_dir_all(folder).ok();
}

/// Keeps of a file's lines those whose number under this name is no larger.
fn cut_lines(path: &Path, name: &str, most: f64) {
    let text = std::fs::read_to_string(path).unwrap();
    let is_kept =
        |line: &&str| serde_json::from_str::<serde_json::Value>(line).unwrap()[name].as_f64().unwrap() <= most;
    let kept: String = text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    assert!(kept.len() < text.len());
    std::fs::write(path, kept).unwrap();
}

/// What a program leaves that was killed after 75 steps, and one that was killed while it wrote.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_breaks_off_is_run_as_far_as_it_goes() {
    let folder = folder();
    let kept = folder.join("kept");
    keep(&kept).await;
    for (file, rate) in [("heard.wav", 16_000), ("said.wav", 24_000)] {
        let sound = Sound::read(&kept.join(file)).unwrap();
        wav::write(&kept.join(file), sound.rate, 1, &sound.samples[..75 * rate / 50]).unwrap();
    }
    cut_lines(&kept.join("events.jsonl"), "at_s", 1.5);
    cut_lines(&kept.join("inputs.jsonl"), "step", 75.0);
    let outcome = run_again(&kept, AS_IT_WAS, Pace::Fast).await;
    assert!(outcome.is_same() && outcome.summary.ending == Ending::Left, "{:?}", outcome.difference);
    for (file, share) in [("heard.wav", 0.5), ("said.wav", 0.5), ("events.jsonl", 0.4), ("inputs.jsonl", 0.3)] {
        let bytes = std::fs::read(kept.join(file)).unwrap();
        let length = (bytes.len() as f64 * share) as usize;
        std::fs::write(kept.join(file), &bytes[..length]).unwrap();
    }
    let outcome = run_again(&kept, AS_IT_WAS, Pace::Fast).await;
    assert_eq!(outcome.summary.ending, Ending::Left);
    std::fs::remove_dir_all(folder).ok();
}

/// Blocks a thread for longer than it stays, and writes down what its own clock says meanwhile.
struct Blocker;

#[async_trait]
impl Agent for Blocker {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let blocked = tokio::task::spawn_blocking(move || held.recv().ok());
        let mut due = Instant::now();
        loop {
            tokio::select! {
                biased;
                input = room.next() => if input.is_none() { break },
                () = sleep_until(due) => {
                    due += Duration::from_millis(33);
                    room.notes.write(format!("{:?}", room.now()));
                }
            }
        }
        drop(release);
        blocked.await.ok();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_blocks_stops_neither_its_clock_nor_the_session() {
    let folder = folder();
    let recorder = Recorder::create(&folder.join("kept"), "blocker", &Table::new()).unwrap();
    let handle = console().begin_recorded(Box::new(Blocker), recorder).unwrap();
    heard(&handle, 50).await;
    handle.leave();
    let summary = handle.ended().await;
    assert_eq!((summary.ending, summary.agent_error), (Ending::Left, None));
    let events = std::fs::read_to_string(folder.join("kept/events.jsonl")).unwrap();
    for n in 1..30 {
        let at = Duration::from_millis(33 * n);
        assert!(events.contains(&format!("{{\"text\":\"{at:?}\"}}")), "{at:?} is missing in\n{events}");
    }
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_recordings_are_named_in_a_line() {
    let folder = folder();
    let fails = |folder: PathBuf| match Recording::open(&folder) {
        Ok(recording) => recording.replay(None).map(drop).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(fails(folder.join("none")).contains("session.toml"));
    let kept = folder.join("kept");
    keep(&kept).await;
    let again = Recorder::create(&kept, "fickle", &Table::new()).unwrap_err().to_string();
    assert!(again.contains("holds a recording already"), "{again}");
    for (file, text, wanted) in [
        (
            "answers.jsonl",
            "{\"to\":7,\"step\":1,\"item\":\"restarts\"}\n",
            "answers.jsonl:1: it answers what was not asked",
        ),
        ("answers.jsonl", "nonsense\n", "answers.jsonl:1"),
        ("session.toml", "agent = 1\n", "session.toml"),
    ] {
        std::fs::write(kept.join(file), text).unwrap();
        let why = fails(kept.clone());
        assert!(why.contains(wanted) && why.lines().count() == 1, "{why}");
    }
    // What is somebody else's is neither written over nor removed.
    let others = folder.join("others");
    std::fs::create_dir_all(&others).unwrap();
    std::fs::write(others.join("events.jsonl"), "mine").unwrap();
    let why = Recorder::create(&others, "fickle", &Table::new()).unwrap_err().to_string();
    assert!(why.contains("events.jsonl"), "{why}");
    assert_eq!(std::fs::read_to_string(others.join("events.jsonl")).unwrap(), "mine");
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn the_program_keeps_a_session_and_runs_it_again() {
    let folder = folder();
    let kept = folder.join("kept");
    let run = |args: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_roomtone")).args(args).output().unwrap();
        (program.status.code(), String::from_utf8_lossy(&program.stdout).into_owned())
    };
    let path = kept.to_str().unwrap();
    let (code, said) =
        run(&["console", "--agent", "echo", "--set", "mixed=false", "--input-file", SPEECH, "--record", path]);
    assert_eq!(code, Some(0), "{said}");
    let again = folder.join("again");
    let again = again.to_str().unwrap();
    for args in [&["replay", path, "--keep", again][..], &["replay", again, "--speed", "real-time"]] {
        let (code, said) = run(args);
        assert!(code == Some(0) && said.starts_with("the same: "), "{said}");
    }
    // The way through the session takes no sample more or less: what an echo heard in a step is heard of it in the same.
    let sound = |name: &str| Sound::read(&kept.join(name)).unwrap();
    let (heard, said) = (sound("heard.wav"), sound("said.wav"));
    assert_eq!(heard.rate, said.rate);
    assert!(heard.samples == said.samples && heard.samples.iter().any(|sample| *sample != 0));
    // What cannot begin leaves nothing behind.
    let none = folder.join("none");
    let (code, _) =
        run(&["console", "--agent", "echo", "--input-file", "nowhere.wav", "--record", none.to_str().unwrap()]);
    assert!(code == Some(3) && !none.exists());
    // With another event in it, it is another session.
    let events = std::fs::read_to_string(kept.join("events.jsonl")).unwrap();
    std::fs::write(kept.join("events.jsonl"), events.replacen("peer", "pear", 1)).unwrap();
    let (code, said) = run(&["replay", path, "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["same"]), (Some(5), &false.into()), "{said}");
    std::fs::remove_dir_all(folder).ok();
}
