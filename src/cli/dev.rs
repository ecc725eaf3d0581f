//! `roomtone dev`: watches a project's sources, builds them, and puts the new program in the place of the running one. While
//! something does not compile the old one goes on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use serde::Deserialize;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{ErrorCode, Failure, args::DevArgs, explain, signals::Endings};

pub(super) async fn run(args: DevArgs) -> Result<(), Failure> {
    let mut endings = Endings::listen();
    let project = Project::find().await?;
    let mut running: Option<Child> = None;
    let mut seen = None;
    loop {
        let newest = project.newest();
        if seen != Some(newest) {
            seen = Some(newest);
            if let Some(program) = project.build().await? {
                let built = Instant::now();
                if let Some(old) = running.take() {
                    stop(old).await;
                }
                running = Some(start(&program, &args.run)?);
                let took = built.elapsed().as_millis();
                explain(&format_args!("dev: {} runs, {took} ms after it was built", program.display()));
            } else if running.is_some() {
                explain(&"dev: it does not compile; the program before goes on");
            }
        }
        tokio::select! {
            _ = endings.next() => break,
            ended = ended(&mut running) => {
                running = None;
                explain(&format_args!("dev: the program has ended ({ended}); a change starts it again"));
            }
            () = sleep(LOOK) => {}
        }
    }
    if let Some(running) = running {
        stop(running).await;
    }
    Ok(())
}

/// How the program ended by itself; for ever where none runs.
async fn ended(running: &mut Option<Child>) -> String {
    match running {
        Some(child) => child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string()),
        None => std::future::pending().await,
    }
}

fn start(program: &Path, args: &[String]) -> Result<Child, Failure> {
    let plain = ["console".to_owned(), "--plain".to_owned()];
    let args = if args.is_empty() { &plain[..] } else { args };
    let child = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).spawn();
    child.map_err(|error| Failure::new(ErrorCode::Project, format!("{} does not start: {error}", program.display())))
}

/// Lets it leave its room, and ends it if it does not.
async fn stop(mut child: Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        rustix::process::kill_process(id, rustix::process::Signal::INT).ok();
    }
    if timeout(GOODBYE, child.wait()).await.is_err() {
        child.kill().await.ok();
    }
}

/// A cargo project.
struct Project {
    manifest: PathBuf,
}

/// What cargo says of something that it has built.
#[derive(Deserialize)]
struct Built {
    manifest_path: Option<PathBuf>,
    executable: Option<PathBuf>,
}

impl Project {
    /// The one in which we are.
    async fn find() -> Result<Project, Failure> {
        let located = cargo().args(["locate-project", "--message-format", "plain"]).output().await;
        let located =
            located.map_err(|error| Failure::new(ErrorCode::Project, format!("cargo does not start: {error}")))?;
        if !located.status.success() {
            let advice = "go into your project; `new` makes one";
            return Err(Failure::new(ErrorCode::Project, format!("there is no Cargo.toml here or above; {advice}")));
        }
        Ok(Project { manifest: PathBuf::from(String::from_utf8_lossy(&located.stdout).trim()) })
    }

    /// When anything in it was changed last.
    fn newest(&self) -> SystemTime {
        let folder = self.manifest.parent().unwrap_or(Path::new("."));
        let mut newest = modified(&self.manifest);
        let mut folders = vec![folder.join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                newest = newest.max(modified(&path));
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                }
            }
        }
        newest
    }

    /// Builds it; `None` if it does not compile, which cargo has said on the terminal then.
    async fn build(&self) -> Result<Option<PathBuf>, Failure> {
        let build = cargo()
            .args(["build", "--message-format", "json-render-diagnostics", "--manifest-path"])
            .arg(&self.manifest)
            .stderr(Stdio::inherit())
            .output()
            .await;
        let build =
            build.map_err(|error| Failure::new(ErrorCode::Project, format!("cargo does not start: {error}")))?;
        if !build.status.success() {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&build.stdout);
        let built = said.lines().filter_map(|line| serde_json::from_str::<Built>(line).ok());
        let program =
            built.filter(|built| built.manifest_path.as_ref() == Some(&self.manifest)).find_map(|it| it.executable);
        let none = || {
            Failure::new(
                ErrorCode::Project,
                format!("{} has no program; it needs a src/main.rs", self.manifest.display()),
            )
        };
        program.map(Some).ok_or_else(none)
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.stdin(Stdio::null());
    cargo
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// How often the sources are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long a program may take to leave its room.
const GOODBYE: Duration = Duration::from_secs(3);
