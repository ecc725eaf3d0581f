//! Where engines lie.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use super::{Engine, Source, files};

/// The folder of engines: `engines` in the user's data folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Folder(PathBuf);

impl Folder {
    /// The user's: in what `ROOMTONE_DATA` names, or else in `roomtone` of `XDG_DATA_HOME` or `~/.local/share`; in
    /// `/var/lib/roomtone` for a user that has no home.
    pub fn of_user() -> Folder {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = set(DATA_ENV)
            .or_else(|| Some(set("XDG_DATA_HOME")?.join("roomtone")))
            .or_else(|| Some(set("HOME")?.join(".local/share/roomtone")))
            .unwrap_or_else(|| PathBuf::from("/var/lib/roomtone"));
        Folder(std::path::absolute(&data).unwrap_or(data).join("engines"))
    }

    /// Another one.
    pub fn new(path: impl Into<PathBuf>) -> Folder {
        Folder(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where an engine's files are, if it is installed.
    pub fn of(&self, engine: &Engine) -> Option<PathBuf> {
        let folder = self.place(engine);
        folder.join(MARK).is_file().then_some(folder)
    }

    /// Where an engine's files go.
    pub(super) fn place(&self, engine: &Engine) -> PathBuf {
        self.0.join(engine.folder_name())
    }

    /// The same, or what is missing.
    ///
    /// # Errors
    /// A line that says what to do.
    pub(super) fn installed(&self, engine: &Engine) -> Result<PathBuf, String> {
        let folder = self.of(engine).ok_or_else(|| {
            format!(
                "the engine {0} is not installed in {1}; `roomtone engines install {0}` does that",
                engine.name,
                self.0.display()
            )
        })?;
        if let Source::Wheels { files, .. } = engine.source {
            files::look(&folder, files).map_err(|damaged| {
                format!("{damaged}; `roomtone engines install --again {}` puts it right", engine.name)
            })?;
        }
        Ok(folder)
    }

    /// Removes an engine. Says whether it was there.
    ///
    /// # Errors
    /// An I/O error that names the folder.
    pub fn remove(&self, engine: &Engine) -> io::Result<bool> {
        let folder = self.place(engine);
        match fs::remove_dir_all(&folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(crate::files::named(&folder, "cannot be removed", &error)),
        }
    }
}

/// The environment variable that names the data folder.
pub const DATA_ENV: &str = "ROOMTONE_DATA";
/// The file that says that an engine is whole.
pub(super) const MARK: &str = "installed.json";
