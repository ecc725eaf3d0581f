//! Whether a turn is whole: what a judge of that implements, and one that reads what was said.

use std::sync::Arc;

use async_trait::async_trait;

use super::plausible::words;

/// Judges whether somebody has said all that they wanted to say.
pub trait TurnDetector: Send + Sync {
    /// How whole it seems to be, from 0 to 1: above 2/3 it is, below 1/3 something is missing. `None` where nothing can be
    /// said. Asked at each pause and when sound stops, in the agent's task: it takes microseconds.
    fn completeness(&self, said: &SaidSoFar<'_>) -> Option<f32>;
}

/// Hears in how something was said whether that was all. Asked at each pause and when sound stops, beside the text; a detector is told
/// what it hears.
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
/// assert!(judge("If you want to go there.", Some(0.9)) < 0.67);
/// assert!(judge("Yes.", Some(0.9)) > 0.67);
/// assert!((0.33..0.67).contains(&judge("We went home.", Some(0.5))));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TextTurnDetector;

impl TurnDetector for TextTurnDetector {
    fn completeness(&self, said: &SaidSoFar<'_>) -> Option<f32> {
        // A sign at the end says little: engines set one behind most of what is cut. How sure they are of it says more.
        let sure = reads(said.text)? + 2.0 * f32::min(said.sentence_end.unwrap_or(UNKNOWN), 1.0);
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

/// How whole the words read: 2 whole, 1 open to doubt, 0 not.
fn reads(text: &str) -> Option<f32> {
    let words = words(text);
    let (first, last) = (words.first()?.as_str(), words.last()?.as_str());
    let sign = text.trim_end().chars().next_back()?;
    let has = |list: &[&str], word: &str| list.contains(&word);
    let is_question = matches!(sign, '?' | '!');
    let loops = words.len() >= 3 && words[words.len() - 3..].iter().all(|word| word == last);
    let newest = newest_sentence(text);
    Some(match () {
        () if words.iter().all(|word| has(&WHOLE_ALONE, word)) => 2.0,
        () if loops || has(&FILLERS, last) => 0.0,
        // "Could you?"
        () if newest.len() <= 3
            && has(&AUXILIARIES, newest.first().map_or(first, String::as_str))
            && has(&PRONOUNS, last) =>
        {
            0.0
        }
        () if is_question && !has(&NEVER_LAST, last) => 2.0,
        () if !matches!(sign, '.' | '?' | '!' | '…') => 0.0,
        () if has(&NEVER_LAST, last) => 0.0,
        () if has(&SELDOM_LAST, last) => {
            if words.len() >= 4 {
                1.0
            } else {
                0.0
            }
        }
        // "If you want to.", without what follows from it.
        () if has(&OPENERS, newest.first().map_or(first, String::as_str)) && !text.contains(',') => {
            if newest.len() > 4 { 1.0 } else { 0.0 }
        }
        () if has(&TRANSITIVE, last) || newest.len() == 1 => 1.0,
        () => 2.0,
    })
}

fn newest_sentence(text: &str) -> Vec<String> {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    words(text.rsplit(['.', '?', '!']).next().unwrap_or(text))
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

/// Answers that are whole by themselves.
const WHOLE_ALONE: [&str; 20] = [
    "bye", "correct", "exactly", "goodbye", "hello", "help", "hey", "hi", "never", "no", "nope", "ok", "okay", "right",
    "stop", "sure", "thanks", "yeah", "yep", "yes",
];
const FILLERS: [&str; 11] = ["ah", "and", "because", "but", "er", "erm", "hmm", "or", "so", "uh", "um"];
const AUXILIARIES: [&str; 19] = [
    "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "may", "might", "shall", "should",
    "was", "were", "will", "would",
];
const PRONOUNS: [&str; 9] = ["he", "i", "it", "she", "that", "there", "they", "we", "you"];
/// No sentence ends with these,
const NEVER_LAST: [&str; 53] = [
    "a", "although", "among", "an", "at", "been", "being", "between", "during", "every", "for", "from", "he", "her",
    "his", "if", "im", "into", "its", "lets", "like", "may", "might", "must", "my", "nor", "of", "onto", "our",
    "quite", "really", "shall", "she", "should", "than", "the", "their", "theres", "they", "to", "toward", "unless",
    "until", "upon", "very", "via", "we", "well", "which", "while", "whose", "with", "your",
];
/// and few with these.
const SELDOM_LAST: [&str; 53] = [
    "about", "after", "also", "am", "another", "any", "are", "as", "be", "before", "by", "can", "could", "did", "do",
    "does", "first", "had", "has", "have", "how", "i", "in", "is", "it", "just", "last", "more", "most", "next", "no",
    "not", "on", "only", "other", "over", "some", "such", "that", "then", "these", "this", "through", "was", "were",
    "what", "when", "where", "who", "why", "will", "would", "you",
];
/// What begins a part of a sentence that needs another.
const OPENERS: [&str; 11] =
    ["after", "although", "because", "before", "if", "once", "since", "unless", "until", "when", "while"];
/// Verbs that want something behind them.
const TRANSITIVE: [&str; 34] = [
    "ask", "asked", "became", "bring", "call", "called", "enter", "gave", "get", "give", "got", "include", "need",
    "needs", "open", "press", "put", "record", "remove", "said", "say", "see", "send", "sent", "take", "tell", "told",
    "took", "try", "use", "want", "wanted", "wants", "wish",
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
