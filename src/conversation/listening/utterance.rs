//! What one person said, from before its first sound to the pause behind it.

use std::{fmt, sync::Arc, time::Duration};

use super::activity::samples_in;
use crate::{agent::Source, conversation::Spoken};

/// The number of an utterance, in the order in which those of a room began. Parts of one that was cut have numbers of
/// their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UtteranceId(pub u64);

/// How an utterance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    Open,
    /// Whoever spoke made a pause.
    Pause,
    /// It grew too long and was cut; the next one goes on where it ends.
    Cut,
    /// Nothing came any more: a mute, a lost link.
    Stopped,
    /// The speaker has left, or the agent has.
    Left,
}

/// What one person said.
#[derive(Clone)]
pub struct Utterance {
    /// Its number.
    pub id: UtteranceId,
    /// Who said it, on which track.
    pub source: Arc<Source>,
    /// When its first sample was heard, on the clock of the agent's frames.
    pub begins: Duration,
    /// The samples at [`Spoken::RATE`], with what came right before.
    pub samples: Vec<i16>,
    /// How many samples at the beginning came before the speech.
    pub pre_roll: usize,
    /// Where sound is missing, as the first sample and how many; they are silent in `samples`.
    pub gaps: Vec<(usize, usize)>,
    /// Behind which sample nothing was said.
    pub speech_ends: usize,
    /// How it ended.
    pub end: End,
}

impl Utterance {
    /// How long it lasts.
    pub fn lasts(&self) -> Duration {
        Spoken::RATE.duration_of(self.samples.len() as u64)
    }

    /// When the speech itself began.
    pub fn speech_began(&self) -> Duration {
        self.begins + Spoken::RATE.duration_of(self.pre_roll as u64)
    }

    /// When the speech itself ended.
    pub fn speech_ended(&self) -> Duration {
        self.begins + Spoken::RATE.duration_of(self.speech_ends as u64)
    }

    /// Its samples with the same silence behind them, whatever a detector's hang-over: how sure a model is that a sentence ends
    /// depends on that. Of 1,072 whole and cut utterances 0.2 s told them apart best (0.93 of the area under the curve; 0.85 with
    /// 0.1 s, 0.86 with 0.4 s).
    pub(crate) fn with_short_silence(&self) -> Vec<i16> {
        let mut samples = self.samples[..self.samples.len() - trailing_quiet(&self.samples)].to_vec();
        samples.resize(samples.len() + samples_in(SHORT_SILENCE) as usize, 0);
        samples
    }

    /// Whether it may end within a word.
    pub(crate) fn is_broken_off(&self) -> bool {
        matches!(self.end, End::Cut | End::Stopped | End::Left)
    }

    /// What was said before the last quiet place: without the word that it broke off in. Then the same without a syllable or two
    /// more, again and again, while something is left that was said.
    pub(crate) fn before_last_words(&self) -> impl Iterator<Item = &[i16]> {
        let (mut within, window) = (samples_in(LAST_WORD) as usize, samples_in(CUT_WINDOW) as usize);
        let mut said = &self.samples[..self.speech_ends];
        let before = move || {
            let part = &said[..quietest(said, within, window)];
            within = samples_in(SYLLABLES) as usize;
            // The quiet in whose middle it ends is not found again.
            said = &part[..part.len().saturating_sub(window / 2)];
            Some(part)
        };
        let is_said = |part: &&[i16]| (self.pre_roll + 1..self.speech_ends).contains(&part.len());
        std::iter::from_fn(before).take(MOST_LEFT_OUT).take_while(is_said)
    }

    pub(super) fn append(&mut self, samples: &[i16]) {
        self.samples.extend_from_slice(samples);
        self.speech_ends = self.samples.len();
    }

    pub(super) fn append_silence(&mut self, samples: usize) {
        self.gaps.push((self.samples.len(), samples));
        self.samples.resize(self.samples.len() + samples, 0);
    }

    /// Its first samples are no part of it.
    pub(super) fn forget(&mut self, samples: usize) {
        self.samples.drain(..samples);
        self.begins += Spoken::RATE.duration_of(samples as u64);
        self.speech_ends = self.samples.len();
        self.pre_roll = self.pre_roll.saturating_sub(samples);
        self.gaps.retain(|(from, _)| *from >= samples);
        self.gaps.iter_mut().for_each(|(from, _)| *from -= samples);
    }

    /// Nothing was said behind sample `at`: what is kept of the pause lets an engine hear that the last word is over.
    pub(super) fn close(mut self, at: usize, end: End) -> Utterance {
        self.speech_ends = at.min(self.samples.len());
        let kept = self.speech_ends + samples_in(KEPT_PAUSE) as usize;
        self.samples.truncate(kept);
        self.gaps.retain(|(from, _)| *from < kept);
        self.end = end;
        self
    }

    /// Cuts it at the quietest place of its last seconds: gives what lies before, and goes on as `next` with the rest.
    pub(super) fn cut(&mut self, next: UtteranceId) -> Utterance {
        let at = quietest(&self.samples, samples_in(CUT_WITHIN) as usize, samples_in(CUT_WINDOW) as usize);
        let rest = self.samples.split_off(at);
        let begins = self.begins + Spoken::RATE.duration_of(at as u64);
        let (before, behind): (Vec<_>, Vec<_>) = self.gaps.iter().partition(|(from, _)| *from < at);
        let following = Utterance {
            id: next,
            source: self.source.clone(),
            begins,
            speech_ends: rest.len(),
            samples: rest,
            pre_roll: 0,
            gaps: behind.into_iter().map(|(from, samples)| (from - at, samples)).collect(),
            end: End::Open,
        };
        let mut first = std::mem::replace(self, following);
        first.gaps = before;
        first.speech_ends = first.samples.len();
        first.end = End::Cut;
        first
    }
}

impl fmt::Debug for Utterance {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Utterance { id, source, begins, end, .. } = self;
        write!(f, "Utterance({} of {} at {begins:?}, {:?}, {end:?})", id.0, source.peer, self.lasts())
    }
}

/// How much of the end is far quieter than the loud parts of what was said.
fn trailing_quiet(samples: &[i16]) -> usize {
    let block = samples_in(Duration::from_millis(10)) as usize;
    let power = |block: &[i16]| energy(block) / block.len().max(1) as i64;
    let mut powers: Vec<i64> = samples.chunks(block).map(power).collect();
    powers.sort_unstable();
    let loud = powers.get(powers.len() * 19 / 20).copied().unwrap_or(0);
    let is_quiet = |chunk: &&[i16]| power(chunk) * QUIETER < loud;
    samples.rchunks(block).take_while(is_quiet).map(<[i16]>::len).sum()
}

fn energy(samples: &[i16]) -> i64 {
    samples.iter().map(|sample| i64::from(*sample).pow(2)).sum()
}

/// The middle of the quietest `window` samples among the last `within`.
fn quietest(samples: &[i16], within: usize, window: usize) -> usize {
    let from = samples.len().saturating_sub(within);
    let step = window / 10;
    let places = (from..samples.len().saturating_sub(window)).step_by(step.max(1));
    places.min_by_key(|at| energy(&samples[*at..*at + window])).map_or(samples.len(), |at| at + window / 2)
}

/// The silence behind what is understood at a pause, and behind sound that stops.
const SHORT_SILENCE: Duration = Duration::from_millis(200);
/// What is 35 dB below the loud parts is silence.
const QUIETER: i64 = 3_162;
/// Within which of its last moments the word begins that an utterance broke off in.
const LAST_WORD: Duration = Duration::from_millis(600);
/// Within how much of the rest the next quiet place is looked for, and how often.
const SYLLABLES: Duration = Duration::from_millis(300);
const MOST_LEFT_OUT: usize = 4;
/// How much of the pause behind an utterance is kept.
const KEPT_PAUSE: Duration = Duration::from_millis(400);
/// Among which of its last seconds one that is too long is cut, and how long the quietest place is.
const CUT_WITHIN: Duration = Duration::from_secs(3);
const CUT_WINDOW: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::PeerKind;

    #[test]
    fn a_long_one_is_cut_where_it_is_quiet_and_loses_nothing() {
        let source = Arc::new(Source { peer: "ada".into(), kind: PeerKind::Person, track: "t".into() });
        let mut samples: Vec<i16> = (0..240_000).map(|n| if n % 2 == 0 { 8_000 } else { -8_000 }).collect();
        samples[210_000..211_600].fill(3);
        let mut whole = Utterance {
            id: UtteranceId(4),
            source,
            begins: Duration::from_secs(10),
            speech_ends: samples.len(),
            samples: samples.clone(),
            pre_roll: 6_400,
            gaps: vec![(100, 20), (220_000, 50)],
            end: End::Open,
        };
        let first = whole.cut(UtteranceId(5));
        assert_eq!((first.id, first.end, whole.id, whole.end), (UtteranceId(4), End::Cut, UtteranceId(5), End::Open));
        assert!((210_400..=211_200).contains(&first.samples.len()), "{}", first.samples.len());
        assert_eq!([first.samples.clone(), whole.samples.clone()].concat(), samples);
        assert_eq!(whole.begins, first.begins + first.lasts());
        assert_eq!(first.gaps, [(100, 20)]);
        assert_eq!(whole.gaps, [(220_000 - first.samples.len(), 50)]);
    }

    #[test]
    fn one_that_breaks_off_is_whole_up_to_its_last_word() {
        let source = Arc::new(Source { peer: "ada".into(), kind: PeerKind::Person, track: "t".into() });
        let mut samples: Vec<i16> = (0..32_000).map(|n| if n % 2 == 0 { 8_000 } else { -8_000 }).collect();
        // Between words, 0.4 s before the end, and before that in vain.
        samples[25_600..27_200].fill(3);
        samples[8_000..16_000].fill(0);
        let utterance = |samples: Vec<i16>| Utterance {
            id: UtteranceId(0),
            source: source.clone(),
            begins: Duration::ZERO,
            speech_ends: samples.len(),
            samples,
            pre_roll: 0,
            gaps: Vec::new(),
            end: End::Open,
        };
        let left = utterance(samples.clone()).close(32_000, End::Left);
        assert!(left.is_broken_off() && !utterance(samples).close(32_000, End::Pause).is_broken_off());
        let lengths: Vec<usize> = left.before_last_words().map(<[i16]>::len).collect();
        assert!((26_000..=26_800).contains(&lengths[0]), "{lengths:?}");
        assert!(
            lengths.len() == 4 && lengths.is_sorted_by(|longer, shorter| longer > &(shorter + 1_000)),
            "{lengths:?}"
        );
        assert!(utterance(vec![1; 100]).before_last_words().all(|part| part.len() < 100));
    }
}
