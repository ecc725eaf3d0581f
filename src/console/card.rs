//! What a console hears with and speaks through: devices, or files.

use std::time::Instant;

use super::device::Direction;

/// A microphone and a speaker, looked at every few milliseconds by the sound thread. None of it waits.
///
/// What is heard, and what was played, comes at the console's rate; what is to be played comes at the voice's.
pub(super) trait Card: Send {
    /// Does what is due: moves a file on, opens a device again that was unplugged.
    fn look(&mut self, now: Instant);

    /// Appends what the microphone has brought since the last call.
    fn take_heard(&mut self, out: &mut Vec<f32>);

    /// Appends what the speaker has taken since the last call, its silence included.
    fn take_played(&mut self, out: &mut Vec<f32>);

    /// Queues what is to be heard. What does not fit is lost.
    fn play(&mut self, samples: &[f32]);

    /// Whether the speaker is silent because there is nothing to play.
    fn is_dry(&self) -> bool;

    /// Drops what is queued.
    fn cut(&mut self);

    /// Goes on with another device, by its id or a part of its name. Files stay what they are.
    fn choose(&mut self, _direction: Direction, _device: String) {}

    /// How it does.
    fn figures(&self) -> CardFigures;
}

/// How the devices did, since the console was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CardFigures {
    /// The microphone in use, or the file; empty while there is none.
    pub input: String,
    /// The speaker in use, or the file.
    pub output: String,
    /// Times the speaker ran dry in the midst of a voice.
    pub underruns: u64,
    /// Samples of silence that this made.
    pub missing_samples: u64,
    /// Samples of the microphone that nobody fetched in time.
    pub overrun_samples: u64,
    /// Times a device was opened again.
    pub reopened: u64,
    /// Samples of the voice that found the speaker's queue full, or were left out as too much waited there.
    pub unplayed_samples: u64,
    /// How much faster the speaker's stream runs than its clock says, so that it neither fills up nor runs dry.
    pub bend: f64,
    /// All of an input file has been said.
    pub is_said: bool,
}
