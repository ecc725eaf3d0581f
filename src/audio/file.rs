//! Sound files, read whole: WAV, FLAC, MP3, Ogg Vorbis and Ogg Opus, at any rate and channel count.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use symphonia::core::{
    codecs::audio::AudioDecoderOptions,
    errors::Error as Fault,
    formats::{FormatReader, TrackType, probe::Hint},
    io::MediaSourceStream,
};

use super::{format::Hz, pcm16, resample::Resampler};

/// A mono recording in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second.
    pub rate: Hz,
    /// The samples.
    pub samples: Vec<i16>,
}

impl Sound {
    /// Reads a file; its channels are averaged into one.
    ///
    /// # Errors
    /// [`FileError`] that names the file and says what to do.
    pub fn read(path: &Path) -> Result<Sound, FileError> {
        let fail = |cause| FileError { path: path.to_owned(), cause };
        let file = File::open(path).map_err(|error| fail(Cause::Open(error)))?;
        if path.is_dir() {
            return Err(fail(Cause::Folder));
        }
        let sound = if is_ogg_opus(path) { read_ogg_opus(file) } else { decode(file, path) }.map_err(fail)?;
        if !SENSIBLE_RATES.contains(&sound.rate.0) {
            return Err(fail(Cause::Rate(sound.rate)));
        }
        match sound.samples.is_empty() {
            true => Err(fail(Cause::Empty)),
            false => Ok(sound),
        }
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
    pub fn duration(&self) -> std::time::Duration {
        self.rate.duration_of(self.samples.len() as u64)
    }
}

/// A file that could not be read as sound.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a sound file.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It cannot be opened.
    #[error("cannot be opened ({0}); give the path of a sound file")]
    Open(io::Error),
    /// It is a folder.
    #[error("is a folder; give the path of a sound file")]
    Folder,
    /// It is none of the formats that are known, or broken.
    #[error("is not sound that can be read ({0}); give a WAV, FLAC, MP3 or Ogg file")]
    NotSound(String),
    /// Its sample rate makes no sense.
    #[error("has a sample rate of {0}; give a recording of 4000 to 384000 Hz")]
    Rate(Hz),
    /// It holds no sample.
    #[error("holds no sound; give a recording that is longer than nothing")]
    Empty,
    /// It is Ogg Opus and the program was built without Opus.
    #[error("is Ogg Opus, and this build has no Opus; build with the feature `opus`, or convert the file")]
    NoOpus,
}

/// What is plausible for sound that somebody recorded.
const SENSIBLE_RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

fn is_ogg_opus(path: &Path) -> bool {
    let mut start = [0; 64];
    let read = File::open(path).and_then(|mut file| io::Read::read(&mut file, &mut start));
    read.is_ok() && start.starts_with(b"OggS") && start.windows(8).any(|window| window == b"OpusHead")
}

#[cfg(feature = "opus")]
fn read_ogg_opus(file: File) -> Result<Sound, Cause> {
    super::ogg::read(io::BufReader::new(file)).map_err(|error| Cause::NotSound(error.to_string()))
}

#[cfg(not(feature = "opus"))]
fn read_ogg_opus(_: File) -> Result<Sound, Cause> {
    Err(Cause::NoOpus)
}

fn decode(file: File, path: &Path) -> Result<Sound, Cause> {
    let not_sound = |fault: Fault| Cause::NotSound(fault.to_string());
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    let source = MediaSourceStream::new(Box::new(file), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, source, Default::default(), Default::default())
        .map_err(not_sound)?;
    decode_track(format.as_mut()).map_err(not_sound)
}

fn decode_track(format: &mut dyn FormatReader) -> Result<Sound, Fault> {
    let track = format.default_track(TrackType::Audio).ok_or(Fault::Unsupported("there is no audio track"))?;
    let id = track.id;
    let codec = track.codec_params.as_ref().and_then(|params| params.audio());
    let codec = codec.ok_or(Fault::Unsupported("the codec is not named"))?;
    let mut decoder = symphonia::default::get_codecs().make_audio_decoder(codec, &AudioDecoderOptions::default())?;
    let (mut rate, mut mono, mut interleaved) = (None, Vec::new(), Vec::<f32>::new());
    while let Some(packet) = next_packet(format)? {
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(block) => {
                rate.get_or_insert(block.spec().rate());
                interleaved.resize(block.samples_interleaved(), 0.0);
                block.copy_to_slice_interleaved(&mut interleaved);
                average_into(&interleaved, block.spec().channels().count(), &mut mono);
            }
            // A broken packet is skipped, as players do.
            Err(Fault::DecodeError(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(Sound { rate: Hz(rate.unwrap_or(Hz::K16.0)), samples: mono })
}

/// The next packet; a file that was cut off ends where it was cut.
fn next_packet(format: &mut dyn FormatReader) -> Result<Option<symphonia::core::packet::Packet>, Fault> {
    match format.next_packet() {
        Err(Fault::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        other => other,
    }
}

fn average_into(interleaved: &[f32], channels: usize, mono: &mut Vec<i16>) {
    let share = 1.0 / channels.max(1) as f32;
    mono.extend(
        interleaved.chunks_exact(channels.max(1)).map(|frame| pcm16::from_float(frame.iter().sum::<f32>() * share)),
    );
}

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
        let text = temporary("text.wav");
        std::fs::write(&text, "this is not sound at all, it only looks like it by its name").unwrap();
        let fault = Sound::read(&text).unwrap_err().to_string();
        std::fs::remove_file(&text).unwrap();
        assert!(fault.contains("text.wav") && fault.contains("give a WAV"), "{fault}");
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
        assert_eq!(sound.samples.len(), 16_000);
    }
}
