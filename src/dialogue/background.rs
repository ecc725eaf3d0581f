//! What sounds beside the agent's voice: an office as long as it is there, keys while it thinks.
//!
//! It has a track of its own, so that the voice begins as soon as without it, and is interrupted alone.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;

use super::VOICE_RATE;
use crate::{
    agent::Voice,
    audio::file::{FileError, Sound},
    units,
};

/// What sounds beside the voice, and how loud; without files nothing does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackgroundOptions {
    /// A sound file, five minutes at most, that sounds again and again as long as the agent is there.
    pub ambience: Option<PathBuf>,
    /// How much louder than the file, in dB; below zero for softer.
    pub ambience_db: f32,
    /// A file that sounds while a reply is waited for, from its beginning each time.
    pub thinking: Option<PathBuf>,
    /// How much louder than the file, in dB.
    pub thinking_db: f32,
    /// How long a reply is waited for without it: most come sooner.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub thinking_after: Duration,
}

impl Default for BackgroundOptions {
    fn default() -> BackgroundOptions {
        BackgroundOptions {
            ambience: None,
            ambience_db: 0.0,
            thinking: None,
            thinking_db: 0.0,
            thinking_after: Duration::from_millis(400),
        }
    }
}

/// Sound files that were read. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Background {
    ambience: Option<Arc<[i16]>>,
    thinking: Option<Arc<[i16]>>,
    thinking_after: Duration,
}

/// Why a file cannot sound beside a voice.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has next to no sound.
    #[error("{}: lasts {} ms; what sounds beside a voice lasts {} ms at least", .path.display(), .lasts.as_millis(), SHORTEST.as_millis())]
    Short {
        /// The file.
        path: PathBuf,
        /// How long it is.
        lasts: Duration,
    },
    /// It has too much.
    #[error("{}: lasts longer than {} s, which is the most that sounds beside a voice", .0.display(), LONGEST.as_secs())]
    Long(PathBuf),
    /// It would be silent, or distorted.
    #[error("{db} dB is no loudness; it is from -60 to 20")]
    Loudness {
        /// What was set.
        db: f32,
    },
}

impl Background {
    /// Reads the files; `None` where there are none to read.
    ///
    /// # Errors
    /// The key of the option, and [`BackgroundError`].
    pub fn load(options: &BackgroundOptions) -> Result<Option<Background>, (&'static str, BackgroundError)> {
        let read = |path: &Option<PathBuf>, db| {
            let gain = gain(db)?;
            path.as_deref().map(|path| read(path, gain)).transpose()
        };
        let ambience = read(&options.ambience, options.ambience_db).map_err(|error| ("background.ambience", error))?;
        let thinking = read(&options.thinking, options.thinking_db).map_err(|error| ("background.thinking", error))?;
        let background = Background { ambience, thinking, thinking_after: options.thinking_after };
        Ok((background.ambience.is_some() || background.thinking.is_some()).then_some(background))
    }
}

fn gain(db: f32) -> Result<f32, BackgroundError> {
    match (-60.0..=20.0).contains(&db) {
        true => Ok(10_f32.powf(db / 20.0)),
        false => Err(BackgroundError::Loudness { db }),
    }
}

fn read(path: &Path, gain: f32) -> Result<Arc<[i16]>, BackgroundError> {
    let (sound, is_whole) = Sound::read_beginning(path, LONGEST)?;
    if !is_whole {
        return Err(BackgroundError::Long(path.to_owned()));
    }
    if sound.duration() < SHORTEST {
        return Err(BackgroundError::Short { path: path.to_owned(), lasts: sound.duration() });
    }
    let louder: Vec<i16> =
        sound.at(VOICE_RATE).samples.iter().map(|sample| (f32::from(*sample) * gain) as i16).collect();
    Ok(seamless(&louder).into())
}

/// The same without its end, which is faded into its beginning: played again and again it has no seam.
fn seamless(sound: &[i16]) -> Vec<i16> {
    let overlap = VOICE_RATE.samples_in(FADE);
    let (kept, end) = sound.split_at(sound.len() - overlap);
    let faded = |(n, (begins, ends)): (usize, (&i16, &i16))| {
        let share = n as f32 / overlap as f32;
        (f32::from(*begins) * share + f32::from(*ends) * (1.0 - share)) as i16
    };
    let mut looped: Vec<i16> = kept.iter().zip(end).enumerate().map(faded).collect();
    looped.extend_from_slice(&kept[overlap..]);
    looped
}

/// What one conversation hears of it.
pub(super) struct BackgroundPlayer {
    sounds: Background,
    /// Where each is.
    ambience_at: usize,
    thinking_at: usize,
    /// How loud the latter is now: it fades in and out.
    share: f32,
    /// Since when a reply is waited for.
    thinks_since: Option<Duration>,
}

impl BackgroundPlayer {
    pub(super) fn new(sounds: Background) -> BackgroundPlayer {
        BackgroundPlayer { sounds, ambience_at: 0, thinking_at: 0, share: 0.0, thinks_since: None }
    }

    /// Gives the voice what it is short of at `now`, while a reply is waited for since then.
    pub(super) fn pump(&mut self, voice: &mut Voice, now: Duration, thinks_since: Option<Duration>) {
        if thinks_since != self.thinks_since && thinks_since.is_some() {
            self.thinking_at = 0;
        }
        self.thinks_since = thinks_since;
        let thinks = self.thinks_at().is_some_and(|at| at <= now);
        let mut block = [0; BLOCK];
        while voice.queued() < AHEAD && self.fill(&mut block, thinks) {
            voice.play(&block);
        }
    }

    /// When it is to be looked at again.
    pub(super) fn look_after(&self, now: Duration) -> Option<Duration> {
        match self.sounds.ambience.is_some() || self.share > 0.0 {
            true => Some(AHEAD / 2),
            false => self.thinks_at().map(|at| at.saturating_sub(now).max(AHEAD / 2)),
        }
    }

    /// When what sounds while a reply is waited for begins.
    fn thinks_at(&self) -> Option<Duration> {
        let since = self.thinks_since.filter(|_| self.sounds.thinking.is_some())?;
        Some(since + self.sounds.thinking_after)
    }

    /// The next block; says whether there is one.
    fn fill(&mut self, block: &mut [i16; BLOCK], thinks: bool) -> bool {
        if self.sounds.ambience.is_none() && !thinks && self.share == 0.0 {
            return false;
        }
        let step = if thinks { 1.0 } else { -1.0 } / VOICE_RATE.samples_in(FADE) as f32;
        for sample in block {
            self.share = (self.share + step).clamp(0.0, 1.0);
            let ambience = next(self.sounds.ambience.as_deref(), &mut self.ambience_at);
            let thinking = match self.share > 0.0 {
                true => f32::from(next(self.sounds.thinking.as_deref(), &mut self.thinking_at)) * self.share,
                false => 0.0,
            };
            *sample = (f32::from(ambience) + thinking) as i16;
        }
        true
    }
}

/// The next sample of a sound without an end.
fn next(sound: Option<&[i16]>, at: &mut usize) -> i16 {
    let Some(sound) = sound else { return 0 };
    let sample = sound[*at];
    *at = (*at + 1) % sound.len();
    sample
}

/// What is read of a file at most: 14 MB in memory, for all rooms of a deploy.
const LONGEST: Duration = Duration::from_secs(300);
const SHORTEST: Duration = Duration::from_millis(500);
/// How long it takes to come and go.
const FADE: Duration = Duration::from_millis(100);
/// What waits to be sent. What sounds ends as much later than it is told to, and the track's lead.
const AHEAD: Duration = Duration::from_millis(80);
/// 20 ms.
const BLOCK: usize = 480;

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::{
        agent::{AudioRequirements, room_link},
        audio::Hz,
    };

    fn player(ambience: Option<Vec<i16>>, thinking: Option<Vec<i16>>) -> BackgroundPlayer {
        let (ambience, thinking) = (ambience.map(Arc::from), thinking.map(Arc::from));
        BackgroundPlayer::new(Background { ambience, thinking, thinking_after: MS(400) })
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// What is heard of it from a moment on, block by block, while a reply is waited for since then.
    fn heard(player: &mut BackgroundPlayer, blocks: Range<u64>, thinks_since: Option<Duration>) -> Vec<i16> {
        let requirements = AudioRequirements { speak_rate: Some(VOICE_RATE), ..AudioRequirements::default() };
        let (mut room, mut port) = room_link("r".into(), "me".into(), &requirements);
        let mut heard = Vec::new();
        for block in blocks {
            player.pump(&mut room.voice, MS(20 * block), thinks_since);
            // The room takes all that waits, so each look gives as much as is to wait.
            port.voice.fetch(usize::MAX, &mut heard);
        }
        heard
    }

    #[test]
    fn a_loop_has_no_seam() {
        let tone = |n: usize| (f32::sin(n as f32 * 0.05) * 10_000.0) as i16;
        let sound: Vec<i16> = (0..24_000).map(tone).collect();
        let step = |sound: &[i16]| sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
        let mut player = player(Some(seamless(&sound)), None);
        let heard = heard(&mut player, 0..50, None);
        assert_eq!(heard.len(), 50 * 4 * BLOCK);
        assert!(step(&heard) <= step(&sound) + 100, "{} and {}", step(&heard), step(&sound));
        assert_eq!(player.look_after(MS(1_000)), Some(MS(40)));
    }

    #[test]
    fn keys_are_heard_when_a_reply_takes_long_and_from_their_beginning_each_time() {
        let mut player = player(None, Some((0..24_000).map(|n| 1_000 + n / 100).collect()));
        assert_eq!((heard(&mut player, 0..5, None).len(), player.look_after(MS(100))), (0, None));
        // Waited for since 100 ms: nothing before 500 ms.
        assert_eq!(heard(&mut player, 5..25, Some(MS(100))).len(), 0);
        assert_eq!(player.look_after(MS(480)), Some(MS(40)));
        let first = heard(&mut player, 25..28, Some(MS(100)));
        assert_eq!((first.len(), first[0], *first.last().unwrap()), (12 * BLOCK, 0, 1_057));
        // It fades out, and then nothing is sent.
        let last = heard(&mut player, 28..40, None);
        assert_eq!((last.len(), last.last().copied(), player.look_after(MS(800))), (5 * BLOCK, Some(0), None));
        assert_eq!(heard(&mut player, 70..73, Some(MS(1_000))), first);
    }

    #[test]
    fn both_sound_together_and_neither_wraps() {
        let mut player = player(Some(vec![30_000; 1_000]), Some(vec![30_000; 1_000]));
        let heard = heard(&mut player, 100..110, Some(MS(0)));
        assert_eq!((heard[0] > 29_000, heard.last().copied()), (true, Some(i16::MAX)));
    }

    #[test]
    fn a_file_that_cannot_sound_is_named_with_its_key() {
        let folder = std::env::temp_dir().join(format!("roomtone-background-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let sound = |name: &str, samples: usize| {
            let path = folder.join(name);
            crate::audio::wav::write(&path, Hz(8_000), 1, &vec![0; samples]).unwrap();
            Some(path)
        };
        for (thinking, thinking_db, says) in [
            (sound("click.wav", 80), 0.0, "click.wav: lasts 10 ms; what sounds beside a voice lasts 500 ms at least"),
            (sound("hour.wav", 8_000 * 301), 0.0, "hour.wav: lasts longer than 300 s"),
            (None, 40.0, "40 dB is no loudness"),
            (Some(folder.join("none.wav")), 0.0, "none.wav"),
        ] {
            let options = BackgroundOptions { thinking, thinking_db, ..BackgroundOptions::default() };
            let (key, error) = Background::load(&options).unwrap_err();
            assert_eq!(key, "background.thinking");
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(Background::load(&BackgroundOptions::default()).unwrap().is_none());
        let options = BackgroundOptions { ambience: sound("hall.wav", 8_000), ..BackgroundOptions::default() };
        let loaded = Background::load(&options).unwrap().unwrap();
        assert_eq!(
            loaded.ambience.unwrap().len(),
            24_000 - 2_400,
            "what is faded into the beginning is not heard twice"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
