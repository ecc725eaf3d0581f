//! What a person says: recordings, one after the other, each at its time.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Block, BlockSound, Clip, Stream};
use crate::audio::BLOCK;

/// What is said.
pub(in crate::sandbox) enum Said {
    /// A recording in memory.
    Clip(Arc<Clip>),
    /// A file that is read while it is said.
    File(Stream),
}

/// A recording to be said.
pub(in crate::sandbox) struct Utterance {
    pub(in crate::sandbox) said: Said,
    /// Not before this, nor before the utterance ahead has ended.
    pub(in crate::sandbox) not_before: Instant,
    /// Said again and again, until there is another.
    pub(in crate::sandbox) looped: bool,
    /// How long nothing is sent before it is said again.
    pub(in crate::sandbox) pause: Duration,
}

/// A person's microphone. Between utterances it sends nothing.
#[derive(Default)]
pub(in crate::sandbox) struct Speech {
    utterances: VecDeque<Utterance>,
    /// When the utterance in front began, once it has.
    began: Option<Instant>,
    /// Blocks of it that have been said, repetitions included.
    said: u64,
    /// The utterance in front has been said, and will be again.
    is_pausing: bool,
    /// When the last utterance ended.
    free_at: Option<Instant>,
}

impl Speech {
    pub(in crate::sandbox) fn say(&mut self, utterance: Utterance) {
        if std::mem::take(&mut self.is_pausing) {
            self.utterances.pop_front();
        }
        self.utterances.push_back(utterance);
    }

    /// Stops at once.
    pub(in crate::sandbox) fn hush(&mut self) {
        *self = Speech::default();
    }

    pub(in crate::sandbox) fn is_silent(&self) -> bool {
        self.utterances.is_empty()
    }

    /// When the next block has been said and leaves the microphone.
    pub(in crate::sandbox) fn due(&self) -> Option<Instant> {
        let block = u32::try_from(self.said).unwrap_or(u32::MAX);
        Some(self.begins()? + BLOCK * (block + 1))
    }

    pub(in crate::sandbox) fn take(&mut self, now: Instant) -> Option<Block> {
        let due = self.due().filter(|due| *due <= now)?;
        let began = self.begins()?;
        self.began = Some(began);
        self.is_pausing = false;
        let utterance = self.utterances.front_mut()?;
        let (sound, is_last) = utterance.next_block(self.said);
        let block = Block { sounds_at: due - BLOCK, continues: self.said > 0, sound };
        self.said += 1;
        utterance.not_before = due + utterance.pause;
        let (seamless, looped) = (utterance.pause.is_zero(), utterance.looped);
        let repeats = looped && self.utterances.len() == 1;
        if is_last && !(repeats && seamless) {
            self.is_pausing = repeats;
            if !repeats {
                self.utterances.pop_front();
            }
            self.began = None;
            self.said = 0;
            self.free_at = Some(due);
        }
        Some(block)
    }

    fn begins(&self) -> Option<Instant> {
        let utterance = self.utterances.front()?;
        Some(
            self.began
                .unwrap_or_else(|| self.free_at.map_or(utterance.not_before, |free| free.max(utterance.not_before))),
        )
    }
}

impl Utterance {
    /// The block after `said` of them, and whether a repetition ends with it.
    fn next_block(&mut self, said: u64) -> (BlockSound, bool) {
        match &mut self.said {
            Said::Clip(clip) => {
                let blocks = clip.blocks().max(1);
                let sound = BlockSound::Clip { clip: clip.clone(), index: said % blocks };
                (sound, (said + 1).is_multiple_of(blocks))
            }
            Said::File(stream) => {
                let (block, is_last) = stream.take();
                (BlockSound::Rated(block), is_last)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Hz, Sound};

    #[test]
    fn utterances_follow_each_other_and_a_loop_ends_with_the_next() {
        let start = Instant::now();
        let clip = |blocks: usize| Arc::new(Clip::new(Sound { rate: Hz::K16, samples: vec![1; blocks * 320] }));
        let mut speech = Speech::default();
        speech.say(Utterance { said: Said::Clip(clip(2)), not_before: start, looped: true, pause: Duration::ZERO });
        let times = |speech: &mut Speech, until: u64| {
            let now = start + Duration::from_millis(until);
            std::iter::from_fn(|| speech.take(now))
                .map(|block| (block.sounds_at - start).as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(times(&mut speech, 100), [0, 20, 40, 60, 80]);
        speech.say(Utterance { said: Said::Clip(clip(1)), not_before: start, looped: false, pause: Duration::ZERO });
        assert_eq!(times(&mut speech, 300), [100, 120]);
        assert!(speech.is_silent());
        let pause = Duration::from_millis(50);
        speech.say(Utterance { said: Said::Clip(clip(2)), not_before: start, looped: true, pause });
        assert_eq!(times(&mut speech, 330), [140, 160, 230, 250]);
        speech.say(Utterance { said: Said::Clip(clip(1)), not_before: start, looped: false, pause });
        assert_eq!(times(&mut speech, 500), [270], "what comes next does not wait for the pause");
        assert!(speech.is_silent());
    }
}
