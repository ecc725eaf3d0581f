//! What is too old is removed, and what a disk that is nearly full takes no more.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use super::recording::INDEX;

/// Removes the files in `folder` and in those within that were changed longer ago than `keep`, and folders that are empty
/// then. Gives how many files.
///
/// # Errors
/// What the disk refuses, with the folder. A file that somebody else removes meanwhile is no error.
pub fn remove_older(folder: &Path, keep: Duration, now: SystemTime) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(crate::files::named(folder, "cannot be read", &error)),
    };
    let (mut removed, mut kept, mut index) = (0, 0, None);
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if kind.is_dir() {
            removed += remove_older(&path, keep, now)?;
            // It stays where something is in it.
            fs::remove_dir(&path).ok();
        } else if path.file_name().is_some_and(|name| name == INDEX) {
            index = Some(entry);
        } else if kind.is_file() && is_older(&entry, keep, now) && fs::remove_file(&path).is_ok() {
            removed += 1;
        } else {
            kept += 1;
        }
    }
    // An index is of use as long as what it is about.
    if let Some(index) = index.filter(|index| kept == 0 && is_older(index, keep, now)) {
        removed += usize::from(fs::remove_file(index.path()).is_ok());
    }
    Ok(removed)
}

fn is_older(entry: &fs::DirEntry, keep: Duration, now: SystemTime) -> bool {
    let changed = entry.metadata().and_then(|about| about.modified());
    changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > keep))
}

/// How much room there is on the disk of `folder`, for a user without privileges; `None` where that cannot be known.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    // A folder that is going to be made lies on the disk of the one that it is made in.
    let there = folder.ancestors().find(|folder| folder.exists()).filter(|folder| !folder.as_os_str().is_empty());
    let about = rustix::fs::statvfs(there.unwrap_or(Path::new("."))).ok()?;
    Some(about.f_bavail * about.f_frsize)
}
