//! `roomtone engines`: what understands speech here, and how it gets here; `roomtone erase`.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    ErrorCode, Failure,
    args::{EnginesArgs, EnginesCommand, EraseArgs, InstallArgs},
    explain, say, say_json,
};
use crate::{
    archive::erase,
    conversation::SpeechToText,
    speech::{
        self,
        engines::{
            ENGINES, Engine, EngineConfig, Folder, Installer, Job, Opened, open_detector, open_turn_listener,
            unopened_voice,
        },
        voices,
    },
};

pub(super) async fn run(args: EnginesArgs) -> Result<(), Failure> {
    let folder = Folder::of_user();
    match args.command.unwrap_or(EnginesCommand::List) {
        EnginesCommand::List => list(&folder, args.json),
        EnginesCommand::Install(install) => self::install(folder, install, args.json).await,
        EnginesCommand::Check { names } => check_all(&folder, &names, args.json).await,
        EnginesCommand::Remove { names } => remove(&folder, &names),
    }
}

fn list(folder: &Folder, as_json: bool) -> Result<(), Failure> {
    if !as_json {
        say(&format_args!(
            "{:<13}{:<14}{:<19}{:<10}{:<8}{:<12}what it is",
            "engine", "state", "licence", "languages", "MB", "speed here"
        ));
    }
    for engine in &ENGINES {
        let place = folder.of(engine);
        let state = match (engine.is_installable(), &place) {
            (false, _) => "there",
            (true, Some(_)) => "installed",
            (true, None) => "not installed",
        };
        let factor = place.as_deref().and_then(measured);
        if as_json {
            say_json(&json!({
                "name": engine.name, "state": state, "version": engine.version, "licence": engine.licence,
                "languages": engine.languages, "megabytes": engine.megabytes, "about": engine.about,
                "real_time_factor": factor, "folder": place,
            }));
            continue;
        }
        let speed = factor.map_or("-".to_owned(), |factor| format!("{:.0}x", 1.0 / factor));
        let size = if engine.megabytes == 0 { "-".to_owned() } else { engine.megabytes.to_string() };
        say(&format_args!(
            "{:<13}{state:<14}{:<19}{:<10}{size:<8}{speed:<12}{}",
            engine.name, engine.licence, engine.languages, engine.about
        ));
    }
    if !as_json {
        say(&format_args!("\nThey are installed in {}.", folder.path().display()));
    }
    Ok(())
}

async fn install(folder: Folder, args: InstallArgs, as_json: bool) -> Result<(), Failure> {
    let engines = find_all(&args.names)?;
    let installer = Installer { from: args.from, again: args.again, ..Installer::new(folder.clone()) };
    for engine in engines {
        let place = installer
            .install(engine)
            .await
            .map_err(|error| Failure::new(ErrorCode::Engine, format!("engine {}: {error}", engine.name)))?;
        if !as_json {
            say(&format_args!("{} {} is in {}", engine.name, engine.version, place.display()));
        }
        check(&folder, engine, as_json).await?;
    }
    Ok(())
}

async fn check_all(folder: &Folder, names: &[String], as_json: bool) -> Result<(), Failure> {
    let engines = match names.is_empty() {
        true => ENGINES.iter().filter(|engine| folder.of(engine).is_some()).collect(),
        false => find_all(names)?,
    };
    if engines.is_empty() {
        explain(&"no engine is installed; `roomtone engines install moonshine` puts one there");
    }
    for engine in engines {
        check(folder, engine, as_json).await?;
    }
    Ok(())
}

/// Lets an engine understand the sentence, and writes down how fast it was.
async fn check(folder: &Folder, engine: &'static Engine, as_json: bool) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(ErrorCode::Engine, format!("engine {}: {why}", engine.name));
    let (heard, factor) = match engine.job {
        Job::Text => understand(folder, engine).await.map_err(failed)?,
        Job::Voice => (String::new(), speak(folder, engine).await.map_err(failed)?),
        Job::Turn => (String::new(), judge(folder, engine).await.map_err(failed)?),
        Job::Activity => (String::new(), detect(folder, engine).map_err(failed)?),
    };
    if let Some(place) = folder.of(engine) {
        // A folder that others own is measured again the next time.
        fs::write(place.join(MEASURED), json!({ "real_time_factor": factor }).to_string()).ok();
    }
    if as_json {
        say_json(&json!({ "engine": engine.name, "heard": heard, "real_time_factor": factor }));
        return Ok(());
    }
    if !heard.is_empty() {
        say(&format_args!("{} heard: {heard}", engine.name));
    }
    let whose = if engine.job == Job::Voice { "that it speaks" } else { "that somebody speaks" };
    say(&format_args!("{} takes {:.1} % of the time {whose}, on one core", engine.name, factor * 100.0));
    Ok(())
}

/// The contract that every engine keeps; then the sentence once more, for the time it takes.
async fn understand(folder: &Folder, engine: &'static Engine) -> Result<(String, f64), String> {
    let opened = Opened::new(&EngineConfig::named(engine.name), folder)?;
    let work = move || {
        let mut worker = opened.worker().map_err(|error| error.to_string())?;
        let heard = speech::check_worker(&mut *worker).map_err(|error| error.to_string())?;
        let utterance = crate::conversation::Spoken::whole(speech::sentence());
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            worker.transcribe(&utterance).map_err(|error| error.to_string())?;
            best = best.min(begun.elapsed());
        }
        Ok((heard.text, best.as_secs_f64() / utterance.duration().as_secs_f64()))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| "it panicked".to_owned())?
}

/// The contract that every voice keeps; then a sentence once more, for the time it takes.
async fn speak(folder: &Folder, engine: &'static Engine) -> Result<f64, String> {
    let voice = unopened_voice(&EngineConfig::named(engine.name), folder)?;
    voices::check_voice(&*voice).await.map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let sample = voices::say(&*voice, "a sentence", voices::SENTENCE).await;
    let sample = sample.map_err(|error| error.to_string())?;
    Ok(begun.elapsed().as_secs_f64() / sample.lasts().as_secs_f64().max(0.1))
}

/// A sentence sounds finished at its end and not in its middle.
async fn judge(folder: &Folder, engine: &Engine) -> Result<f64, String> {
    let listener = open_turn_listener(engine.name, folder)?;
    let sentence = speech::sentence();
    let begun = Instant::now();
    let whole = listener.finished(sentence.into()).await;
    let took = begun.elapsed();
    let half = listener.finished(sentence[..48_000].into()).await;
    match (whole, half) {
        (Some(whole), Some(half)) if whole > 0.6 && half < 0.4 => {
            Ok(took.as_secs_f64() / crate::conversation::Spoken::whole(sentence).duration().as_secs_f64())
        }
        _ => Err(format!("it takes a whole sentence for finished by {whole:?}, and the half of it by {half:?}")),
    }
}

/// Speech is heard as speech, and silence as none.
fn detect(folder: &Folder, engine: &Engine) -> Result<f64, String> {
    let mut detector = open_detector(engine.name, folder)?();
    let length = detector.block_samples();
    let begun = Instant::now();
    let share = |detector: &mut Box<dyn crate::conversation::listening::VoiceActivity>, samples: &[i16]| {
        let blocks = samples.chunks_exact(length);
        let all = blocks.len() as f64;
        blocks.filter(|block| detector.probability(block) >= 0.5).count() as f64 / all
    };
    let spoken = share(&mut detector, speech::sentence());
    let took = begun.elapsed();
    detector.reset();
    let silent = share(&mut detector, &[0; 32_000]);
    if spoken < 0.6 || silent > 0.0 {
        return Err(format!(
            "it heard {:.0} % of speech and {:.0} % of silence as speech",
            spoken * 100.0,
            silent * 100.0
        ));
    }
    let lasts = crate::conversation::Spoken::whole(speech::sentence()).duration();
    Ok(took.as_secs_f64() / lasts.as_secs_f64())
}

fn remove(folder: &Folder, names: &[String]) -> Result<(), Failure> {
    for engine in find_all(names)? {
        let was_there = folder.remove(engine).map_err(|error| Failure::new(ErrorCode::Engine, error.to_string()))?;
        let what = if was_there { "is removed" } else { "was not installed" };
        say(&format_args!("{} {what}", engine.name));
    }
    Ok(())
}

fn find_all(names: &[String]) -> Result<Vec<&'static Engine>, Failure> {
    let find = |name: &String| {
        Engine::find(name).ok_or_else(|| {
            let known: Vec<&str> = ENGINES.iter().map(|engine| engine.name).collect();
            Failure::new(ErrorCode::Engine, format!("there is no engine {name:?}; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn measured(place: &Path) -> Option<f64> {
    let text = fs::read(place.join(MEASURED)).ok()?;
    serde_json::from_slice::<serde_json::Value>(&text).ok()?["real_time_factor"].as_f64().filter(|factor| *factor > 0.0)
}

pub(super) fn erase(args: &EraseArgs) -> Result<(), Failure> {
    let erased = match (&args.room, &args.person) {
        (Some(room), _) => erase::room(&args.folder, room),
        (None, Some(person)) => erase::person(&args.folder, person),
        (None, None) => return Ok(()),
    };
    let erased = erased.map_err(|error| Failure::new(ErrorCode::File, error.to_string()))?;
    say(&format_args!("{} files and {} lines are erased in {}", erased.files, erased.lines, args.folder.display()));
    Ok(())
}

/// Beside an engine's files: how fast it was here.
const MEASURED: &str = "measured.json";
