//! Whether a turn is whole: what a judge of that implements, and one that reads what was said.

use std::sync::Arc;

use async_trait::async_trait;

use super::plausible::words;

/// Judges whether somebody has said all that they wanted to say.
pub trait TurnDetector: Send + Sync {
    /// How whole it seems to be, from 0 to 1: above 2/3 it is, below 1/3 something is missing. `None` where nothing can be
    /// said. Asked at each pause, in the agent's task: it takes microseconds.
    fn completeness(&self, said: &SaidSoFar<'_>) -> Option<f32>;
}

/// Hears in how something was said whether that was all. Asked at each pause, beside the text; a detector is told what it hears.
#[async_trait]
pub trait TurnListener: Send + Sync {
    /// How probable it is that somebody has finished, from 0 to 1; `None` where it does not answer in time. `samples` is what they
    /// said since they began, at [`Spoken::RATE`](super::Spoken::RATE), up to their last sound.
    async fn finished(&self, samples: Arc<[i16]>) -> Option<f32>;
}

/// What somebody has said up to a pause.
#[derive(Debug, Clone, Copy)]
pub struct SaidSoFar<'a> {
    /// The words, as the engine wrote them.
    pub text: &'a str,
    /// How sure the engine is that a sentence ends here, where it knows.
    pub sentence_end: Option<f32>,
    /// How probable it is that they have finished by the way they said it, where something listens for that.
    pub sound: Option<f32>,
}

/// Reads the words: what ends in "the" or "because" goes on, and so does what an engine ends in a comma. For English.
///
/// ```
/// use roomtone::conversation::{SaidSoFar, TextTurnDetector, TurnDetector};
/// let judge = |text, sentence_end| {
///     TextTurnDetector.completeness(&SaidSoFar { text, sentence_end, sound: None }).unwrap()
/// };
/// assert!(judge("What time is it?", Some(0.98)) > 0.67);
/// assert!(judge("I would like to", Some(0.4)) < 0.33);
/// assert!(judge("Well, my name is", None) < 0.33);
/// assert!((0.33..0.67).contains(&judge("We went home.", Some(0.5))));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TextTurnDetector;

impl TurnDetector for TextTurnDetector {
    fn completeness(&self, said: &SaidSoFar<'_>) -> Option<f32> {
        let words = words(said.text);
        let last = words.last()?;
        let ends = said.text.trim_end().chars().next_back()?;
        let is_open = GOES_ON.contains(&last.as_str()) && !matches!(ends, '?' | '!');
        let reads = match (is_open, ends) {
            (true, _) | (_, ',' | ';' | ':' | '-' | '—') => 0.0,
            (_, '.' | '?' | '!' | '…') => 2.0,
            _ => 1.0,
        };
        // A sign at the end says little: engines set one behind most of what is cut. How sure they are of it says more.
        let sure = reads + 2.0 * f32::min(said.sentence_end.unwrap_or(UNKNOWN), 1.0);
        // How it was said says more again.
        let (sure, whole, open) = match said.sound {
            None => (sure, WHOLE, OPEN),
            Some(finished) => (sure + heard(finished), WHOLE_HEARD, OPEN_HEARD),
        };
        Some(match sure {
            sure if sure >= whole => 1.0,
            sure if sure >= open => 0.5,
            _ => 0.0,
        })
    }
}

/// What the sound adds.
fn heard(finished: f32) -> f32 {
    match finished {
        finished if finished > 0.9 => 1.2,
        finished if finished > 0.7 => 0.8,
        finished if finished > 0.3 => 0.4,
        _ => 0.0,
    }
}

/// Words that no sentence ends with, or few do.
const GOES_ON: [&str; 88] = [
    "a", "about", "an", "and", "are", "as", "at", "because", "been", "before", "between", "but", "by", "can", "could",
    "did", "do", "does", "during", "each", "every", "for", "from", "get", "had", "has", "have", "he", "her", "his",
    "how", "i", "if", "in", "into", "is", "its", "just", "let", "like", "may", "might", "my", "need", "no", "not",
    "of", "on", "or", "our", "over", "per", "please", "shall", "she", "should", "since", "so", "some", "such", "than",
    "that", "the", "their", "these", "they", "this", "to", "uh", "um", "under", "until", "very", "want", "was", "we",
    "well", "were", "what", "when", "where", "which", "while", "who", "will", "with", "would", "your",
];
/// How sure an engine is taken to be that does not say.
const UNKNOWN: f32 = 0.75;
/// Chosen on 149 whole and 506 cut utterances of people: with the first 58 % of what is whole counts as such at once and 6 % of it
/// as open.
const WHOLE: f32 = 3.65;
const OPEN: f32 = 2.7;
/// The same with the sound: 67 % and 5 %, and fewer of the cut ones count as whole.
const WHOLE_HEARD: f32 = 4.6;
const OPEN_HEARD: f32 = 3.15;
