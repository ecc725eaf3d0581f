//! Takes what the speaker plays off the microphone's sound without taking what is said at the same time.
//!
//! WebRTC's canceller (AEC3) works in two stages. The first subtracts what a filter makes of the speaker's sound, and leaves
//! whoever speaks as they are. The second turns down whatever may be left of the echo, and with it most of what is said while
//! the speaker plays: of words that are spoken into the agent's, two thirds are lost to a speech engine. So the second is used
//! while the speaker alone is heard, and the first alone from the moment that somebody speaks.

use sonora_aec3::{block::Block, block_processor::BlockProcessor, config::EchoCanceller3Config};

/// At 16 kHz alone: the first stage knows no other.
pub(super) struct NearKeeper {
    processor: BlockProcessor,
    judge: Judge,
    /// What does not make a block yet.
    played: Vec<f32>,
    heard: Vec<f32>,
    /// What is cleaned and was not asked for yet; one block more than the others lack.
    cleaned: Vec<f32>,
    /// How much of the first stage's output there is in the last sample, from 0 to 1.
    share: f32,
}

impl NearKeeper {
    pub(super) fn new() -> NearKeeper {
        let mut config = EchoCanceller3Config::default();
        config.filter.export_linear_aec_output = true;
        // Where it looks for an echo before the loudest one, a voice of even pitch makes it find another delay every few
        // seconds, and forget the room each time.
        config.delay.detect_pre_echo = false;
        NearKeeper {
            processor: BlockProcessor::new(&config, 16_000, 1, 1),
            judge: Judge::default(),
            played: Vec::new(),
            heard: Vec::new(),
            cleaned: vec![0.0; BLOCK],
            share: 0.0,
        }
    }

    /// The speaker plays this.
    pub(super) fn on_played(&mut self, samples: &[f32]) {
        self.played.extend(samples.iter().map(|sample| sample * FULL_SCALE));
        let whole = self.played.len() / BLOCK * BLOCK;
        for samples in self.played[..whole].chunks(BLOCK) {
            self.processor.buffer_render(&block(samples));
        }
        self.played.drain(..whole);
    }

    /// The microphone heard this: as much comes out, 4 ms later.
    pub(super) fn clean(&mut self, samples: &mut [f32]) {
        self.heard.extend(samples.iter().map(|sample| sample * FULL_SCALE));
        let whole = self.heard.len() / BLOCK * BLOCK;
        let heard: Vec<f32> = self.heard.drain(..whole).collect();
        heard.chunks(BLOCK).for_each(|heard| self.clean_block(heard));
        let count = samples.len();
        let cleaned = self.cleaned.drain(..count);
        samples.iter_mut().zip(cleaned).for_each(|(sample, cleaned)| *sample = cleaned / FULL_SCALE);
    }

    fn clean_block(&mut self, heard: &[f32]) {
        let (mut both, mut first) = (block(heard), Block::new(1, 1));
        let is_saturated = heard.iter().any(|sample| sample.abs() >= SATURATED);
        self.processor.process_capture(false, is_saturated, Some(&mut first), &mut both);
        let (first, both) = (first.view(0, 0), both.view(0, 0));
        let wanted = f32::from(u8::from(self.judge.somebody_speaks(heard, first)));
        let step = (wanted - self.share) / BLOCK as f32;
        for (first, both) in first.iter().zip(both) {
            self.share += step;
            self.cleaned.push(both + self.share * (first - both));
        }
        self.share = wanted;
    }
}

fn block(samples: &[f32]) -> Block {
    let mut block = Block::new(1, 1);
    block.view_mut(0, 0).copy_from_slice(samples);
    block
}

/// Whether somebody speaks, by what the first stage leaves: much less than it takes off while the speaker alone is heard, once
/// it has learned the room.
#[derive(Debug, Default)]
struct Judge {
    left: f32,
    taken: f32,
    /// The loudest of what was taken off, dying away as a room does: what is left of its reflections is no voice.
    room: f32,
    /// What is left of a speaker alone, in parts of what is taken off.
    usual: f32,
    /// Blocks in which nearly all was taken off.
    learned: u32,
    /// Blocks until it is taken for over.
    hold: u32,
}

impl Judge {
    fn somebody_speaks(&mut self, heard: &[f32], left: &[f32]) -> bool {
        let taken = heard.iter().zip(left).map(|(heard, left)| (heard - left).powi(2)).sum::<f32>();
        self.left += SMOOTHING * (left.iter().map(|sample| sample * sample).sum::<f32>() - self.left);
        self.taken += SMOOTHING * (taken - self.taken);
        self.room = (self.room * ROOM_DECAY).max(self.taken);
        let is_audible = self.taken > AUDIBLE;
        if is_audible && self.left < LEARNED * self.taken {
            self.learned = LEARNED_BLOCKS.min(self.learned + 1);
            self.usual += USUAL * (self.left / self.taken - self.usual);
        }
        let speech = (SPEECH * self.usual).clamp(LEAST_SPEECH, MOST_SPEECH);
        if self.left > speech * self.room && self.left > AUDIBLE {
            self.hold = HOLD_BLOCKS;
        } else {
            self.hold = self.hold.saturating_sub(1);
        }
        self.hold > 0 && self.learned >= LEARNED_BLOCKS
    }
}

/// Samples, at 16 kHz: 4 ms.
const BLOCK: usize = 64;
/// As the canceller counts.
const FULL_SCALE: f32 = 32_768.0;
const SATURATED: f32 = 32_000.0;
/// Of each block in the mean: over some 20 ms.
const SMOOTHING: f32 = 0.2;
/// The power of a block at 60 dB below full scale.
const AUDIBLE: f32 = BLOCK as f32 * 1e-6 * FULL_SCALE * FULL_SCALE;
/// What is left of a speaker alone is 13 dB weaker than what was taken off, and more.
const LEARNED: f32 = 0.05;
/// Of each such block in the mean: over some 0.4 s.
const USUAL: f32 = 0.01;
/// Four seconds of that: before, what the filter has not learned yet would pass for somebody.
const LEARNED_BLOCKS: u32 = 1_000;
/// Somebody speaks if so many times more is left than of the speaker alone, which is from 17 dB below what was taken off to 7.
const SPEECH: f32 = 4.0;
const LEAST_SPEECH: f32 = 0.02;
const MOST_SPEECH: f32 = 0.2;
/// A room's sound is 60 dB weaker after 0.4 s.
const ROOM_DECAY: f32 = 0.933;
/// 0.4 s: the pauses within a word, and between two.
const HOLD_BLOCKS: u32 = 100;
