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
        let float = |samples: &[i16]| samples.iter().copied().map(pcm16::to_float).collect::<Vec<f32>>();
        let (said, mut played) = (float(said), float(played));
        played.resize(said.len(), 0.0);
        let mut room = RoomEcho::new(Hz::K16, echo_db);
        let (_, cleaned) = self.through(&said, &played, |played| room.hear(played));
        cleaned.into_iter().map(pcm16::from_float).collect()
    }

    /// What a microphone hears of both, and what is left of it; `echo` is what it hears of a block that is played.
    pub(super) fn through(
        self,
        said: &[f32],
        played: &[f32],
        mut echo: impl FnMut(&[f32]) -> Vec<f32>,
    ) -> (Vec<f32>, Vec<f32>) {
        let mut canceller = Canceller::new(Hz::K16, self);
        let block = canceller.block_samples();
        let (mut heard, mut cleaned) = (Vec::new(), Vec::new());
        for (said, played) in said.chunks_exact(block).zip(played.chunks_exact(block)) {
            canceller.on_played(played);
            let both: Vec<f32> = echo(played).iter().zip(said).map(|(echo, said)| echo + said).collect();
            canceller.clean(&both, &mut cleaned);
            heard.extend(both);
        }
        (heard, cleaned)
    }
}
