//! One sentence on its way: text, samples at the voice's rate, words, and which of its samples lie where in the voice.

use std::{borrow::Cow, time::Duration};

use crate::{
    agent::Voice,
    audio::{Hz, Resampler},
    conversation::{
        SoundPiece, Word,
        speaking::{SpokenWord, SpokenWords, leading_silence, trailing_silence},
    },
};

/// See the module's head.
pub(super) struct Line {
    text: String,
    rate: Hz,
    resampler: Option<Resampler>,
    samples: Vec<i16>,
    times: Vec<Word>,
    /// Known when all of it is made.
    words: Option<SpokenWords>,
    /// The first sample that is more than an engine's silence, once there is one.
    begins: Option<usize>,
    /// The sample that the voice is given next, and which it was given where.
    next: usize,
    stretches: Vec<Stretch>,
}

/// Samples from `from` on that stand at a position of the voice.
#[derive(Debug)]
struct Stretch {
    position: u64,
    from: usize,
    length: usize,
}

impl Line {
    pub(super) fn new(text: String, rate: Hz) -> Line {
        Line {
            text,
            rate,
            resampler: None,
            samples: Vec::new(),
            times: Vec::new(),
            words: None,
            begins: None,
            next: 0,
            stretches: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn take(&mut self, piece: SoundPiece) {
        match piece {
            SoundPiece::Sound { rate, samples } => {
                let out = self.rate;
                let resampler = self.resampler.get_or_insert_with(|| Resampler::new(rate, out));
                resampler.push(&samples, &mut self.samples);
            }
            SoundPiece::Word(word) => self.times.push(word),
        }
    }

    /// No more comes of it.
    pub(super) fn finish(&mut self) {
        if let Some(mut resampler) = self.resampler.take() {
            resampler.flush(&mut self.samples);
        }
        let breath = self.rate.samples_in(BREATH);
        let silent = trailing_silence(&self.samples, self.rate).saturating_sub(breath);
        self.samples.truncate((self.samples.len() - silent).max(self.next));
        self.words = Some(self.placed());
    }

    fn placed(&self) -> SpokenWords {
        if self.times.is_empty() || self.times.len() != self.text.split_whitespace().count() {
            return SpokenWords::estimated(&self.text, &self.samples, self.rate);
        }
        let at = |time: Duration| self.rate.samples_in(time).min(self.samples.len());
        let word = |word: &Word| SpokenWord { text: word.text.clone(), samples: at(word.begins)..at(word.ends) };
        SpokenWords::known(self.times.iter().map(word).collect())
    }

    fn is_made(&self) -> bool {
        self.words.is_some()
    }

    pub(super) fn has_begun(&self) -> bool {
        !self.stretches.is_empty()
    }

    /// Whether nothing of it is heard yet, and something will be, or may be.
    pub(super) fn is_ahead_of(&self, played: u64) -> bool {
        match self.stretches.first() {
            Some(stretch) => stretch.position >= played,
            None => !self.is_queued(),
        }
    }

    /// Whether the voice has all of it.
    pub(super) fn is_queued(&self) -> bool {
        self.is_made() && self.next >= self.samples.len()
    }

    /// Gives the voice what there is.
    pub(super) fn queue(&mut self, voice: &mut Voice) {
        if self.begins.is_none() {
            let begins = leading_silence(&self.samples, self.rate);
            if begins == self.samples.len() && !self.is_made() {
                return;
            }
            self.begins = Some(begins);
            self.next = begins;
        }
        let position = voice.written();
        let length = voice.play(&self.samples[self.next..]);
        if length > 0 {
            self.stretches.push(Stretch { position, from: self.next, length });
            self.next += length;
        }
    }

    /// How many of its samples have been heard when the voice is at `played`, which counts none that was cut off.
    fn heard_samples(&self, played: u64) -> usize {
        let heard = self.stretches.iter().filter(|stretch| played > stretch.position);
        let heard = heard.map(|stretch| stretch.from + stretch.length.min((played - stretch.position) as usize));
        heard.max().unwrap_or(0)
    }

    /// The words that have been heard; and whether that is an estimate.
    pub(super) fn heard(&self, played: u64) -> (String, bool) {
        let heard = self.heard_samples(played);
        let words = self.words();
        (words.heard(heard), words.is_estimate())
    }

    /// The voice was cut off at `played`: what it had been given behind that was not heard. The line goes on at its first word
    /// that was not heard whole.
    pub(super) fn rewind(&mut self, played: u64) {
        let heard = self.heard_samples(played);
        self.stretches.retain(|stretch| stretch.position < played);
        for stretch in &mut self.stretches {
            stretch.length = stretch.length.min((played - stretch.position) as usize);
        }
        let resumes = self.words().resumes_at(heard);
        self.next = match (resumes, heard) {
            (_, 0) => self.begins.unwrap_or(0),
            (Some(at), _) => at.max(self.begins.unwrap_or(0)),
            (None, _) => self.samples.len(),
        };
    }

    /// Where its words are; while it is being made, an estimate: no sooner than people speak.
    fn words(&self) -> Cow<'_, SpokenWords> {
        if let Some(words) = &self.words {
            return Cow::Borrowed(words);
        }
        let mut samples = self.samples.clone();
        let least = self.rate.samples_in(A_LETTER * self.text.chars().count() as u32);
        // What is not made yet counts as loud.
        samples.resize(samples.len().max(least), i16::MAX);
        Cow::Owned(SpokenWords::estimated(&self.text, &samples, self.rate))
    }

    /// Another engine says it from its beginning.
    pub(super) fn restart(&mut self) {
        *self = Line::new(std::mem::take(&mut self.text), self.rate);
    }
}

/// How long a letter is said, at a quick pace.
const A_LETTER: Duration = Duration::from_millis(50);
/// What is left of the silence behind a sentence.
const BREATH: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::agent::{AudioRequirements, RoomPort, room_link};

    /// The room hears so many samples of what was queued.
    fn hear(port: &mut RoomPort, samples: usize) -> Vec<i16> {
        let (voice, now) = (&mut port.voice, Instant::now());
        let (from, mut heard) = (voice.position(), Vec::new());
        voice.fetch(samples, &mut heard);
        let length = voice.rate().duration_of(heard.len() as u64);
        voice.on_sent(now, now.checked_sub(length).unwrap_or(now), from, heard.len() as u64);
        voice.settle(from + heard.len() as u64);
        heard
    }

    fn interrupt(voice: &mut Voice, port: &mut RoomPort) {
        voice.interrupt();
        assert!(port.voice.take_interrupt());
        let position = port.voice.position();
        port.voice.settle(position);
    }

    /// Three words of 0.1 s each, at 24 kHz, behind a tenth of a second of an engine's silence.
    fn line() -> Line {
        let mut line = Line::new("one two three".into(), Hz::K24);
        let ms = Duration::from_millis;
        for (n, text) in (1..).zip(["one", "two", "three"]) {
            line.take(SoundPiece::Word(Word { text: text.into(), begins: ms(100 * n), ends: ms(100 * n + 100) }));
        }
        let samples: Vec<i16> = (0..9_600).map(|n| if n < 2_400 { 0 } else { 1_000 + (n / 2_400) as i16 }).collect();
        line.take(SoundPiece::Sound { rate: Hz::K24, samples });
        line.finish();
        line
    }

    #[test]
    fn a_line_that_was_cut_goes_on_at_the_word_that_was_not_heard_and_tells_which_were() {
        let requirements = AudioRequirements { speak_rate: Some(Hz::K24), ..AudioRequirements::default() };
        for (heard, text, goes_on_with) in
            [(0, "", 1_001), (1_200, "", 1_001), (2_900, "one", 1_002), (5_100, "one two", 1_003)]
        {
            let (mut room, mut port) = room_link("r".into(), "me".into(), &requirements);
            let mut line = line();
            line.queue(&mut room.voice);
            assert!(line.is_queued() && line.has_begun());
            // The silence is not said: 20 ms of it are kept before a soft beginning.
            hear(&mut port, 480 + heard - if heard == 0 { 480 } else { 0 });
            interrupt(&mut room.voice, &mut port);
            let played = room.voice.played();
            assert_eq!(line.heard(played), (text.to_owned(), false), "{heard}");
            line.rewind(played);
            line.queue(&mut room.voice);
            let rest = hear(&mut port, 20_000);
            let first = rest.iter().find(|sample| **sample != 0).copied();
            assert_eq!(first, Some(goes_on_with), "{heard}");
            assert_eq!(line.heard(room.voice.played()).0, "one two three", "{heard}: all of it in the end");
        }
    }

    #[test]
    fn words_are_estimated_where_an_engine_gives_none_or_others_than_the_text_has() {
        let mut line = Line::new("one two three".into(), Hz::K24);
        line.take(SoundPiece::Word(Word {
            text: "one".into(),
            begins: Duration::ZERO,
            ends: Duration::from_millis(1),
        }));
        line.take(SoundPiece::Sound { rate: Hz::K16, samples: vec![1_000; 16_000] });
        line.finish();
        let requirements = AudioRequirements { speak_rate: Some(Hz::K24), ..AudioRequirements::default() };
        let (mut room, mut port) = room_link("r".into(), "me".into(), &requirements);
        line.queue(&mut room.voice);
        hear(&mut port, 13_000);
        assert_eq!(line.heard(room.voice.played()), ("one two".to_owned(), true));
    }
}
