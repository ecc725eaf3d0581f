//! A room's transcript as files: JSON lines, WebVTT and text, of everybody in one order and of each speaker alone.
//!
//! A line is on the disk as soon as it is written. `transcript.jsonl` begins with a line that says whose it is and when its
//! clock began; the captions that follow have their times on that clock, as the recordings beside them in `recording.jsonl`
//! have.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::FORMS;
use crate::{
    conversation::transcript::Caption,
    event::{PeerId, RoomId},
    files,
};

/// See the module's head.
pub struct TranscriptFiles {
    folder: PathBuf,
    head: Head,
    everybody: Files,
    speakers: BTreeMap<PeerId, Files>,
}

/// A line of a transcript's JSON lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Transcript(Head),
    /// Each other.
    Caption(Caption),
}

/// Whose transcript it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The room.
    pub room: RoomId,
    /// The agent that wrote it.
    pub agent: PeerId,
    /// When the clock of the captions was at zero, in RFC 3339.
    pub zero_at: String,
    /// Whose words these are; nobody's in particular where it is everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<PeerId>,
}

struct Files {
    head: Head,
    /// One in each form.
    paths: [PathBuf; FORMS.len()],
}

impl Files {
    fn create(folder: &Path, name: &str, head: Head) -> io::Result<Files> {
        let mut paths: [PathBuf; FORMS.len()] = Default::default();
        for (form, path) in FORMS.iter().zip(&mut paths) {
            *path = files::create(folder, name, form.extension)?.1;
            append(path, &(form.head)(Some(&head)), "")?;
        }
        Ok(Files { head, paths })
    }

    fn write(&self, caption: &Caption) -> io::Result<()> {
        for (form, path) in FORMS.iter().zip(&self.paths) {
            append(path, &(form.head)(Some(&self.head)), &(form.caption)(caption))?;
        }
        Ok(())
    }
}

/// Writes behind what is there; into an empty file first its head. It is opened for each line: so whoever erases lines may
/// write it anew or remove it at any time, and a room with hundreds of speakers holds no files open.
fn append(path: &Path, head: &str, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        files::create_folder(folder)?;
    }
    let mut file = files::append(path)?;
    let head = if file.metadata()?.len() == 0 { head } else { "" };
    file.write_all(format!("{head}{text}").as_bytes())
}

impl TranscriptFiles {
    /// Begins a transcript in `folder`, which is made if it is not there. `since_zero` is how far the clock of the captions
    /// has come.
    ///
    /// # Errors
    /// What the disk refuses, with the file.
    pub fn create(folder: &Path, room: &RoomId, agent: &PeerId, since_zero: Duration) -> io::Result<TranscriptFiles> {
        files::create_folder(folder)?;
        let zero_at = humantime::format_rfc3339_millis(SystemTime::now() - since_zero).to_string();
        let head = Head { room: room.clone(), agent: agent.clone(), zero_at, speaker: None };
        let everybody = Files::create(folder, "transcript", head.clone())?;
        Ok(TranscriptFiles { folder: folder.to_owned(), head, everybody, speakers: BTreeMap::new() })
    }

    /// Writes what somebody said, unless it goes on.
    ///
    /// # Errors
    /// What the disk refuses, with the folder.
    pub fn write(&mut self, caption: &Caption) -> io::Result<()> {
        if caption.is_partial() {
            return Ok(());
        }
        self.write_both(caption).map_err(|error| files::named(&self.folder, "takes no more of the transcript", &error))
    }

    fn write_both(&mut self, caption: &Caption) -> io::Result<()> {
        self.everybody.write(caption)?;
        if !self.speakers.contains_key(&caption.speaker) {
            let folder = self.folder.join(SPEAKERS);
            files::create_folder(&folder)?;
            let head = Head { speaker: Some(caption.speaker.clone()), ..self.head.clone() };
            let created = Files::create(&folder, &files::name(caption.speaker.as_str()), head)?;
            self.speakers.insert(caption.speaker.clone(), created);
        }
        self.speakers.get(&caption.speaker).map_or(Ok(()), |files| files.write(caption))
    }
}

/// The folder of each speaker's own transcript.
pub(super) const SPEAKERS: &str = "speakers";
