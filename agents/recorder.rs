//! An agent that records: each speaker's track to a file of its own, and everybody mixed.
//!
//! Files are whole at every moment but for their last second, and memory does not grow with their length.
//! `recording.jsonl` beside them says whose each file is and when it began.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioFrame, Gap, Input, OptionsError, Room, Source, Wants, options},
    audio::{Hz, Mixer, wav::WavFile},
    event::{RoomEvent, TrackId},
};
use serde::Deserialize;
use serde_json::json;

/// The options of `recorder`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Where recordings go: a folder for each room in here.
    folder: PathBuf,
    /// `wav`, or `opus` for Ogg Opus.
    format: Format,
    /// Whether everybody is also recorded into one file.
    mix: bool,
    /// The rate of the files.
    rate_hz: Hz,
}

impl Default for Options {
    fn default() -> Options {
        Options { folder: "recordings".into(), format: Format::Wav, mix: true, rate_hz: Hz::K16 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Wav,
    Opus,
}

pub(crate) fn make(table: toml::Table) -> Result<Box<dyn Agent>, OptionsError> {
    let options: Options = options(table)?;
    let value = |key, problem: &str| Err(OptionsError::Value { key, problem: problem.into() });
    if !matches!(options.rate_hz.0, 8_000 | 12_000 | 16_000 | 24_000 | 48_000) {
        return value("rate_hz", "must be 8000, 12000, 16000, 24000 or 48000");
    }
    if options.format == Format::Opus && !cfg!(feature = "opus") {
        return value("format", "this build has no Opus; use \"wav\"");
    }
    Ok(Box::new(Recorder { options }))
}

struct Recorder {
    options: Options,
}

#[async_trait]
impl Agent for Recorder {
    fn wants(&self) -> Wants {
        Wants { hear_rate: self.options.rate_hz, most_behind: None, speak_rate: None, ..Wants::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let folder = self.options.folder.join(file_name(room.id().as_str()));
        fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let mut tape = Tape::new(folder, &self.options)?;
        while let Some(input) = room.next().await {
            match input {
                Input::Audio(frame) => tape.on_frame(&frame)?,
                Input::Gap(gap) => tape.on_gap(&gap)?,
                Input::Event(RoomEvent::TrackRemoved { track, .. }) => tape.on_track_removed(&track)?,
                _ => {}
            }
        }
        tape.finish()
    }
}

/// All that is being recorded in one room.
struct Tape {
    folder: PathBuf,
    format: Format,
    rate: Hz,
    tracks: HashMap<TrackId, Sink>,
    mix: Option<Mix>,
    index: File,
}

/// Everybody in one file, on the room's clock from the first sound on.
struct Mix {
    sink: Option<Sink>,
    mixer: Mixer,
    settled: Vec<i16>,
}

impl Tape {
    fn new(folder: PathBuf, options: &Options) -> Result<Tape, AgentError> {
        let index = OpenOptions::new().create(true).append(true).open(folder.join("recording.jsonl"))?;
        let mix = options.mix.then(|| Mix { sink: None, mixer: Mixer::default(), settled: Vec::new() });
        Ok(Tape { folder, format: options.format, rate: options.rate_hz, tracks: HashMap::new(), mix, index })
    }

    fn on_frame(&mut self, frame: &AudioFrame) -> Result<(), AgentError> {
        let source = frame.source();
        if !self.tracks.contains_key(&source.track) {
            let sink = self.open(Some(source), frame.heard())?;
            self.tracks.insert(source.track.clone(), sink);
        }
        if !self.tracks[&source.track].has_room() {
            let next = self.open(Some(source), frame.heard())?;
            self.tracks.insert(source.track.clone(), next).expect("looked at above").finish()?;
        }
        let sink = self.tracks.get_mut(&source.track).expect("opened above");
        sink.write(frame.samples())?;
        if let Some(mix) = self.mix.as_mut().filter(|mix| mix.has_been_silent_until(frame.heard(), self.rate)) {
            let end = mix.mixer.end();
            mix.write_until(end)?;
            if let Some(sink) = mix.sink.take() {
                sink.finish()?;
            }
        }
        if self.mix.as_ref().is_some_and(|mix| mix.sink.is_none()) {
            let sink = self.open(None, frame.heard())?;
            let start = self.rate.index_at(frame.heard());
            let mix = self.mix.as_mut().expect("looked at above");
            mix.sink = Some(sink);
            mix.mixer.skip_to(start);
        }
        if self.mix.as_ref().and_then(|mix| mix.sink.as_ref()).is_some_and(|sink| !sink.has_room()) {
            let next = self.open(None, frame.heard())?;
            if let Some(full) = self.mix.as_mut().and_then(|mix| mix.sink.replace(next)) {
                full.finish()?;
            }
        }
        if let Some(mix) = &mut self.mix {
            // Settled first: a long silence must not be gathered in memory.
            let at = self.rate.index_at(frame.heard());
            mix.write_until(at.saturating_sub(self.rate.samples_in(SETTLE) as u64))?;
            let _late = mix.mixer.add(at, frame.samples());
        }
        Ok(())
    }

    /// Silence keeps a file as long as what it is a recording of. After a very long one, another file begins.
    fn on_gap(&mut self, gap: &Gap) -> Result<(), AgentError> {
        if gap.length() > LONGEST_SILENCE {
            return self.on_track_removed(&gap.source.track);
        }
        match self.tracks.get_mut(&gap.source.track) {
            Some(sink) => Ok(sink.write_silence(gap.samples)?),
            None => Ok(()),
        }
    }

    fn on_track_removed(&mut self, track: &TrackId) -> Result<(), AgentError> {
        match self.tracks.remove(track) {
            Some(sink) => Ok(sink.finish()?),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(), AgentError> {
        for (_, sink) in self.tracks.drain() {
            sink.finish()?;
        }
        if let Some(mut mix) = self.mix {
            let end = mix.mixer.end();
            mix.write_until(end)?;
            if let Some(sink) = mix.sink {
                sink.finish()?;
            }
        }
        Ok(())
    }

    /// Opens a file for a speaker, or for the mix, and notes it in the index.
    fn open(&mut self, source: Option<&Source>, begins: Duration) -> Result<Sink, AgentError> {
        let name = match source {
            Some(source) => format!("{}-{}", file_name(source.peer.as_str()), file_name(source.track.as_str())),
            None => "mix".to_owned(),
        };
        let path = free_path(&self.folder, &name, if self.format == Format::Wav { "wav" } else { "opus" });
        let sink = Sink::create(&path, self.format, self.rate)?;
        let line = json!({
            "file": path.file_name().map(|name| name.to_string_lossy()),
            "peer": source.map(|source| source.peer.as_str()),
            "track": source.map(|source| source.track.as_str()),
            "rate_hz": self.rate,
            "begins_s": begins.as_secs_f64(),
        });
        writeln!(self.index, "{line}")?;
        Ok(sink)
    }
}

impl Mix {
    fn has_been_silent_until(&self, heard: Duration, rate: Hz) -> bool {
        let silence = rate.index_at(heard).saturating_sub(self.mixer.end());
        self.sink.is_some() && rate.duration_of(silence) > LONGEST_SILENCE
    }

    fn write_until(&mut self, end: u64) -> Result<(), AgentError> {
        // A long silence is written in pieces, so that it takes no more memory than a short one.
        while self.mixer.settled() < end {
            let piece = end.min(self.mixer.settled() + PIECE_SAMPLES);
            self.mixer.take_until(piece, &mut self.settled);
            if let Some(sink) = &mut self.sink {
                sink.write(&self.settled)?;
            }
            self.settled.clear();
        }
        Ok(())
    }
}

/// A file of either format.
enum Sink {
    Wav(WavFile),
    #[cfg(feature = "opus")]
    Opus(Box<roomtone::audio::ogg::OggOpusFile>),
}

impl Sink {
    fn create(path: &Path, format: Format, rate: Hz) -> Result<Sink, AgentError> {
        match format {
            Format::Wav => Ok(Sink::Wav(WavFile::create(path, rate, 1)?)),
            #[cfg(feature = "opus")]
            Format::Opus => Ok(Sink::Opus(Box::new(roomtone::audio::ogg::OggOpusFile::create(path, rate)?))),
            #[cfg(not(feature = "opus"))]
            Format::Opus => Err("this build has no Opus".into()),
        }
    }

    fn has_room(&self) -> bool {
        match self {
            Sink::Wav(file) => file.has_room_for(PIECE_SAMPLES),
            #[cfg(feature = "opus")]
            Sink::Opus(_) => true,
        }
    }

    fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        match self {
            Sink::Wav(file) => file.write(samples).map_err(io::Error::other),
            #[cfg(feature = "opus")]
            Sink::Opus(file) => file.write(samples),
        }
    }

    fn write_silence(&mut self, samples: u64) -> io::Result<()> {
        let silence = [0; PIECE_SAMPLES as usize];
        let mut left = samples;
        while left > 0 {
            let piece = left.min(PIECE_SAMPLES);
            self.write(&silence[..piece as usize])?;
            left -= piece;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Sink::Wav(file) => file.finish().map_err(io::Error::other),
            #[cfg(feature = "opus")]
            Sink::Opus(file) => file.finish(),
        }
    }
}

/// An id as a file's name: whatever could mean something to a file system becomes `_`.
fn file_name(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    id.chars().take(LONGEST_NAME).map(safe).collect()
}

/// A path that is free: an agent that comes back to a room does not write over what it recorded before.
fn free_path(folder: &Path, name: &str, extension: &str) -> PathBuf {
    let numbered =
        |n: u32| folder.join(format!("{name}{}.{extension}", if n == 1 { String::new() } else { format!("-{n}") }));
    (1..).map(numbered).find(|path| !path.exists()).expect("some number is free")
}

/// How long the mix waits for the slowest speaker's frames.
const SETTLE: Duration = Duration::from_secs(1);
/// A silence that is written; after a longer one another file begins, and the index says when.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);
/// What is written at a time.
const PIECE_SAMPLES: u64 = 4_096;
/// Ids may be long; names may not.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use roomtone::{agent::testing::TestRoom, audio::Sound};

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("roomtone-recorder-{}-{name}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        folder
    }

    fn recorder(folder: &Path, format: Format) -> Recorder {
        Recorder { options: Options { folder: folder.to_owned(), format, ..Options::default() } }
    }

    #[tokio::test(start_paused = true)]
    async fn each_speaker_and_the_mix_are_aligned_across_a_pause() {
        let folder = scratch("wav");
        let mut room = TestRoom::new(recorder(&folder, Format::Wav));
        let (ada, bob) = (room.join_person("ada"), room.join_person("bob"));
        room.say(&ada, &[100; 3_200]);
        room.pass(Duration::from_millis(100)).await;
        room.say(&bob, &[20; 3_200]);
        room.pass(Duration::from_secs(2)).await;
        room.say(&ada, &[100; 1_600]);
        room.pass(Duration::from_millis(200)).await;
        room.leave(&ada);
        assert!(room.end().await.result.is_ok());
        let read = |name: &str| Sound::read(&folder.join("test-room").join(name)).unwrap().samples;
        let pause = (2_100 - 200) * 16;
        assert_eq!(read("ada-ada-audio.wav"), [vec![100; 3_200], vec![0; pause], vec![100; 1_600]].concat());
        assert_eq!(read("bob-bob-audio.wav"), [20; 3_200]);
        let mix = read("mix.wav");
        assert_eq!(mix.len(), 3_200 + pause + 1_600);
        assert_eq!((mix[0], mix[1_600], mix[3_200], mix[4_800], mix[mix.len() - 1]), (100, 120, 20, 0, 100));
        let index = fs::read_to_string(folder.join("test-room/recording.jsonl")).unwrap();
        assert_eq!(index.lines().count(), 3);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(feature = "opus")]
    #[tokio::test(start_paused = true)]
    async fn opus_files_have_the_length_of_what_was_said() {
        let folder = scratch("opus");
        let mut room = TestRoom::new(recorder(&folder, Format::Opus));
        let ada = room.join_person("ada");
        room.say(&ada, &[900; 8_000]);
        room.pass(Duration::from_secs(1)).await;
        room.end().await.result.unwrap();
        let sound = Sound::read(&folder.join("test-room/ada-ada-audio.opus")).unwrap();
        assert_eq!(sound.samples.len(), 24_000);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_very_long_silence_another_file_begins() {
        let folder = scratch("long");
        let mut room = TestRoom::new(recorder(&folder, Format::Wav));
        let ada = room.join_person("ada");
        for _ in 0..2 {
            room.say(&ada, &[100; 3_200]);
            room.pass(LONGEST_SILENCE + Duration::from_secs(2)).await;
        }
        room.end().await.result.unwrap();
        for name in ["ada-ada-audio.wav", "ada-ada-audio-2.wav", "mix.wav", "mix-2.wav"] {
            let sound = Sound::read(&folder.join("test-room").join(name)).unwrap();
            assert_eq!(sound.samples.len(), 3_200, "{name}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn ids_cannot_leave_the_folder() {
        assert_eq!(file_name("../../etc/passwd"), "______etc_passwd");
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_cannot_be_made_is_named() {
        let file = scratch("file");
        fs::write(&file, "in the way").unwrap();
        let room = TestRoom::new(recorder(&file, Format::Wav));
        let error = room.end().await.result.unwrap_err().to_string();
        fs::remove_file(&file).unwrap();
        assert!(error.starts_with("cannot create"), "{error}");
    }
}
