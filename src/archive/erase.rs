//! What is about a room or a person is removed at once.
//!
//! A person's own files go, and their lines in everybody's transcript; so does every recording in which several people are
//! mixed, as nobody can be taken out of it. Whoever is still recorded goes on being: an agent in the room has to be told
//! first.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    FORMS,
    transcript::{Line, SPEAKERS},
};
use crate::{conversation::transcript::Caption, files};

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Files that are gone.
    pub files: usize,
    /// Lines that are gone from files that stay.
    pub lines: usize,
}

/// Removes all of a room: its folder in `folder`.
///
/// # Errors
/// What the disk refuses.
pub fn room(folder: &Path, room: &str) -> io::Result<Erased> {
    let place = folder.join(files::name(room));
    let mut erased = Erased::default();
    count(&place, &mut erased.files)?;
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(files::named(&place, "cannot be removed", &error)),
        _ => Ok(erased),
    }
}

fn count(folder: &Path, files: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type()?.is_dir() {
            true => count(&entry.path(), files)?,
            false => *files += 1,
        }
    }
    Ok(())
}

/// Removes all of a person, by peer id or by name, in all rooms of `folder`.
///
/// # Errors
/// What the disk refuses, with the file.
pub fn person(folder: &Path, who: &str) -> io::Result<Erased> {
    let mut erased = Erased::default();
    for entry in fs::read_dir(folder).map_err(|error| files::named(folder, "cannot be read", &error))?.flatten() {
        if entry.file_type()?.is_dir() {
            person_in(&entry.path(), who, &mut erased)?;
        }
    }
    Ok(erased)
}

fn person_in(room: &Path, who: &str, erased: &mut Erased) -> io::Result<()> {
    let transcripts: Vec<PathBuf> =
        with_extension(room, "jsonl").into_iter().filter(|path| begins(path, "transcript")).collect();
    // Under which ids they were there: also what they said before their name was known is theirs.
    let mut peers = vec![who.to_owned()];
    for transcript in &transcripts {
        let theirs = read(transcript)?.into_iter().filter_map(|line| match line {
            Line::Caption(caption) if is_of(&caption, who, &[]) => Some(caption.speaker.to_string()),
            _ => None,
        });
        peers.extend(theirs);
    }
    for transcript in &transcripts {
        rewrite(transcript, who, &peers, erased)?;
    }
    let speakers = room.join(SPEAKERS);
    for file in with_extension(&speakers, "jsonl") {
        if read(&file)?.iter().any(|line| matches!(line, Line::Caption(caption) if is_of(caption, who, &peers))) {
            for form in FORMS {
                remove(&file.with_extension(form.extension), erased)?;
            }
        }
    }
    for index in with_extension(room, "jsonl").iter().filter(|path| begins(path, "recording")) {
        remove_recordings(room, index, &peers, erased)?;
    }
    Ok(())
}

/// Writes a transcript anew without somebody's lines.
fn rewrite(path: &Path, who: &str, peers: &[String], erased: &mut Erased) -> io::Result<()> {
    let (mut head, mut kept, mut gone) = (None, Vec::new(), 0);
    for line in read(path)? {
        match line {
            Line::Transcript(of) => head = Some(of),
            Line::Caption(caption) if is_of(&caption, who, peers) => gone += 1,
            Line::Caption(caption) => kept.push(caption),
        }
    }
    if gone == 0 {
        return Ok(());
    }
    erased.lines += gone;
    FORMS.iter().try_for_each(|form| replace(&path.with_extension(form.extension), &form.text(head.as_ref(), &kept)))
}

fn is_of(caption: &Caption, who: &str, peers: &[String]) -> bool {
    let speaker = caption.speaker.as_str();
    speaker == who || caption.name.as_deref() == Some(who) || peers.iter().any(|peer| peer == speaker)
}

/// Removes somebody's recordings, and those in which several people are mixed.
fn remove_recordings(room: &Path, index: &Path, peers: &[String], erased: &mut Erased) -> io::Result<()> {
    let text = fs::read(index).map_err(|error| files::named(index, "cannot be read", &error))?;
    let text = String::from_utf8_lossy(&text);
    let parsed = text.lines().map(|line| (line, serde_json::from_str::<Value>(line).unwrap_or_default()));
    let is_theirs = |line: &Value| line["peer"].as_str().is_some_and(|peer| peers.iter().any(|known| known == peer));
    let lines: Vec<(&str, Value)> = parsed.collect();
    if !lines.iter().any(|(_, line)| is_theirs(line)) {
        return Ok(());
    }
    let mut kept = String::new();
    for (text, line) in &lines {
        match (is_theirs(line) || line["peer"].is_null(), line["file"].as_str()) {
            (true, Some(file)) => {
                // A name, and no way out of the folder.
                if let Some(name) = Path::new(file).file_name() {
                    remove(&room.join(name), erased)?;
                }
            }
            _ => kept.push_str(&format!("{text}\n")),
        }
    }
    replace(index, &kept)
}

fn read(path: &Path) -> io::Result<Vec<Line>> {
    let text = fs::read(path).map_err(|error| files::named(path, "cannot be read", &error))?;
    // A line that was torn is none, and hides no other.
    Ok(String::from_utf8_lossy(&text).lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Whoever writes to the old one at the moment writes to what is gone.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::remove_file(&new).ok();
    let write = || {
        use std::io::Write;
        files::append(&new)?.write_all(text.as_bytes())?;
        fs::rename(&new, path)
    };
    write().map_err(|error| files::named(path, "cannot be written", &error))
}

fn remove(path: &Path, erased: &mut Erased) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => erased.files += 1,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(files::named(path, "cannot be removed", &error)),
    }
    Ok(())
}

fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|is| is == extension)).collect()
}

fn begins(path: &Path, with: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(with))
}
