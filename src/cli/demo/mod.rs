//! `roomtone demo`: a person speaks a recording in a room on this machine, an agent hears it for real, and what came
//! of it is written down.

mod report;
mod scene;
mod timeline;
pub(super) mod transcript;
mod turns;
mod waveform;

use std::{
    fs,
    io::{BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{ErrorCode, Failure, agents, args::DemoArgs, say};
use crate::{
    agent::Registry,
    audio::{
        BLOCK, Hz, Sound,
        compare::{self, Likeness},
        wav,
    },
    session::Counters,
    speech,
    stats::LatencyCounts,
    text, units,
};
use scene::{Cue, Scene};

pub(super) async fn run(registry: &Registry, args: DemoArgs) -> Result<(), Failure> {
    let builtin = agents::find(registry, args.agent.as_deref())?;
    let agent = agents::make(builtin, &args.options).await?;
    let (name, cues) = cues(&args.input)?;
    let lasts = cues.iter().map(|cue| cue.sound.duration()).sum();
    fs::create_dir_all(&args.out).map_err(|error| cannot_write(&args.out, &error))?;
    let subtitles = transcript::Subtitles::default();
    let progress = show_progress(lasts, subtitles.clone());
    let scene = scene::play(agent, cues, subtitles).await;
    drop(progress);
    let scene = scene?;
    let files = Files::new(&args.out);
    write_sound(&scene, &files)?;
    write_events(&scene, &files.events)?;
    transcript::write(&scene.captions, &args.out).map_err(|error| cannot_write(&args.out, &error))?;
    let likeness = likeness(&scene);
    let facts = facts(builtin.name(), &name, &scene, likeness);
    let html = report::html(builtin.name(), &scene, &facts);
    fs::write(&files.report, html).map_err(|error| cannot_write(&files.report, &error))?;
    for (fact, value) in &facts {
        say(&format_args!("{fact:<10} {value}"));
    }
    say(&format_args!("{:<10} {}", "report", files.report.display()));
    Failure::unless_regular(&scene.summary)
}

/// What the person says, and what that is called.
fn cues(inputs: &[String]) -> Result<(String, Vec<Cue>), Failure> {
    if inputs.is_empty() {
        let sound = Sound { samples: speech::sentence().to_vec(), rate: Hz::K16 };
        return Ok(("a person reading".to_owned(), vec![Cue { sound, into: None }]));
    }
    let (mut names, mut cues, mut left) = (Vec::new(), Vec::new(), LONGEST_SPEECH);
    for input in inputs {
        let (path, into) = cue(input)?;
        let read = Sound::read_beginning(&path, left);
        let (sound, is_whole) = read.map_err(|error| Failure::new(ErrorCode::SoundFile, error.to_string()))?;
        left = left.saturating_sub(sound.duration());
        let part = if is_whole { "" } else { ", of which a demo takes no more" };
        names.push(format!("{}{part}", path.file_name().unwrap_or_default().to_string_lossy()));
        cues.push(Cue { sound, into });
    }
    Ok((names.join(", "), cues))
}

/// A file, and how long after the agent has begun to speak it is said, as in `wait.wav@2s`.
fn cue(input: &str) -> Result<(PathBuf, Option<Duration>), Failure> {
    let whole = Path::new(input);
    match input.rsplit_once('@') {
        Some((path, into)) if !whole.exists() => {
            let into = units::parse_duration(into).map_err(|text| Failure::new(ErrorCode::Flag, text))?;
            Ok((path.into(), Some(into)))
        }
        _ => Ok((whole.into(), None)),
    }
}

/// A line that shows that it goes on, on a terminal only; it is gone with what this gives.
fn show_progress(said: Duration, subtitles: transcript::Subtitles) -> Option<Progress> {
    let is_seen = std::io::stderr().is_terminal();
    is_seen.then(|| {
        let begun = Instant::now();
        Progress(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let (at, whole) = (begun.elapsed().as_secs_f64(), said.as_secs_f64());
                let newest = text::printable(&subtitles.newest(), PROGRESS_CHARS);
                write!(std::io::stderr(), "\r\x1b[K{at:.0} s; the person speaks for {whole:.0} s {newest}").ok();
            }
        }))
    })
}

struct Progress(tokio::task::JoinHandle<()>);

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.abort();
        write!(std::io::stderr(), "\r\x1b[K").ok();
    }
}

/// What is left behind.
struct Files {
    reply: PathBuf,
    person: PathBuf,
    agent: PathBuf,
    room: PathBuf,
    events: PathBuf,
    report: PathBuf,
}

impl Files {
    fn new(folder: &Path) -> Files {
        let file = |name| folder.join(name);
        Files {
            reply: file("reply.wav"),
            person: file(report::PERSON),
            agent: file(report::AGENT),
            room: file("room.wav"),
            events: file("events.jsonl"),
            report: file("report.html"),
        }
    }
}

/// The reply by itself, each voice on the scene's time line, and both side by side, the person left and the agent right.
fn write_sound(scene: &Scene, files: &Files) -> Result<(), Failure> {
    let (person, agent) = (&scene.person.samples, &scene.agent.samples);
    let spoken = |sample: &i16| *sample != 0;
    let start = agent.iter().position(spoken).unwrap_or(0);
    let end = agent.iter().rposition(spoken).map_or(start, |last| last + 1);
    write_wav(&files.reply, scene.agent.rate, 1, &agent[start..end])?;
    let length = person.len().max(agent.len());
    let at = |samples: &[i16], n: usize| samples.get(n).copied().unwrap_or(0);
    let both: Vec<i16> = (0..length).flat_map(|n| [at(person, n), at(agent, n)]).collect();
    write_wav(&files.person, scene.agent.rate, 1, person)?;
    write_wav(&files.agent, scene.agent.rate, 1, agent)?;
    write_wav(&files.room, scene.agent.rate, 2, &both)
}

fn write_wav(path: &Path, rate: Hz, channels: u16, samples: &[i16]) -> Result<(), Failure> {
    wav::write(path, rate, channels, samples).map_err(|error| Failure::new(ErrorCode::File, error.to_string()))
}

fn write_events(scene: &Scene, path: &Path) -> Result<(), Failure> {
    let write = || {
        let mut file = BufWriter::new(fs::File::create(path)?);
        for event in &scene.events {
            serde_json::to_writer(&mut file, event)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().map_err(|error: std::io::Error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        ErrorCode::File,
        format!("{} cannot be written ({error}); choose another folder with --out", path.display()),
    )
}

/// How the reply is like what the person said, for agents that say it back.
fn likeness(scene: &Scene) -> Option<Likeness> {
    let longest = scene.agent.rate.samples_in(LONGEST_REPLY_DELAY);
    compare::find(&scene.person.samples, &scene.agent.samples, longest).filter(|found| found.correlation > ALIKE)
}

/// What the table says, in print and in the report.
fn facts(agent: &str, input: &str, scene: &Scene, likeness: Option<Likeness>) -> Vec<(&'static str, String)> {
    let rate = scene.agent.rate;
    let seconds = |samples: usize| format!("{:.2} s", rate.duration_of(samples as u64).as_secs_f64());
    let said = scene.agent.samples.iter().filter(|sample| **sample != 0).count();
    let reply = match said {
        0 => "none".to_owned(),
        _ => format!("{} of sound, at {rate}", seconds(said)),
    };
    let ms = |time: Option<Duration>| match time {
        Some(time) => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        None => "never".to_owned(),
    };
    let mut facts = vec![
        ("agent", agent.to_owned()),
        ("person", format!("{input}, {:.2} s", scene.said.as_secs_f64())),
        ("joined", format!("{} after it was asked for", ms(scene.joined_after))),
        ("heard", format!("{} after the person began", ms(scene.heard_after))),
        ("reply", reply),
    ];
    if let Some(found) = likeness {
        let delay = rate.duration_of(found.delay_samples as u64).as_secs_f64() * 1e3;
        facts.push(("delay", format!("{delay:.1} ms from mouth to ear, correlation {:.4}", found.correlation)));
        facts.push(("of which", delay_parts(delay, scene)));
    }
    let heard: Vec<_> = scene.captions.iter().filter(|caption| !scene.is_agents(caption)).collect();
    if !heard.is_empty() {
        let words: usize = heard.iter().map(|caption| caption.text.split_whitespace().count()).sum();
        let lost = heard.iter().filter(|caption| !caption.is_final()).count();
        let lost = if lost == 0 { String::new() } else { format!(", {lost} not understood to their end") };
        facts.push(("heard say", format!("{words} words in {}{lost}", text::count(heard.len(), "utterance"))));
        facts.extend(
            speech::measures().iter().filter(|engine| engine.finals > 0).map(|engine| ("engine", engine_line(engine))),
        );
    }
    facts.extend(turns::line(&scene.turns).map(|line| ("turns", line)));
    facts.push(("session", scene.summary.counters_line()));
    facts.push(("ending", scene.summary.how()));
    facts
}

/// What the time from mouth to ear is made of.
fn delay_parts(delay_ms: f64, scene: &Scene) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mean = |counts: &LatencyCounts| ms(counts.mean().unwrap_or_default());
    let Counters { to_agent, to_socket, .. } = &scene.summary.counters;
    let (frame, filters, agent, socket) = (ms(BLOCK), ms(scene.filters), mean(to_agent), mean(to_socket));
    let rest = delay_ms - frame - filters - agent - socket;
    format!(
        "{frame:.1} ms until a frame is full, {filters:.1} ms filters, {agent:.1} ms to the agent, {socket:.1} ms from it to its \
         packet, {rest:.1} ms the sandbox's timers and sockets"
    )
}

/// How an engine did.
fn engine_line(engine: &speech::EngineMeasures) -> String {
    let mean = |counts: &LatencyCounts| counts.mean().unwrap_or_default().as_secs_f64() * 1e3;
    format!(
        "{}: final text {:.0} ms after the end of the activity ({:.0} ms queued), {:.1} % of real time, {} partials, {} shed",
        engine.name,
        mean(&engine.to_final),
        mean(&engine.queue),
        engine.real_time_factor().unwrap_or(0.0) * 100.0,
        engine.partials,
        engine.shed_partials,
    )
}

/// What a terminal shows of the newest words beside how far it is.
const PROGRESS_CHARS: usize = 40;
/// The picture of more could not be read; and the demo lasts as long as the person speaks, in memory for both sides.
const LONGEST_SPEECH: Duration = Duration::from_secs(300);
/// How long after the person a reply that says the same is looked for.
const LONGEST_REPLY_DELAY: Duration = Duration::from_secs(2);
/// From which correlation on the reply counts as the person's own words.
const ALIKE: f64 = 0.5;
