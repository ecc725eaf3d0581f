//! Blocks of a set length, out of frames of any length.

use std::time::Duration;

use super::AudioFrame;

/// Cuts one track's frames into blocks of a set length, as voice activity detectors and speech engines want them. A block
/// never spans a gap: what is left over before one comes as a shorter block.
///
/// ```
/// # use roomtone::{agent::{Agent, AgentError, Blocks, Input, Room, testing::TestRoom}, audio::Hz};
/// use std::time::Duration;
/// struct Counter(tokio::sync::mpsc::Sender<usize>);
///
/// #[async_trait::async_trait]
/// impl Agent for Counter {
///     async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
///         let mut blocks = Blocks::new(512);
///         while let Some(input) = room.next().await {
///             if let Input::Audio(frame) = input {
///                 blocks.push(&frame, |block| self.0.try_send(block.samples.len()).unwrap());
///             }
///         }
///         blocks.finish(|block| self.0.try_send(block.samples.len()).unwrap());
///         Ok(())
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// # let (tell, mut told) = tokio::sync::mpsc::channel(100);
/// # let mut room = TestRoom::new(Counter(tell));
/// # let ada = room.join_person("ada");
/// # room.say(&ada, &[1; 1_600]);
/// # room.pass(Duration::from_millis(200)).await;
/// # room.end().await;
/// # let mut lengths = Vec::new();
/// # while let Ok(length) = told.try_recv() { lengths.push(length); }
/// assert_eq!(lengths, [512, 512, 512, 64]);
/// # });
/// ```
#[derive(Debug)]
pub struct Blocks {
    length: usize,
    samples: Vec<i16>,
    /// The index of the first of `samples`, and when it was heard.
    begins: (u64, Duration),
}

/// Some consecutive samples of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The samples, mono, at the agent's rate.
    pub samples: &'a [i16],
    /// The index of the first, as in [`AudioFrame::index`].
    pub index: u64,
    /// When it was heard, as in [`AudioFrame::heard`].
    pub heard: Duration,
}

impl Blocks {
    /// Blocks of so many samples.
    ///
    /// # Panics
    /// If that is none.
    pub fn new(length: usize) -> Blocks {
        assert!(length > 0, "a block has samples");
        Blocks { length, samples: Vec::with_capacity(2 * length), begins: (0, Duration::ZERO) }
    }

    /// Takes the track's next frame, and gives each block that it completes.
    pub fn push(&mut self, frame: &AudioFrame, mut each: impl FnMut(Block<'_>)) {
        if frame.index() != self.begins.0 + self.samples.len() as u64 {
            self.finish(&mut each);
        }
        // The newest frame knows best: a publisher's clock drifts, and the track's clock follows it.
        let held = frame.rate().duration_of(self.samples.len() as u64);
        self.begins = (frame.index() - self.samples.len() as u64, frame.heard().saturating_sub(held));
        self.samples.extend_from_slice(frame.samples());
        let mut given = 0;
        while self.samples.len() - given >= self.length {
            let heard = self.begins.1 + frame.rate().duration_of(given as u64);
            each(Block {
                samples: &self.samples[given..given + self.length],
                index: self.begins.0 + given as u64,
                heard,
            });
            given += self.length;
        }
        self.begins = (self.begins.0 + given as u64, self.begins.1 + frame.rate().duration_of(given as u64));
        self.samples.drain(..given);
    }

    /// Gives what is left over, if something is: the track has paused, or is over.
    pub fn finish(&mut self, mut each: impl FnMut(Block<'_>)) {
        if !self.samples.is_empty() {
            each(Block { samples: &self.samples, index: self.begins.0, heard: self.begins.1 });
            self.begins.0 += self.samples.len() as u64;
            self.samples.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{agent::Source, audio::Hz, event::PeerKind};

    proptest! {
        /// Whatever the frames' lengths and the gaps between them: every sample comes once, at its index and its time.
        #[test]
        fn each_sample_comes_once_in_its_place(frames in proptest::collection::vec((1usize..700, 0u64..3), 0..40), length in 1usize..600) {
            let source = Arc::new(Source { peer: "ada".into(), kind: PeerKind::Person, track: "t".into() });
            let rate = Hz::K16;
            let (mut blocks, mut index, mut said, mut got) = (Blocks::new(length), 0, Vec::new(), Vec::new());
            let mut take = |block: Block<'_>| {
                let late = block.heard.abs_diff(rate.duration_of(block.index));
                assert!(late < Duration::from_micros(1), "{late:?}");
                got.extend(block.samples.iter().enumerate().map(|(n, s)| (block.index + n as u64, *s)));
                assert!(block.samples.len() <= length);
            };
            for (samples, gap) in frames {
                index += gap * 100;
                let of = |n: u64| (n % 30_000) as i16;
                let sound: Vec<i16> = (index..index + samples as u64).map(of).collect();
                said.extend((index..index + samples as u64).map(|n| (n, of(n))));
                let frame = AudioFrame::new(&source, index, rate.duration_of(index), rate, sound);
                blocks.push(&frame, &mut take);
                index += samples as u64;
            }
            blocks.finish(&mut take);
            prop_assert_eq!(got, said);
        }
    }
}
