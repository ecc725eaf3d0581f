//! Sound files, read as a stream: WAV, MP3, FLAC, Ogg, M4A, WebM and what else people and programs record, at any rate
//! and channel count, whatever their heads and names pretend.
//!
//! Each format's own reader gives decoded blocks; here they become mono, and of one rate though the file may change its
//! rate in the middle.
//!
//! ```no_run
//! # fn main() -> Result<(), roomtone::audio::file::FileError> {
//! use roomtone::audio::SoundFile;
//! let mut file = SoundFile::open("speech.mp3".as_ref())?;
//! let mut samples = Vec::new();
//! while file.read_into(&mut samples)? {
//!     println!("{} samples at {}", samples.len(), file.rate());
//!     samples.clear();
//! }
//! # Ok(())
//! # }
//! ```

mod container;
mod downmix;
mod edit_list;
mod error;
mod kind;
mod mpeg;
mod mpeg_frame;
mod ogg;
mod packet;
mod pages;
mod wav;
mod window;

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use symphonia::core::io::MediaSource;

use super::{format::Hz, pcm16, resample::Resampler};
use downmix::Downmix;
pub use error::{Cause, FileError};
use kind::Kind;
use mpeg::Mpeg;
use mpeg_frame::Frame;
use window::Window;

/// A mono recording in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second.
    pub rate: Hz,
    /// The samples.
    pub samples: Vec<i16>,
}

impl Sound {
    /// Reads a file whole; [`SoundFile`] reads one of any length.
    ///
    /// # Errors
    /// [`FileError`] that names the file and says what to do.
    pub fn read(path: &Path) -> Result<Sound, FileError> {
        let mut file = SoundFile::open(path)?;
        let mut samples = Vec::new();
        while file.read_into(&mut samples)? {}
        Ok(Sound { rate: file.rate(), samples })
    }

    /// Reads a file up to `longest`, and says whether that was the whole of it.
    ///
    /// # Errors
    /// [`FileError`] that names the file and says what to do.
    pub fn read_beginning(path: &Path, longest: Duration) -> Result<(Sound, bool), FileError> {
        let mut file = SoundFile::open(path)?;
        let most = file.rate().samples_in(longest);
        let mut samples = Vec::new();
        while samples.len() <= most && file.read_into(&mut samples)? {}
        let is_whole = samples.len() <= most;
        samples.truncate(most);
        Ok((Sound { rate: file.rate(), samples }, is_whole))
    }

    /// The same sound at another rate, sample 0 still first.
    pub fn at(&self, rate: Hz) -> Sound {
        let mut resampler = Resampler::new(self.rate, rate);
        let mut samples = Vec::with_capacity(self.rate.convert(self.samples.len() as u64, rate) as usize + 1);
        resampler.push(&self.samples, &mut samples);
        resampler.flush(&mut samples);
        Sound { rate, samples }
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        self.rate.duration_of(self.samples.len() as u64)
    }
}

/// A sound file that is being read. Memory does not grow with its length.
pub struct SoundFile {
    path: PathBuf,
    decoder: Box<dyn Decode>,
    rate: Hz,
    /// The first block, which was read to know the rate.
    first: Vec<i16>,
    /// Where the file has gone on at another rate.
    resampler: Option<Resampler>,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    is_over: bool,
}

/// A format's reader.
trait Decode: Send {
    /// Appends the next block, channels interleaved, to `out`, which is empty, and says how it sounds; `None` at the end.
    /// A block may have no frames.
    fn next(&mut self, out: &mut Vec<f32>) -> Result<Option<Format>, Cause>;

    /// Packets that could not be read, and are silence of their length or left out.
    fn dropped(&self) -> u64;
}

/// How a block sounds.
#[derive(Debug, Clone, PartialEq)]
struct Format {
    rate: u32,
    downmix: Downmix,
}

impl SoundFile {
    /// Opens a file, and reads it up to its first sample. A pipe is read once.
    ///
    /// # Errors
    /// [`FileError`] that names the file and says what to do.
    pub fn open(path: &Path) -> Result<SoundFile, FileError> {
        let fail = |cause| FileError { path: path.to_owned(), cause };
        let file = File::open(path).map_err(|error| fail(Cause::Open(error)))?;
        if path.is_dir() {
            return Err(fail(Cause::Folder));
        }
        SoundFile::begin(path, Box::new(file)).map_err(fail)
    }

    fn begin(path: &Path, source: Box<dyn MediaSource>) -> Result<SoundFile, Cause> {
        let mut file = SoundFile {
            path: path.to_owned(),
            decoder: open(source)?,
            rate: Hz(0),
            first: Vec::new(),
            resampler: None,
            interleaved: Vec::new(),
            mono: Vec::new(),
            is_over: false,
        };
        let mut first = Vec::new();
        while first.is_empty() {
            if !file.next_block(&mut first)? {
                return Err(Cause::Empty);
            }
        }
        file.first = first;
        Ok(file)
    }

    /// Samples per second; it stays as it is.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// Parts of the file that could not be read so far: they are silence, or left out where their length is not known.
    pub fn dropped(&self) -> u64 {
        self.decoder.dropped()
    }

    /// Appends the next samples, a fraction of a second of them. `false` at the end.
    ///
    /// # Errors
    /// [`FileError`] where the file cannot be read on.
    pub fn read_into(&mut self, out: &mut Vec<i16>) -> Result<bool, FileError> {
        if !self.first.is_empty() {
            out.append(&mut self.first);
            return Ok(true);
        }
        self.next_block(out).map_err(|cause| FileError { path: self.path.clone(), cause })
    }

    fn next_block(&mut self, out: &mut Vec<i16>) -> Result<bool, Cause> {
        if self.is_over {
            return Ok(false);
        }
        self.interleaved.clear();
        let Some(format) = self.decoder.next(&mut self.interleaved)? else {
            self.is_over = true;
            if let Some(mut resampler) = self.resampler.take() {
                resampler.flush(out);
            }
            return Ok(true);
        };
        self.mono.clear();
        format.downmix.mix_into(&self.interleaved, &mut self.mono);
        if self.mono.is_empty() {
            return Ok(true);
        }
        if !SENSIBLE_RATES.contains(&format.rate) {
            return Err(Cause::Rate(Hz(format.rate)));
        }
        self.turn_to(Hz(format.rate), out);
        let samples = self.mono.iter().map(|sample| pcm16::from_float(*sample));
        match &mut self.resampler {
            None => out.extend(samples),
            Some(resampler) => resampler.push(&samples.collect::<Vec<i16>>(), out),
        }
        Ok(true)
    }

    /// The file goes on at `rate`.
    fn turn_to(&mut self, rate: Hz, out: &mut Vec<i16>) {
        if self.rate == Hz(0) {
            self.rate = rate;
        }
        if self.resampler.as_ref().map_or(self.rate, Resampler::from) != rate {
            if let Some(mut old) = self.resampler.take() {
                old.flush(out);
            }
            self.resampler = (rate != self.rate).then(|| Resampler::new(rate, self.rate));
        }
    }
}

impl std::fmt::Debug for SoundFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoundFile({}, {})", self.path.display(), self.rate)
    }
}

/// Finds out what it is, and who reads it.
fn open(source: Box<dyn MediaSource>) -> Result<Box<dyn Decode>, Cause> {
    let (mut window, mut base) = (Window::new(source), 0);
    // A tag may stand in front of anything.
    while let Some(tag) = kind::id3_bytes(window.peek(10)?) {
        window.skip(tag)?;
        base += tag;
    }
    let head = window.peek(64)?;
    if head.is_empty() {
        return Err(Cause::NoBytes);
    }
    match Kind::of(&head[..head.len().min(64)]) {
        Kind::Wav => wav::open(window),
        Kind::Ogg => Ok(Box::new(ogg::Ogg::new(window))),
        Kind::Container => Ok(Box::new(container::Container::open(window, base)?)),
        Kind::Other(what) => Err(Cause::Known(what)),
        Kind::Unknown => {
            let is_frame = match Frame::parse(window.peek(4)?) {
                Some(frame) => Frame::confirmed(window.peek(frame.bytes + 4)?).is_some(),
                None => false,
            };
            let there = if is_frame { window.peek(4)? } else { window.peek(FARTHEST)? };
            // Two frames in a row are no accident.
            match is_frame || (0..there.len()).any(|at| is_two_frames(&there[at..])) {
                true => Ok(Box::new(Mpeg::new(window))),
                false => Err(Cause::NotSound("it begins like no format that is known".into())),
            }
        }
    }
}

fn is_two_frames(bytes: &[u8]) -> bool {
    let first = Frame::confirmed(bytes);
    first.is_some_and(|first| bytes.get(first.bytes..).is_some_and(|next| Frame::parse(next).is_some()))
}

/// What is plausible for sound that somebody recorded.
const SENSIBLE_RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// How much rubbish may stand in front of MPEG audio.
const FARTHEST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::wav::WavFile;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("roomtone-file-{}-{name}", std::process::id()))
    }

    #[test]
    fn stereo_is_averaged_and_mono_is_exact() {
        let path = temporary("stereo.wav");
        let mut file = WavFile::create(&path, Hz(11_025), 2).unwrap();
        file.write(&[100, 300, -7, -9, 32_767, 32_767]).unwrap();
        file.finish().unwrap();
        let sound = Sound::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(sound, Sound { rate: Hz(11_025), samples: vec![200, -8, 32_767] });
        assert_eq!(sound.at(Hz(11_025)), sound);
    }

    #[test]
    fn faults_name_the_file_and_what_to_do() {
        let fault_of = |name: &str, content: &[u8]| {
            let path = temporary(name);
            std::fs::write(&path, content).unwrap();
            let fault = Sound::read(&path).unwrap_err().to_string();
            std::fs::remove_file(&path).unwrap();
            fault
        };
        let fault = fault_of("text.wav", b"this is not sound at all, it only looks like it by its name");
        assert!(fault.contains("text.wav: is a text") && fault.contains("give a WAV"), "{fault}");
        let fault = fault_of("empty.wav", b"");
        assert!(fault.contains("is an empty file"), "{fault}");
        let fault = fault_of("wave.w64", b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb");
        assert!(fault.contains("is Sony Wave64") && fault.contains("ffmpeg -i"), "{fault}");
        let fault = Sound::read(&temporary("missing.wav")).unwrap_err().to_string();
        assert!(fault.contains("cannot be opened"), "{fault}");
        let fault = Sound::read(&std::env::temp_dir()).unwrap_err().to_string();
        assert!(fault.contains("is a folder"), "{fault}");
    }

    #[test]
    fn a_file_that_was_never_finished_still_plays() {
        let path = temporary("killed.wav");
        let mut file = WavFile::create(&path, Hz(8_000), 1).unwrap();
        (0..5).for_each(|_| file.write(&[5; 4_000]).unwrap());
        std::mem::forget(file); // As if the program had been killed.
        let sound = Sound::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(sound.samples.len(), 20_000);
    }
}
