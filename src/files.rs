//! Files and folders for what is private: recordings, transcripts, events.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Makes a folder, and those it is in, that nobody but this user may look into. One that is there stays as it is.
///
/// # Errors
/// An I/O error that names the folder.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| named(path, "cannot be made", &error))
}

/// Creates a file in `folder` that was not there before, called `NAME.EXTENSION`, or `NAME-2.EXTENSION` and so on where
/// that is taken, which nobody but this user may read. Two that create at once get two files.
///
/// # Errors
/// An I/O error that names the file.
pub fn create(folder: &Path, name: &str, extension: &str) -> io::Result<(File, PathBuf)> {
    let mut n = 1;
    loop {
        let number = if n == 1 { String::new() } else { format!("-{n}") };
        let path = folder.join(format!("{name}{number}.{extension}"));
        match create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && n < MOST => n += 1,
            Err(error) => return Err(named(&path, "cannot be created", &error)),
        }
    }
}

/// Creates a file that was not there before, which nobody but this user may read.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file to write behind what is there, or creates it so that nobody but this user may read it.
///
/// # Errors
/// An I/O error that names the file.
pub fn append(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    opened.map_err(|error| named(path, "cannot be opened", &error))
}

/// An id as a file's name. What could mean something to a file system becomes `_`, and a few digits of the id's hash
/// follow then, so that ids which differ only there get names of their own.
///
/// ```
/// use roomtone::files::name;
/// assert_eq!(name("room-1"), "room-1");
/// assert_ne!(name("a/b"), name("a_b"));
/// assert!(name("../../etc").starts_with("______etc-"));
/// ```
pub fn name(id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let plain: String = id.chars().take(LONGEST).map(|c| if is_plain(c) { c } else { '_' }).collect();
    match plain == id && !id.is_empty() {
        true => plain,
        false => {
            let hash = Sha256::digest(id.as_bytes());
            format!("{plain}-{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3])
        }
    }
}

/// An error that says which file it is about.
pub(crate) fn named(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} {what}: {error}", path.display()))
}

/// Ids may be long; names may not.
const LONGEST: usize = 64;
/// Names that are tried.
const MOST: u32 = 100_000;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn many_at_once_get_a_private_file_each() {
        let folder = std::env::temp_dir().join(format!("roomtone-files-{}", std::process::id()));
        create_folder(&folder.join("inner")).unwrap();
        let create_some = || (0..25).map(|_| create(&folder, "mix", "wav").unwrap().1).collect::<Vec<PathBuf>>();
        let mut paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(create_some)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 100);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&paths[0]), mode(&folder.join("inner"))), (0, 0));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn names_that_are_not_plain_are_told_apart() {
        let names = ["会议室一", "会议室二", "a/b", "a_b", "a b", &"x".repeat(100), &"x".repeat(101), ""].map(name);
        let mut distinct = names.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }
}
