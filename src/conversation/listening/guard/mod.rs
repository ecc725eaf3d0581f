//! Keeps out what is no voice though a detector fires on it: call tones and hold music.
//!
//! Three things tell them apart. The lines of a note's spectrum stand still, those of a voice glide ([`Lines`]). The level of
//! music hardly moves, that of speech rises and falls with each syllable. A tone is one or two lines that hold all the power
//! ([`Tones`]). Each frame on which the detector fires adds what it says for or against a voice to one bounded sum, a
//! cumulative sum test: where the sum was lowest a voice began.
//!
//! The constants were chosen on 309 spoken files and 32 pieces of music, each clean, through 8 kHz mu-law, 20 dB quieter, 9 dB
//! louder, and speech in noise of 10 to 15 dB; `docs/engines.md` has what comes through.

mod lines;
mod tones;

use self::{lines::Lines, tones::Tones};

/// Samples of a frame, 16 ms.
pub(super) const FRAME: usize = 256;

/// One for each speaker.
pub(super) struct Guard {
    /// The last [`lines::WINDOW`] samples.
    sound: Vec<f32>,
    lines: Lines,
    tones: Tones,
    levels: Levels,
    verdict: Verdict,
    /// The sum.
    belief: f32,
    /// Its lowest since the activity began, how many frames ago that was, and how many of them said something.
    lowest: f32,
    since_lowest: u32,
    heard: u32,
    /// Frames since the detector fired last, and since the activity began.
    silent: u32,
    active: u32,
}

/// What a frame is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The detector does not fire.
    Quiet,
    /// It fires; whether on a voice is open.
    Candidate,
    /// A voice, which has begun so many frames ago if this is the first such frame.
    Voice { frames_ago: u32 },
    /// What was taken for a voice is none.
    Revoked,
    /// No voice, or none any more.
    Other,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard {
            sound: vec![0.0; lines::WINDOW],
            lines: Lines::default(),
            tones: Tones::default(),
            levels: Levels::default(),
            verdict: Verdict::Quiet,
            belief: 0.0,
            lowest: 0.0,
            since_lowest: 0,
            heard: 0,
            silent: ENDED,
            active: 0,
        }
    }
}

impl Guard {
    /// Takes the next frame, and the detector's score of it.
    pub(super) fn judge(&mut self, frame: &[i16], score: f32) -> Verdict {
        self.sound.copy_within(FRAME.., 0);
        let newest = &mut self.sound[lines::WINDOW - FRAME..];
        newest.iter_mut().zip(frame).for_each(|(to, sample)| *to = f32::from(*sample) / 32_768.0);
        let is_faded = self.levels.take(newest);
        let steadiness = self.lines.steadiness(&self.sound);
        let is_tone = self.tones.is_tone(&self.sound);
        self.since_lowest += 1;
        if score < FIRES {
            return self.on_silence();
        }
        self.silent = 0;
        if self.active == 0 {
            self.verdict = Verdict::Candidate;
            self.mark();
        }
        self.active += 1;
        // The detector's hang-over says nothing.
        if !is_faded {
            self.weigh(steadiness, is_tone);
        }
        self.conclude()
    }

    /// Nothing more comes. Says how many frames ago a voice began that had not been told of.
    pub(super) fn stop(&mut self) -> Option<u32> {
        let voice = self.brief_voice();
        self.active = 0;
        self.silent = ENDED;
        self.verdict = Verdict::Quiet;
        self.belief = self.belief.clamp(CARRY, 0.0);
        voice
    }

    /// What was heard makes a short word. Says how many frames ago it began.
    pub(super) fn brief_voice(&self) -> Option<u32> {
        self.is_brief_voice().then_some(self.since_lowest)
    }

    fn weigh(&mut self, steadiness: f32, is_tone: bool) {
        self.heard += 1;
        let mut says = VOICE - LINE * (1.0 + steadiness / STEADY).log2();
        if self.active >= Levels::WATCHED as u32 {
            says -= LEVEL * (LIVELY - self.levels.spread()).max(0.0);
        }
        if is_tone {
            says = (TONED - self.belief).clamp(-TONE, 0.0);
        }
        self.belief = (self.belief + says).clamp(FLOOR, CEILING);
        if is_tone || self.belief <= self.lowest {
            self.mark();
        }
    }

    fn conclude(&mut self) -> Verdict {
        match self.verdict {
            Verdict::Voice { .. } if self.belief <= SHUT => {
                self.verdict = Verdict::Other;
                self.mark();
                if self.active < REVOKES {
                    return Verdict::Revoked;
                }
            }
            Verdict::Candidate | Verdict::Other if self.belief >= OPEN => {
                self.verdict = Verdict::Voice { frames_ago: self.since_lowest };
            }
            Verdict::Candidate if self.belief <= REFUSED => self.verdict = Verdict::Other,
            _ => {}
        }
        self.verdict
    }

    /// The sum is at its lowest: a voice can only begin from here on.
    fn mark(&mut self) {
        self.lowest = self.belief;
        self.since_lowest = 0;
        self.heard = 0;
    }

    /// A frame on which the detector does not fire.
    fn on_silence(&mut self) -> Verdict {
        self.silent = self.silent.saturating_add(1);
        if self.active == 0 {
            self.belief *= FORGETS;
            return Verdict::Quiet;
        }
        self.active += 1;
        if self.silent < ENDED {
            return self.verdict;
        }
        match self.stop() {
            Some(frames_ago) => Verdict::Voice { frames_ago },
            None => Verdict::Quiet,
        }
    }

    /// A short word may end before the sum came as far as to be sure.
    fn is_brief_voice(&self) -> bool {
        let is_open = matches!(self.verdict, Verdict::Candidate | Verdict::Other);
        self.active > 0 && is_open && self.belief - self.lowest >= BRIEF && self.heard >= LEAST_HEARD
    }
}

/// The level of the last frames.
struct Levels {
    dbfs: [f32; Levels::WATCHED],
    next: usize,
    /// The loudest of late, which sinks.
    loudest: f32,
}

impl Default for Levels {
    fn default() -> Levels {
        Levels { dbfs: [SILENCE; Levels::WATCHED], next: 0, loudest: SILENCE }
    }
}

impl Levels {
    /// 0.77 s: two syllables or more.
    const WATCHED: usize = 48;

    /// Takes a frame; says whether it is so far below the loudest that it says nothing.
    fn take(&mut self, frame: &[f32]) -> bool {
        let power = frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32;
        let level = 10.0 * (power + 1e-9).log10();
        self.dbfs[self.next] = level;
        self.next = (self.next + 1) % Levels::WATCHED;
        self.loudest = (self.loudest - SINKS).max(level);
        level <= self.loudest - FADED
    }

    /// By how much the level has moved of late: the standard deviation, in dB.
    fn spread(&self) -> f32 {
        let n = Levels::WATCHED as f32;
        let mean = self.dbfs.iter().sum::<f32>() / n;
        (self.dbfs.iter().map(|level| (level - mean).powi(2)).sum::<f32>() / n).sqrt()
    }
}

/// The detector fires from this score on.
const FIRES: f32 = 0.5;
/// Frames without its firing that end an activity: 256 ms.
const ENDED: u32 = 16;
const SILENCE: f32 = -90.0;
/// How far below the loudest of late a frame says nothing, in dB, and by how much that sinks with each: 19 dB a second.
const FADED: f32 = 30.0;
const SINKS: f32 = 0.3;
/// What a frame without a steady line adds: 12 of them, 0.2 s, are enough.
const VOICE: f32 = 0.2;
/// What each doubling of `1 + steadiness / STEADY` takes away: a frame is neutral at a steadiness of 0.04. In speech 0.2 % of
/// the frames are above 0.16, in music about half.
const LINE: f32 = 0.2;
const STEADY: f32 = 0.04;
/// What each dB of spread below [`LIVELY`] takes away: 2 % of the frames of speech are below 3 dB, 65 % of those of music.
const LEVEL: f32 = 0.15;
const LIVELY: f32 = 4.0;
/// What a frame of a tone takes away, and how low tones alone bring the sum: speech soon after a digit is heard soon.
const TONE: f32 = 0.8;
const TONED: f32 = -2.0;
/// The sum is sure of a voice here, and is kept below [`CEILING`], so that music after speech is heard as such in time.
const OPEN: f32 = 2.4;
const CEILING: f32 = 5.0;
/// It is sure that there is none here: far down, so that a held vowel is no end. Kept above [`FLOOR`], so that speech right
/// after music is heard within 0.8 s.
const SHUT: f32 = -4.0;
const FLOOR: f32 = -6.0;
/// Below this a beginning is no voice for the time being.
const REFUSED: f32 = -1.0;
/// What of it an activity leaves to the next, and by how much a silent frame lessens that.
const CARRY: f32 = -1.0;
const FORGETS: f32 = 0.996;
/// A short word is one if the sum rose by this much: six frames without a steady line.
const BRIEF: f32 = 1.2;
const LEAST_HEARD: u32 = 4;
/// Until an activity is this old, 1.5 s, what was taken for a voice may be taken back; later it is ended.
const REVOKES: u32 = 94;

#[cfg(test)]
mod tests;
