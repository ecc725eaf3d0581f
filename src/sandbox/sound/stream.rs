//! A sound file that a person speaks: read while it is said, a few seconds ahead, by a thread of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    time::Duration,
};

use crate::audio::{Hz, Resampler, Sound, SoundFile, file::FileError};

/// A block of 20 ms at every rate that somebody may want it at.
pub(in crate::sandbox) type Rated = Arc<BTreeMap<Hz, Vec<i16>>>;

/// A file of which something was read.
pub(in crate::sandbox) struct Begun {
    file: SoundFile,
    samples: Vec<i16>,
}

/// A file as a person can say it.
pub(in crate::sandbox) enum Opened {
    /// It is short, and all of it is here.
    Short(Sound),
    Long(Box<Begun>),
}

/// Opens a file, and reads it as far as is held in memory. Not for the tasks that move sound.
pub(in crate::sandbox) fn open(path: &Path) -> Result<Opened, FileError> {
    let mut file = SoundFile::open(path)?;
    let (rate, mut samples) = (file.rate(), Vec::new());
    while samples.len() < rate.samples_in(SHORT) {
        if !file.read_into(&mut samples)? {
            return Ok(Opened::Short(Sound { rate, samples }));
        }
    }
    Ok(Opened::Long(Box::new(Begun { file, samples })))
}

/// See the module's head. The thread ends when this is dropped.
pub(in crate::sandbox) struct Stream {
    /// Each with whether the file, or a repetition of it, ends with it.
    blocks: Receiver<(Rated, bool)>,
    rates: &'static [Hz],
}

impl Stream {
    /// Begins with what was read of the file already, and reads on, once or again and again.
    pub(in crate::sandbox) fn go_on(begun: Begun, path: &Path, rates: &'static [Hz], looped: bool) -> Stream {
        let (sender, blocks) = sync_channel(AHEAD);
        let path = path.to_owned();
        let read = move || {
            let mut next = Some(begun);
            while let Some(begun) = next.take() {
                let is_wanted = Reader::new(begun, rates, &sender).run();
                let again = || SoundFile::open(&path).map(|file| Begun { file, samples: Vec::new() });
                next = if looped && is_wanted { again().ok() } else { None };
            }
        };
        if let Err(error) = std::thread::Builder::new().name("sound file".into()).spawn(read) {
            tracing::error!("there is no thread to read a sound file: {error}");
        }
        Stream { blocks, rates }
    }

    /// The next block, and whether it is the last, or the last of a repetition. While the disk is slower than the person
    /// there is silence.
    pub(in crate::sandbox) fn take(&mut self) -> (Rated, bool) {
        self.blocks.try_recv().unwrap_or_else(|error| {
            let silence = self.rates.iter().map(|rate| (*rate, vec![0; rate.block_samples()]));
            (Arc::new(silence.collect()), error == TryRecvError::Disconnected)
        })
    }
}

struct Reader<'a> {
    file: SoundFile,
    /// What was read already.
    begun: Vec<i16>,
    /// Each rate with what brings the file to it, and what is waiting to fill a block.
    rates: Vec<(Hz, Resampler, VecDeque<i16>)>,
    blocks: &'a SyncSender<(Rated, bool)>,
    /// The block that was made last: whether another one follows is not known yet.
    last: Option<Rated>,
}

impl Reader<'_> {
    fn new<'a>(begun: Begun, rates: &[Hz], blocks: &'a SyncSender<(Rated, bool)>) -> Reader<'a> {
        let Begun { file, samples } = begun;
        let rates = rates.iter().map(|rate| (*rate, Resampler::new(file.rate(), *rate), VecDeque::new())).collect();
        Reader { file, begun: samples, rates, blocks, last: None }
    }

    /// Reads to the end. Says whether anybody still wants it.
    fn run(mut self) -> bool {
        let (mut samples, mut resampled) = (std::mem::take(&mut self.begun), Vec::new());
        loop {
            for (_, resampler, waiting) in &mut self.rates {
                resampled.clear();
                resampler.push(&samples, &mut resampled);
                waiting.extend(&resampled);
            }
            if !self.send_whole_blocks() {
                return false;
            }
            samples.clear();
            match self.file.read_into(&mut samples) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!("{error}; what was read of it is said");
                    break;
                }
            }
        }
        if self.file.dropped() > 0 {
            tracing::warn!("{:?}: {} parts could not be read and are silent", self.file, self.file.dropped());
        }
        self.fill_up();
        self.send_whole_blocks() && self.last.take().is_none_or(|last| self.blocks.send((last, true)).is_ok())
    }

    fn send_whole_blocks(&mut self) -> bool {
        while self.rates.iter().all(|(rate, _, waiting)| waiting.len() >= rate.block_samples()) {
            let block = self.rates.iter_mut();
            let block = block.map(|(rate, _, waiting)| (*rate, waiting.drain(..rate.block_samples()).collect()));
            let before = self.last.replace(Arc::new(block.collect()));
            if before.is_some_and(|block| self.blocks.send((block, false)).is_err()) {
                return false;
            }
        }
        true
    }

    /// Brings out what the resamplers hold; the last block is filled up with silence.
    fn fill_up(&mut self) {
        let mut tail = Vec::new();
        for (_, resampler, waiting) in &mut self.rates {
            tail.clear();
            resampler.flush(&mut tail);
            waiting.extend(&tail);
        }
        let blocks = |(rate, _, waiting): &(Hz, Resampler, VecDeque<i16>)| waiting.len().div_ceil(rate.block_samples());
        let blocks = self.rates.iter().map(blocks).max().unwrap_or(0);
        for (rate, _, waiting) in &mut self.rates {
            waiting.resize(blocks * rate.block_samples(), 0);
        }
    }
}

/// What is not longer is held in memory, and costs no thread.
const SHORT: Duration = Duration::from_secs(60);
/// Blocks that are read ahead: four seconds.
const AHEAD: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Sound;

    #[test]
    fn a_file_is_said_sample_for_sample_at_its_own_rate_and_whole_at_others() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech.wav");
        let whole = Sound::read(&path).unwrap();
        let mut file = SoundFile::open(&path).unwrap();
        let mut samples = Vec::new();
        file.read_into(&mut samples).unwrap();
        let stream = Stream::go_on(Begun { file, samples }, &path, &[Hz::K16, Hz::K24], true);
        let (mut native, mut other, mut ends) = (Vec::new(), 0, Vec::new());
        while ends.len() < 2 {
            let (block, is_last) = stream.blocks.recv().unwrap();
            native.extend(&block[&Hz::K16]);
            other += block[&Hz::K24].len();
            ends.extend(is_last.then_some(Vec::<i16>::len(&native)));
        }
        assert!(ends[0] - whole.samples.len() < 320 && ends[1] == 2 * ends[0] && native.len() * 3 == other * 2);
        for start in [0, ends[0]] {
            assert_eq!(native[start..start + whole.samples.len()], whole.samples);
        }
    }
}
