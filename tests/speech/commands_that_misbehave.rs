//! Programs as engines, in everything that they can do wrong: each costs at most its utterance, and is told in a line.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use roomtone::{
    conversation::{EngineError, Languages},
    speech::{Job, Pool, PoolSettings, command::Command},
};

/// Python, wherever it is; a machine without it has no such programs.
pub(crate) fn python() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("python3")).find(|path| path.is_file());
    // The interpreter itself, and no script that finds one.
    let itself = |python: PathBuf| {
        let output =
            std::process::Command::new(python).args(["-I", "-c", "import sys; print(sys.executable)"]).output();
        PathBuf::from(String::from_utf8(output.unwrap().stdout).unwrap().trim())
    };
    let found = found.map(itself);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "in CI no test of speech is skipped");
        eprintln!("skipped: there is no python3");
    }
    found
}

async fn start(python: &Path, how: &str, note: Option<&Path>) -> Result<Pool, EngineError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/speech/bad_worker.py");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut program = vec![text(python), "-I".into(), text(&script), how.into()];
    program.extend(note.map(text));
    let mut command = Command::new(&format!("bad-{how}"), program, Languages::english());
    command.most_memory_bytes = 2 << 30;
    Pool::start(command, &PoolSettings::default()).await
}

/// Asks about half a second, with so much time.
async fn ask(pool: &Pool, within: Duration) -> Result<String, EngineError> {
    let job = Job::new(vec![100; 8_000].into(), true, None, Instant::now() + within);
    pool.ask(job).await.map(|answer| answer.heard.text)
}

const LONG: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_is_said_and_the_next_utterance_finds_a_new_one() {
    let Some(python) = python() else { return };
    let cases = [
        ("dies", "it ended with exit status: 9"),
        ("garbage", "not what the protocol says"),
        ("other-id", "something that it was not asked"),
        ("floods", "a line of more than 262144 bytes"),
        ("bytes", "not UTF-8"),
    ];
    for (how, said) in cases {
        let pool = start(&python, how, None).await.unwrap();
        for _ in 0..2 {
            let error = ask(&pool, LONG).await.unwrap_err();
            assert!(matches!(&error, EngineError::Broken(why) if why.contains(said)), "{how}: {error:?}");
        }
        // The sentence is understood all the same, by a program that was started for it.
        let sentence = Job::new(roomtone::speech::sentence().into(), true, None, Instant::now() + LONG);
        assert!(pool.ask(sentence).await.unwrap().heard.text.contains("dashwood"), "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_is_killed_at_its_deadline() {
    let Some(python) = python() else { return };
    let pool = start(&python, "hangs", None).await.unwrap();
    let error = ask(&pool, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, EngineError::Late | EngineError::Broken(_)), "{error:?}");
    let sentence = Job::new(roomtone::speech::sentence().into(), true, None, Instant::now() + LONG);
    assert!(pool.ask(sentence).await.unwrap().heard.text.contains("dashwood"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_begin_says_why() {
    let Some(python) = python() else { return };
    for (how, said) in [
        ("dies-at-once", "it said: there is no model in here"),
        ("not-ready", "its first line does not say that it is ready"),
        ("wants-memory", "MemoryError"),
    ] {
        let error = start(&python, how, None).await.unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{how}: {error}");
    }
    let missing = Command::new("missing", vec!["/nowhere/worker".into()], Languages::Any);
    let error = Pool::start(missing, &PoolSettings::default()).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/worker cannot be started"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sees_nothing_of_our_environment() {
    let Some(python) = python() else { return };
    let pool = start(&python, "tells-environment", None).await.unwrap();
    let seen = ask(&pool, LONG).await.unwrap();
    // What Python sets by itself, for text.
    assert!(["nothing", "LC_CTYPE"].contains(&seen.as_str()), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_times_is_believed_only_where_it_can_be() {
    let Some(python) = python() else { return };
    let pool = start(&python, "wild-words", None).await.unwrap();
    let job = Job::new(vec![100; 8_000].into(), true, None, Instant::now() + LONG);
    let heard = pool.ask(job).await.unwrap().heard;
    assert!(heard.words.is_empty() && heard.text.contains("dashwood"));
    let pool = start(&python, "cannot", None).await.unwrap();
    let error = ask(&pool, LONG).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Failed(why) if !why.contains("this one")),
        "what it says is private: {error}"
    );
}

/// What it has started ends with it, and it ends with the pool.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_it_is_left_behind() {
    let Some(python) = python() else { return };
    let note = std::env::temp_dir().join(format!("roomtone-child-{}", std::process::id()));
    let pool = start(&python, "leaves-a-child", Some(&note)).await.unwrap();
    ask(&pool, LONG).await.unwrap_err();
    let child = std::fs::read_to_string(&note).unwrap();
    let is_there = || Path::new("/proc").join(child.trim()).join("environ").exists() && !is_zombie(child.trim());
    let deadline = Instant::now() + LONG;
    while is_there() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!is_there(), "process {child} is left behind");
    std::fs::remove_file(&note).unwrap();
}

fn is_zombie(process: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('Z'))
}
