//! Whether what an engine understood can have been said.
//!
//! Models invent words where there are none: they loop over noise that sounds like speech, and caption music. So a text must
//! fit into its time, a phrase is not said five times over, something in it must be a word, it is not what subtitles say over
//! silence, and the model itself must not have guessed.

use std::time::Duration;

use super::Transcription;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nonsense {
    /// More than anybody says in that time.
    TooFast,
    /// The same again and again.
    Repeats,
    /// No word is in it.
    NoWord,
    /// The engine itself only guessed.
    Guess,
    /// What models that learned from subtitles say where nothing is said.
    Stock,
}

impl Nonsense {
    /// As metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Nonsense::TooFast => "too-fast",
            Nonsense::Repeats => "repeats",
            Nonsense::NoWord => "no-word",
            Nonsense::Guess => "guess",
            Nonsense::Stock => "stock",
        }
    }
}

/// What is wrong with a text that is said to have been spoken within `lasts`; `None` for a plausible one and for an empty one.
///
/// ```
/// use std::time::Duration;
/// use roomtone::conversation::{Nonsense, Transcription, nonsense};
/// let check = |text: &str, s: u64| nonsense(&Transcription::of(text), Duration::from_secs(s));
/// assert_eq!(check("Good morning, everybody.", 2), None);
/// assert_eq!(check("no, no, no, no", 2), None, "people do say that");
/// assert_eq!(check("and the and the and the and the and the and the", 9), Some(Nonsense::Repeats));
/// assert_eq!(check("♪♪", 3), Some(Nonsense::NoWord));
/// assert_eq!(check("one two three four five six seven eight nine", 1), Some(Nonsense::TooFast));
/// ```
pub fn nonsense(heard: &Transcription, lasts: Duration) -> Option<Nonsense> {
    let words = words(&heard.text);
    if heard.text.trim().is_empty() {
        return None;
    }
    if words.is_empty() || heard.text.contains(['♪', '©']) {
        return Some(Nonsense::NoWord);
    }
    if STOCK.contains(&words.join(" ").as_str()) {
        return Some(Nonsense::Stock);
    }
    if words.len() as f64 > 2.0 + MOST_WORDS_A_SECOND * lasts.as_secs_f64() {
        return Some(Nonsense::TooFast);
    }
    if repeats(&words) {
        return Some(Nonsense::Repeats);
    }
    let is_guess = heard.confidence.is_some_and(|confidence| confidence < LEAST_CONFIDENCE);
    is_guess.then_some(Nonsense::Guess)
}

/// The words of a text as they sound: without case and signs, so that they can be compared.
///
/// ```
/// use roomtone::conversation::words;
/// assert_eq!(words("Well, good-bye!"), ["well", "goodbye"]);
/// ```
pub fn words(text: &str) -> Vec<String> {
    let plain = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    text.split_whitespace().map(plain).filter(|word: &String| !word.is_empty()).collect()
}

/// Whether one of these phrases stands somewhere in what was said, word for word; one without words stands nowhere.
///
/// ```
/// use roomtone::conversation::has_phrase;
/// let phrases = ["Talk to a person".to_owned()];
/// assert!(has_phrase("I'd rather talk to a person, please.", &phrases));
/// assert!(!has_phrase("Talk to her in person.", &phrases));
/// ```
pub fn has_phrase(said: &str, phrases: &[String]) -> bool {
    let said = words(said);
    phrases.iter().any(|phrase| {
        let phrase = words(phrase);
        !phrase.is_empty() && said.windows(phrase.len()).any(|part| part == phrase)
    })
}

/// Whether a phrase of up to eight words stands five times behind itself, or a single word eight times.
fn repeats(words: &[String]) -> bool {
    (1..=LONGEST_PHRASE).any(|length| {
        let most = if length == 1 { MOST_OF_A_WORD } else { MOST_OF_A_PHRASE };
        let mut run = length;
        for n in length..words.len() {
            run = if words[n] == words[n - length] { run + 1 } else { length };
            if run >= length * most {
                return true;
            }
        }
        false
    })
}

/// The fastest speakers say five to six words a second for any length of time.
const MOST_WORDS_A_SECOND: f64 = 6.0;
const LONGEST_PHRASE: usize = 8;
const MOST_OF_A_WORD: usize = 8;
const MOST_OF_A_PHRASE: usize = 5;
/// 134 spoken clips had 0 % below this, 0.7 % in noise at 10 dB; of 272 pieces of music 8 %.
const LEAST_CONFIDENCE: f32 = -1.3;
/// More than half of what a small model made of 272 pieces of music, and of none of 134 spoken clips.
const STOCK: [&str; 4] = ["you", "thank you for watching", "thanks for watching", "thank you so much for watching"];
