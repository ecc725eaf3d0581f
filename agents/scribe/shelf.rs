//! Where transcripts and recordings are kept: for how long, and until how full the disk is.

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use roomtone::{
    agent::{AgentError, AudioFrame, Gap, Room},
    archive::{
        TranscriptFiles,
        recording::{Tape, TapeSettings},
        retention,
    },
    conversation::{Spoken, transcript::Caption},
    event::TrackId,
    files,
};
use tokio::task::AbortHandle;

use super::options::Options;

/// The shelf of one deploy. What is too old on it is removed while it is there.
pub(super) struct Shelf {
    folder: PathBuf,
    tape: Option<TapeSettings>,
    least_free: u64,
    cleaner: Option<AbortHandle>,
}

impl Shelf {
    pub(super) fn new(folder: PathBuf, options: &Options) -> Shelf {
        let tape =
            options.record.map(|record| TapeSettings { format: record.format, rate: Spoken::RATE, mix: record.mix });
        let cleaner = options.retain.map(|keep| tokio::spawn(clean(folder.clone(), keep)).abort_handle());
        Shelf { folder, tape, least_free: options.least_free, cleaner }
    }

    /// A room's place on it.
    pub(super) fn open(&self, room: &Room) -> Result<RoomShelf, AgentError> {
        let folder = self.folder.join(files::name(room.id().as_str()));
        let transcript = TranscriptFiles::create(&folder, room.id(), room.me(), room.now())?;
        let tape = self.tape.as_ref().map(|settings| Tape::new(folder.clone(), settings, room)).transpose()?;
        let mut shelf =
            RoomShelf { transcript, tape, least_free: self.least_free, folder, looked: None, takes_text: true };
        shelf.look_at_disk();
        Ok(shelf)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if let Some(cleaner) = &self.cleaner {
            cleaner.abort();
        }
    }
}

async fn clean(folder: PathBuf, keep: Duration) {
    let every = (keep / 24).clamp(Duration::from_secs(1), Duration::from_secs(3_600));
    // Who only prepares a deploy, as `roomtone check` does, is gone by then and has removed nothing.
    tokio::time::sleep(every.min(Duration::from_secs(60))).await;
    loop {
        let place = folder.clone();
        let work = move || retention::remove_older(&place, keep, SystemTime::now());
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(n)) => tracing::info!("removed {n} files of {} that were kept for long enough", folder.display()),
            Ok(Err(error)) => tracing::warn!("what is too old stays: {error}"),
        }
        tokio::time::sleep(every).await;
    }
}

/// One room's transcript, and its recordings.
pub(super) struct RoomShelf {
    transcript: TranscriptFiles,
    tape: Option<Tape>,
    least_free: u64,
    folder: PathBuf,
    /// When the disk was looked at last.
    looked: Option<Instant>,
    takes_text: bool,
}

impl RoomShelf {
    pub(super) fn write(&mut self, caption: &Caption) -> Result<(), AgentError> {
        match self.takes_text {
            true => Ok(self.transcript.write(caption)?),
            false => Ok(()),
        }
    }

    pub(super) fn on_frame(&mut self, frame: &AudioFrame) -> Result<(), AgentError> {
        self.tape.as_mut().map_or(Ok(()), |tape| tape.on_frame(frame))
    }

    pub(super) fn on_gap(&mut self, gap: &Gap) -> Result<(), AgentError> {
        self.tape.as_mut().map_or(Ok(()), |tape| tape.on_gap(gap))
    }

    pub(super) fn on_track_removed(&mut self, track: &TrackId) -> Result<(), AgentError> {
        self.tape.as_mut().map_or(Ok(()), |tape| tape.on_track_removed(track))
    }

    pub(super) fn flush(&mut self) -> Result<(), AgentError> {
        self.look_at_disk();
        self.tape.as_mut().map_or(Ok(()), Tape::flush)
    }

    /// Sound goes first: a transcript is a hundredth of it.
    fn look_at_disk(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        let Some(free) = retention::free_bytes(&self.folder) else { return };
        if free < self.least_free
            && let Some(tape) = self.tape.take()
        {
            tracing::warn!("{} has {} MiB left: no more sound is kept", self.folder.display(), free >> 20);
            if let Err(error) = tape.finish() {
                tracing::warn!("a recording may not be whole: {error}");
            }
        }
        let takes_text = free >= self.least_free / 10;
        if takes_text != self.takes_text {
            self.takes_text = takes_text;
            let what = if takes_text { "text is kept again" } else { "no more text is kept" };
            tracing::warn!("{} has {} MiB left: {what}", self.folder.display(), free >> 20);
        }
    }

    pub(super) fn finish(self, room: &Room) -> Result<(), AgentError> {
        let late = self.tape.map_or(Ok(Duration::ZERO), Tape::finish)?;
        if late > Duration::ZERO {
            room.notes.write(format!("the mix lacks {} ms that came too late for it", late.as_millis()));
        }
        Ok(())
    }
}

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(10);
