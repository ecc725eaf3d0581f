//! Which word of a sentence is heard when.

use std::ops::Range;

use super::{leading_silence, trailing_silence};
use crate::audio::Hz;

/// A word and its samples, counted from the sentence's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenWord {
    /// The word, with its signs.
    pub text: String,
    /// Its samples.
    pub samples: Range<usize>,
}

/// The words of a sentence, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpokenWords {
    words: Vec<SpokenWord>,
    is_estimate: bool,
}

impl SpokenWords {
    /// Words whose places the engine knows.
    pub fn known(words: Vec<SpokenWord>) -> SpokenWords {
        SpokenWords { words, is_estimate: false }
    }

    /// Words by their share of the sentence's letters, between its first and its last loud sample.
    ///
    /// ```
    /// use roomtone::{audio::Hz, conversation::speaking::SpokenWords};
    /// let words = SpokenWords::estimated("Yes, of course.", &[1_000; 14_000], Hz::K16);
    /// assert!(words.is_estimate());
    /// assert_eq!(words.heard(0), "");
    /// assert_eq!(words.heard(7_000), "Yes, of");
    /// assert_eq!(words.heard(14_000), "Yes, of course.");
    /// ```
    pub fn estimated(text: &str, samples: &[i16], rate: Hz) -> SpokenWords {
        let from = leading_silence(samples, rate).min(samples.len());
        let to = samples.len() - trailing_silence(&samples[from..], rate);
        // A letter more for the gap between words.
        let length = |word: &str| word.chars().count() + 1;
        let all: usize = text.split_whitespace().map(length).sum();
        let place = |letters: usize| from + (to - from) * letters / all.max(1);
        let mut letters = 0;
        let words = text.split_whitespace().map(|word| {
            let begins = place(letters);
            letters += length(word);
            SpokenWord { text: word.to_owned(), samples: begins..place(letters) }
        });
        SpokenWords { words: words.collect(), is_estimate: true }
    }

    /// Whether the places are an estimate.
    pub fn is_estimate(&self) -> bool {
        self.is_estimate
    }

    /// The words that were heard when so many samples were: all but those of which a quarter or more is missing.
    pub fn heard(&self, samples: usize) -> String {
        let heard = self.words.iter().take_while(|word| is_heard(word, samples));
        heard.map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Where the first word begins that was not heard; the end of all if all were.
    pub fn resumes_at(&self, samples: usize) -> Option<usize> {
        self.words.iter().find(|word| !is_heard(word, samples)).map(|word| word.samples.start)
    }
}

fn is_heard(word: &SpokenWord, samples: usize) -> bool {
    let least = word.samples.end - word.samples.len() / 4;
    samples >= least && samples > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_was_cut_is_said_again_from_its_beginning() {
        let word = |text: &str, samples| SpokenWord { text: text.into(), samples };
        let words = SpokenWords::known(vec![word("Good", 400..1_200), word("morning.", 1_200..3_000)]);
        for (heard, text, resumes) in [
            (0, "", Some(400)),
            (900, "", Some(400)),
            (1_000, "Good", Some(1_200)),
            (2_000, "Good", Some(1_200)),
            (2_600, "Good morning.", None),
        ] {
            assert_eq!((words.heard(heard).as_str(), words.resumes_at(heard)), (text, resumes), "{heard}");
        }
        assert_eq!(SpokenWords::estimated("", &[0; 100], Hz::K16).resumes_at(50), None);
        assert_eq!(SpokenWords::estimated("no sound at all", &[], Hz::K16).heard(1), "no sound at all");
    }
}
