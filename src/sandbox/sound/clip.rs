//! A recording that a person speaks, at every rate that somebody hears it at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::{Block, BlockSound};
use crate::audio::{Hz, Resampler, Sound};

/// A recording in memory. Each rate is made once, whole, so that every listener of a rate hears the same samples and
/// the recording's own rate is heard untouched.
pub(in crate::sandbox) struct Clip {
    original: Arc<Sound>,
    rates: Mutex<BTreeMap<Hz, Arc<Sound>>>,
}

impl Clip {
    pub(in crate::sandbox) fn new(sound: Sound) -> Clip {
        Clip { original: Arc::new(sound), rates: Mutex::default() }
    }

    /// How many blocks it has; the last is filled up with silence.
    pub(in crate::sandbox) fn blocks(&self) -> u64 {
        let block = self.original.rate.block_samples().max(1);
        self.original.samples.len().div_ceil(block) as u64
    }

    /// Makes the recording at `rate` ready, which takes a while for a long one.
    pub(in crate::sandbox) fn prepare(&self, rate: Hz) -> Arc<Sound> {
        if rate == self.original.rate {
            return self.original.clone();
        }
        let mut rates = self.rates.lock().expect("no holder panics");
        rates.entry(rate).or_insert_with(|| Arc::new(self.original.at(rate))).clone()
    }

    fn block(&self, index: u64, rate: Hz) -> Vec<i16> {
        let sound = self.prepare(rate);
        let length = rate.block_samples();
        let start = (index as usize * length).min(sound.samples.len());
        let mut samples = sound.samples[start..(start + length).min(sound.samples.len())].to_vec();
        samples.resize(length, 0);
        samples
    }
}

/// Brings the blocks of one track to the rates that are wanted of it.
#[derive(Default)]
pub(in crate::sandbox) struct Rates(BTreeMap<Hz, Resampler>);

/// A block at one rate.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct AtRate {
    /// The end of the run before, which the resampler had held back.
    pub(in crate::sandbox) tail: Vec<i16>,
    pub(in crate::sandbox) samples: Vec<i16>,
}

impl Rates {
    /// The samples of `block`, of a track of `native` rate, at `rate`. Every rate must be asked of every block, or of
    /// none: a resampler remembers.
    pub(in crate::sandbox) fn of(&mut self, block: &Block, native: Hz, rate: Hz) -> AtRate {
        let mut out = AtRate::default();
        match &block.sound {
            BlockSound::Clip { clip, index } => out.samples = clip.block(*index, rate),
            BlockSound::Rated(block) => out.samples = block.get(&rate).cloned().unwrap_or_default(),
            BlockSound::Raw(samples) if rate == native => out.samples.clone_from(samples),
            BlockSound::Raw(samples) => {
                let resampler = self.0.entry(rate).or_insert_with(|| Resampler::new(native, rate));
                if !block.continues {
                    resampler.flush(&mut out.tail);
                }
                resampler.push(samples, &mut out.samples);
            }
        }
        out
    }
}
