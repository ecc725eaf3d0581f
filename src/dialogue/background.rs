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
};

/// What sounds beside the voice, and how loud; without files nothing does.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
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
}

/// Sound files that were read. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Background {
    ambience: Option<Arc<[i16]>>,
    thinking: Option<Arc<[i16]>>,
}

/// Why a file cannot sound beside a voice.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has next to no sound, or too much.
    #[error("{}: lasts {:.1} s; what sounds beside a voice lasts from {} s to {} s", .path.display(), .lasts.as_secs_f64(), SHORTEST.as_secs_f64(), LONGEST.as_secs())]
    Length {
        /// The file.
        path: PathBuf,
        /// How long it is, as far as it was read.
        lasts: Duration,
    },
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
        let read = |path: &Option<PathBuf>, db| path.as_deref().map(|path| read(path, db)).transpose();
        let ambience = read(&options.ambience, options.ambience_db).map_err(|error| ("background.ambience", error))?;
        let thinking = read(&options.thinking, options.thinking_db).map_err(|error| ("background.thinking", error))?;
        let background = Background { ambience: ambience.map(|sound| seamless(&sound).into()), thinking };
        Ok((background.ambience.is_some() || background.thinking.is_some()).then_some(background))
    }
}

fn read(path: &Path, db: f32) -> Result<Arc<[i16]>, BackgroundError> {
    if !(-60.0..=20.0).contains(&db) {
        return Err(BackgroundError::Loudness { db });
    }
    let (sound, is_whole) = Sound::read_beginning(path, LONGEST)?;
    if !is_whole || sound.duration() < SHORTEST {
        return Err(BackgroundError::Length { path: path.to_owned(), lasts: sound.duration() });
    }
    let gain = 10_f32.powf(db / 20.0);
    Ok(sound.at(VOICE_RATE).samples.iter().map(|sample| (f32::from(*sample) * gain) as i16).collect())
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
}

impl BackgroundPlayer {
    pub(super) fn new(sounds: Background) -> BackgroundPlayer {
        BackgroundPlayer { sounds, ambience_at: 0, thinking_at: 0, share: 0.0 }
    }

    /// Gives the voice what it is short of.
    pub(super) fn pump(&mut self, voice: &mut Voice, thinks: bool) {
        let mut block = [0; BLOCK];
        while voice.queued() < AHEAD && self.fill(&mut block, thinks) {
            voice.play(&block);
        }
    }

    /// When it is to be looked at again.
    pub(super) fn look_after(&self) -> Option<Duration> {
        let sounds = self.sounds.ambience.is_some() || self.share > 0.0;
        sounds.then_some(AHEAD / 2)
    }

    /// The next block; says whether there is one.
    fn fill(&mut self, block: &mut [i16; BLOCK], thinks: bool) -> bool {
        let thinks = thinks && self.sounds.thinking.is_some();
        if thinks && self.share == 0.0 {
            self.thinking_at = 0;
        }
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
/// What waits to be sent: as long as this the sound goes on when it is to end.
const AHEAD: Duration = Duration::from_millis(80);
/// 20 ms.
const BLOCK: usize = 480;

#[cfg(test)]
mod tests {
    use super::*;

    fn player(ambience: Option<Vec<i16>>, thinking: Option<Vec<i16>>) -> BackgroundPlayer {
        BackgroundPlayer::new(Background { ambience: ambience.map(Arc::from), thinking: thinking.map(Arc::from) })
    }

    /// So many blocks, of an agent that thinks in those.
    fn heard(player: &mut BackgroundPlayer, thinks: impl IntoIterator<Item = bool>) -> Vec<i16> {
        let mut heard = Vec::new();
        for thinks in thinks {
            let mut block = [0; BLOCK];
            if player.fill(&mut block, thinks) {
                heard.extend(block);
            }
        }
        heard
    }

    #[test]
    fn a_loop_has_no_seam() {
        let tone = |n: usize| (f32::sin(n as f32 * 0.05) * 10_000.0) as i16;
        let sound: Vec<i16> = (0..24_000).map(tone).collect();
        let step = |sound: &[i16]| sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
        let mut player = player(Some(seamless(&sound)), None);
        let heard = heard(&mut player, [false; 200]);
        assert_eq!(heard.len(), 200 * BLOCK);
        assert!(step(&heard) <= step(&sound) + 100, "{} and {}", step(&heard), step(&sound));
    }

    #[test]
    fn keys_are_heard_while_it_thinks_and_from_their_beginning_each_time() {
        let mut player = player(None, Some((0..24_000).map(|n| 1_000 + n / 100).collect()));
        assert_eq!((heard(&mut player, [false]).len(), player.look_after()), (0, None));
        let first = heard(&mut player, [true; 10]);
        assert_eq!((first[0], first[BLOCK * 10 - 1]), (0, 1_047));
        // It fades out, and then nothing is sent.
        let last = heard(&mut player, [false; 20]);
        assert_eq!((last.len(), last.last().copied(), player.look_after()), (5 * BLOCK, Some(0), None));
        assert_eq!(heard(&mut player, [true; 10]), first);
    }

    #[test]
    fn both_sound_together_and_neither_wraps() {
        let mut player = player(Some(vec![30_000; 1_000]), Some(vec![30_000; 1_000]));
        let heard = heard(&mut player, [true; 10]);
        assert_eq!((heard[0] > 29_000, heard.last().copied()), (true, Some(i16::MAX)));
    }

    #[test]
    fn a_file_that_cannot_sound_is_named_with_its_key() {
        let folder = std::env::temp_dir().join(format!("roomtone-background-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("click.wav");
        crate::audio::wav::write(&path, VOICE_RATE, 1, &[0; 480]).unwrap();
        let options = |path: &Path, db| BackgroundOptions {
            thinking: Some(path.to_owned()),
            thinking_db: db,
            ..BackgroundOptions::default()
        };
        for (options, says) in [
            (options(&path, 0.0), "lasts 0.0 s; what sounds beside a voice lasts from 0.5 s to 300 s"),
            (options(&path, 40.0), "40 dB is no loudness"),
            (options(&folder.join("none.wav"), 0.0), "none.wav"),
        ] {
            let (key, error) = Background::load(&options).unwrap_err();
            assert_eq!(key, "background.thinking");
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(Background::load(&BackgroundOptions::default()).unwrap().is_none());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
