//! What becomes of two sounds, without a console and without waiting.

use super::{Canceller, Processing};
use crate::{
    audio::{Hz, pcm16},
    console::room::RoomEcho,
};

impl Processing {
    /// What an agent at a console would hear of somebody who says `said` while `played` comes out of the speaker, which the
    /// microphone hears so much louder than it plays, in dB. All of it is at 16 kHz; what comes is as long as `said`, in whole blocks
    /// of 10 ms. For trying out how well an engine understands who speaks at the same time.
    ///
    /// ```
    /// use roomtone::console::Processing;
    /// let (said, played) = (vec![0; 16_000], vec![900; 16_000]);
    /// assert_eq!(Processing::default().through_a_room(&said, &played, -6.0).len(), 16_000);
    /// ```
    pub fn through_a_room(self, said: &[i16], played: &[i16], echo_db: f32) -> Vec<i16> {
        let (mut canceller, mut room) = (Canceller::new(Hz::K16, self), RoomEcho::new(Hz::K16, echo_db));
        let mut played = played.iter().copied().chain(std::iter::repeat(0));
        let mut cleaned = Vec::with_capacity(said.len());
        for said in said.chunks_exact(canceller.block_samples()) {
            let played: Vec<f32> = played.by_ref().take(said.len()).map(pcm16::to_float).collect();
            canceller.on_played(&played);
            let echo = room.hear(&played);
            let heard: Vec<f32> = said.iter().zip(echo).map(|(said, echo)| pcm16::to_float(*said) + echo).collect();
            canceller.clean(&heard, &mut cleaned);
        }
        cleaned.into_iter().map(pcm16::from_float).collect()
    }
}
