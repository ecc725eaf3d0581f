//! A piece of one speaker's sound, with its origin.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    audio::{Hz, scratch},
    event::{PeerId, PeerKind, TrackId},
};

/// Where sound comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Who speaks.
    pub peer: PeerId,
    /// Person or program.
    pub kind: PeerKind,
    /// On which track.
    pub track: TrackId,
}

/// Some mono sound of one track, usually a block of 20 ms. The frame owns its samples: keeping it blocks nothing.
pub struct AudioFrame {
    source: Arc<Source>,
    index: u64,
    heard: Duration,
    rate: Hz,
    samples: Vec<i16>,
}

impl AudioFrame {
    pub(super) fn new(source: &Arc<Source>, index: u64, heard: Duration, rate: Hz, samples: Vec<i16>) -> AudioFrame {
        AudioFrame { source: source.clone(), index, heard, rate, samples }
    }

    /// The samples, mono.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Samples per second.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// Who speaks, on which track.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The index of the first sample on the track's own clock: 0 for the track's first sample, holes counted.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// When the first sample was heard, since the agent joined. Frames of all tracks share this clock.
    pub fn heard(&self) -> Duration {
        self.heard
    }

    /// How long the frame lasts.
    pub fn duration(&self) -> Duration {
        self.rate.duration_of(self.samples.len() as u64)
    }
}

impl fmt::Debug for AudioFrame {
    /// Says what it is a frame of; what was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AudioFrame({} from {}, {} at {})", self.samples.len(), self.index, self.source.peer, self.rate)
    }
}

impl Drop for AudioFrame {
    /// The next frame on this thread takes the buffer over.
    fn drop(&mut self) {
        scratch::give_back(std::mem::take(&mut self.samples));
    }
}

/// Nothing has come of somebody's track for as long as [`AudioRequirements::pause_after`](super::AudioRequirements) says.
/// If it goes on, a [`Gap`] comes first where something is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Whose track.
    pub source: Arc<Source>,
    /// The index of the sample that would come next.
    pub index: u64,
    /// When the last sample had been heard, on the clock of [`AudioFrame::heard`] and [`Room::now`](super::Room::now).
    pub since: Duration,
}

/// Sound that is missing: nothing was sent, or it was lost on the way, or the agent did not fetch it in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Whose sound, on which track.
    pub source: Arc<Source>,
    /// The index of the first missing sample.
    pub index: u64,
    /// How many samples are missing.
    pub samples: u64,
    /// Samples per second.
    pub rate: Hz,
}

impl Gap {
    /// How long the gap is.
    pub fn length(&self) -> Duration {
        self.rate.duration_of(self.samples)
    }
}
