//! All that is being recorded in one room.

use std::{
    collections::HashMap,
    io::Write,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::{
    TapeSettings,
    file::{Format, Recording},
    mix::Mix,
};
use crate::{
    agent::{AgentError, AudioFrame, Gap, Room, Source},
    audio::Hz,
    event::TrackId,
    files,
};

/// Everything that is recorded in one room, beside an index, `recording.jsonl`, that says whose each file is and when it
/// began.
pub struct Tape {
    folder: PathBuf,
    format: Format,
    rate: Hz,
    tracks: HashMap<TrackId, Recording>,
    mix: Option<Mix>,
    /// Where this is, and who records it.
    room: String,
    agent: String,
}

impl Tape {
    /// Begins to record into `folder`, which is there.
    ///
    /// # Errors
    /// What the disk refuses, here and below, with the file.
    pub fn new(folder: PathBuf, settings: &TapeSettings, room: &Room) -> Result<Tape, AgentError> {
        files::append(&folder.join(INDEX))?;
        Ok(Tape {
            folder,
            format: settings.format,
            rate: settings.rate,
            tracks: HashMap::new(),
            mix: settings.mix.then(|| Mix::new(settings.rate)),
            room: room.id().to_string(),
            agent: room.me().to_string(),
        })
    }

    /// Records what was heard.
    ///
    /// # Errors
    /// As for [`new`](Tape::new).
    pub fn on_frame(&mut self, frame: &AudioFrame) -> Result<(), AgentError> {
        let (source, samples) = (frame.source(), frame.samples());
        let has_room = self.tracks.get(&source.track).is_some_and(|file| file.has_room_for(samples.len() as u64));
        if !has_room {
            self.on_track_removed(&source.track)?;
            let file = self.open(Some(source), frame.heard())?;
            self.tracks.insert(source.track.clone(), file);
        }
        if let Some(file) = self.tracks.get_mut(&source.track) {
            file.write(samples)?;
        }
        if self.mix.as_ref().is_some_and(|mix| mix.needs_file(frame.heard())) {
            let file = self.open(None, frame.heard())?;
            self.mix.as_mut().expect("looked at above").turn_to(file, frame.heard())?;
        }
        self.mix.as_mut().map_or(Ok(()), |mix| mix.add(frame))
    }

    /// Silence keeps a file as long as what it is a recording of. After a very long one, or where it does not fit any
    /// more, another file begins.
    ///
    /// # Errors
    /// As for [`new`](Tape::new).
    pub fn on_gap(&mut self, gap: &Gap) -> Result<(), AgentError> {
        let Some(file) = self.tracks.get_mut(&gap.source.track) else { return Ok(()) };
        match gap.length() > LONGEST_SILENCE || !file.has_room_for(gap.samples) {
            true => self.on_track_removed(&gap.source.track),
            false => file.write_silence(gap.samples),
        }
    }

    /// Completes a track's file.
    ///
    /// # Errors
    /// As for [`new`](Tape::new).
    pub fn on_track_removed(&mut self, track: &TrackId) -> Result<(), AgentError> {
        self.tracks.remove(track).map_or(Ok(()), Recording::finish)
    }

    /// Brings all that was heard to the disk.
    ///
    /// # Errors
    /// As for [`new`](Tape::new).
    pub fn flush(&mut self) -> Result<(), AgentError> {
        // What was erased is not written on; whoever speaks next gets another file.
        self.tracks.retain(|_, file| !file.is_gone());
        if let Some(mix) = &mut self.mix {
            mix.forget_if_gone();
        }
        self.tracks.values_mut().try_for_each(Recording::flush)?;
        self.mix.as_mut().map_or(Ok(()), Mix::flush)
    }

    /// Completes all files, each though another could not be. Gives how much came too late for the mix.
    ///
    /// # Errors
    /// As for [`new`](Tape::new).
    pub fn finish(mut self) -> Result<Duration, AgentError> {
        let files: Vec<Result<(), AgentError>> = self.tracks.drain().map(|(_, file)| file.finish()).collect();
        let late = self.mix.take().map_or(Ok(Duration::ZERO), Mix::finish);
        files.into_iter().collect::<Result<(), AgentError>>()?;
        late
    }

    /// Opens a file for a speaker, or for the mix, and notes it in the index: with one write, so that lines of several
    /// recorders do not mix.
    fn open(&mut self, source: Option<&Source>, begins: Duration) -> Result<Recording, AgentError> {
        let name = match source {
            Some(source) => format!("{}-{}", files::name(source.peer.as_str()), files::name(source.track.as_str())),
            None => "mix".to_owned(),
        };
        // All of it may have been erased meanwhile.
        files::create_folder(&self.folder)?;
        let file = Recording::create(&self.folder, &name, self.format, self.rate)?;
        let line = json!({
            "file": file.file_name(),
            "room": self.room,
            "agent": self.agent,
            "peer": source.map(|source| source.peer.as_str()),
            "track": source.map(|source| source.track.as_str()),
            "rate_hz": self.rate,
            "begins_s": begins.as_secs_f64(),
            "begins_at": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        });
        let index = self.folder.join(INDEX);
        let written = files::append(&index).and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", index.display()))?;
        Ok(file)
    }
}

/// Says whose each file is, and when it began.
pub(in crate::archive) const INDEX: &str = "recording.jsonl";
/// A silence that is written; after a longer one another file begins, and the index says when.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(600);
