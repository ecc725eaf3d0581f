//! Everybody in one file, on the room's clock from the first sound on.

use std::time::Duration;

use super::file::{PIECE_SAMPLES, Recording};
use crate::{
    agent::{AgentError, AudioFrame},
    audio::{Hz, Mixer},
};

/// See the module's head.
pub(super) struct Mix {
    rate: Hz,
    file: Option<Recording>,
    /// Where on the room's clock the file begins.
    begins_at: u64,
    mixer: Mixer,
    settled: Vec<i16>,
    /// Samples that came too late even for the file.
    lost_samples: u64,
}

impl Mix {
    pub(super) fn new(rate: Hz) -> Mix {
        Mix { rate, file: None, begins_at: 0, mixer: Mixer::default(), settled: Vec::new(), lost_samples: 0 }
    }

    /// Whether a file must be begun for what is heard at this time: there is none, it is full, or nobody spoke for very
    /// long.
    pub(super) fn needs_file(&self, heard: Duration) -> bool {
        let silence = self.rate.index_at(heard).saturating_sub(self.mixer.end());
        let is_long = self.rate.duration_of(silence) > super::tape::LONGEST_SILENCE;
        self.file.as_ref().is_none_or(|file| is_long || !file.has_room_for(silence + MOST_AT_ONCE))
    }

    /// Goes on in another file, which begins with what is heard at this time.
    pub(super) fn turn_to(&mut self, file: Recording, heard: Duration) -> Result<(), AgentError> {
        self.write_until(self.mixer.end())?;
        if let Some(old) = self.file.replace(file) {
            old.finish()?;
        }
        self.begins_at = self.rate.index_at(heard).max(self.mixer.settled());
        self.mixer.skip_to(self.begins_at);
        Ok(())
    }

    pub(super) fn add(&mut self, frame: &AudioFrame) -> Result<(), AgentError> {
        let at = self.rate.index_at(frame.heard());
        // Settled first: a long silence must not be gathered in memory.
        self.write_until(at.saturating_sub(self.rate.samples_in(SETTLE) as u64))?;
        let late = self.mixer.add(at, frame.samples());
        if late > 0 {
            self.add_late(at, &frame.samples()[..late])?;
        }
        Ok(())
    }

    /// What a stall held up goes to its place in the file; what belongs before the file, or into one that cannot be
    /// changed, is lost and counted.
    fn add_late(&mut self, at: u64, samples: &[i16]) -> Result<(), AgentError> {
        let before = self.begins_at.saturating_sub(at).min(samples.len() as u64);
        let rest = &samples[before as usize..];
        let is_taken = match &mut self.file {
            Some(file) if !rest.is_empty() => file.add_at((at + before) - self.begins_at, rest)?,
            _ => false,
        };
        self.lost_samples += if is_taken { before } else { samples.len() as u64 };
        Ok(())
    }

    fn write_until(&mut self, end: u64) -> Result<(), AgentError> {
        // A long silence is written in pieces, so that it takes no more memory than a short one.
        while self.mixer.settled() < end {
            let piece = end.min(self.mixer.settled() + PIECE_SAMPLES);
            self.mixer.take_until(piece, &mut self.settled);
            if let Some(file) = &mut self.file {
                file.write(&self.settled)?;
            }
            self.settled.clear();
        }
        Ok(())
    }

    /// What somebody has removed is not written on.
    pub(super) fn forget_if_gone(&mut self) {
        self.file.take_if(|file| file.is_gone());
    }

    pub(super) fn flush(&mut self) -> Result<(), AgentError> {
        self.file.as_mut().map_or(Ok(()), Recording::flush)
    }

    /// Completes the file. Gives how much of the sound came too late.
    pub(super) fn finish(mut self) -> Result<Duration, AgentError> {
        self.write_until(self.mixer.end())?;
        if let Some(file) = self.file.take() {
            file.finish()?;
        }
        Ok(self.rate.duration_of(self.lost_samples))
    }
}

/// How long the mix waits for the slowest speaker's frames before it writes; what comes later is added in the file.
const SETTLE: Duration = Duration::from_secs(1);
/// Samples that may be written before the file is looked at again: a frame of a second, and what waits to settle.
const MOST_AT_ONCE: u64 = 4 * 48_000;
