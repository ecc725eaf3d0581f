//! What must not be kept is taken out before anything is written or sent.

use serde::Deserialize;

use super::Caption;

/// What is taken out of captions: each word of it becomes `[redacted]`, one mark for several in a row. It is looked for within
/// one utterance: a number that is dictated with long pauses is several.
///
/// ```
/// use roomtone::conversation::transcript::Redaction;
/// let rules = Redaction { digits: true, emails: true, words: vec!["Rumpelstilzchen".into(), "Project Merlin".into()] };
/// assert_eq!(rules.text("Call 555-0199, or 0 1 7 now."), "Call [redacted] or [redacted] now.");
/// assert_eq!(rules.text("four one one twenty-one twice"), "[redacted] twice");
/// assert_eq!(rules.text("It is ada@example.com, ada at example dot com."), "It is [redacted]");
/// assert_eq!(rules.text("mary dot ann at example.com, please"), "[redacted] please");
/// assert_eq!(rules.text("I am rumpelstilzchen's aunt"), "I am [redacted] aunt");
/// assert_eq!(rules.text("about project Merlin-related things"), "about [redacted] things");
/// assert_eq!(rules.text("one of us at home"), "one of us at home");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// Everything with a digit, and three or more spoken ones in a row.
    pub digits: bool,
    /// E-mail addresses, written and spoken ("ada at example dot com").
    pub emails: bool,
    /// These words and phrases, whatever their case, also with an ending of theirs.
    pub words: Vec<String>,
}

/// A part of a word: what stands between signs.
struct Part {
    text: String,
    /// The word that it is of.
    word: usize,
    /// Whether a dot alone stands between it and the part before, within a word.
    follows_dot: bool,
}

impl Redaction {
    /// Whether nothing is taken out.
    pub fn is_empty(&self) -> bool {
        *self == Redaction::default()
    }

    /// A caption without what must not be kept, its words with times included.
    pub fn apply(&self, caption: &mut Caption) {
        if self.is_empty() {
            return;
        }
        if caption.is_partial() {
            self.hold_back(caption);
        }
        caption.text = self.text(&caption.text);
        let texts: Vec<&str> = caption.words.iter().map(|word| word.text.as_str()).collect();
        let marks = self.marks(&texts);
        for (word, _) in caption.words.iter_mut().zip(marks).filter(|(_, is_marked)| *is_marked) {
            word.text = MARK.to_owned();
        }
    }

    /// A text without what must not be kept.
    pub fn text(&self, text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        let marks = self.marks(&words);
        if marks.iter().all(|is_marked| !is_marked) {
            return text.to_owned();
        }
        let mut kept: Vec<&str> = Vec::with_capacity(words.len());
        for (n, word) in words.into_iter().enumerate() {
            match marks[n] {
                false => kept.push(word),
                true if n > 0 && marks[n - 1] => {}
                true => kept.push(MARK),
            }
        }
        kept.join(" ")
    }

    /// What a partial ends in may be the beginning of something that is taken out once it is whole.
    fn hold_back(&self, caption: &mut Caption) {
        let phrase = self.words.iter().map(|words| words.split_whitespace().count()).max().unwrap_or(0);
        let held = if self.emails { LONGEST_ADDRESS } else { LEAST_SPOKEN }.max(phrase);
        let words: Vec<&str> = caption.text.split_whitespace().collect();
        caption.text = words[..words.len().saturating_sub(held)].join(" ");
        caption.words.truncate(caption.words.len().saturating_sub(held));
    }

    /// Which of these words go.
    fn marks(&self, words: &[&str]) -> Vec<bool> {
        let parts: Vec<Part> = words.iter().enumerate().flat_map(|(n, word)| parts(word, n)).collect();
        let mut marks = vec![false; parts.len()];
        if self.digits {
            mark_numbers(&parts, &mut marks);
        }
        if self.emails {
            mark_addresses(&parts, &mut marks);
        }
        self.words.iter().for_each(|phrase| mark_phrase(phrase, &parts, &mut marks));
        let mut of_words: Vec<bool> = words.iter().map(|word| self.emails && is_address(word)).collect();
        parts.iter().zip(marks).filter(|(_, is_marked)| *is_marked).for_each(|(part, _)| of_words[part.word] = true);
        of_words
    }
}

fn parts(word: &str, n: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut between = String::new();
    let mut text = String::new();
    let mut take = |text: &mut String, between: &mut String| {
        if !text.is_empty() {
            parts.push(Part { text: std::mem::take(text), word: n, follows_dot: between == "." });
            between.clear();
        }
    };
    for c in word.chars() {
        // "Ada's" is one part, however the apostrophe is written.
        match c.is_alphanumeric() || "'’".contains(c) {
            true => text.extend(c.to_lowercase().filter(|c| *c != '’')),
            false => {
                take(&mut text, &mut between);
                between.push(c);
            }
        }
    }
    take(&mut text, &mut between);
    parts
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
}

/// "Four one one one" is a number; "one of us" is none.
fn mark_numbers(parts: &[Part], marks: &mut [bool]) {
    let has_digit = |n: usize| parts[n].text.chars().any(char::is_numeric);
    let mut from = 0;
    while from < parts.len() {
        let is_number = |n: &usize| has_digit(*n) || NUMBERS.contains(&parts[*n].text.as_str());
        let run = (from..parts.len()).take_while(is_number).count();
        for (n, mark) in (from..).zip(&mut marks[from..from + run]) {
            *mark |= run >= LEAST_SPOKEN || has_digit(n);
        }
        from += run.max(1);
    }
}

/// "Ada at example dot com", "mary dot ann at example.com": the name before "at", and all up to what follows the last dot.
fn mark_addresses(parts: &[Part], marks: &mut [bool]) {
    let is = |n: usize, text: &str| parts.get(n).is_some_and(|part| part.text == text);
    for at in (1..parts.len()).filter(|n| is(*n, "at")) {
        let mut end = at + 1;
        loop {
            if is(end + 1, "dot") && end + 2 < parts.len() {
                end += 2;
            } else if parts.get(end + 1).is_some_and(|part| part.follows_dot) {
                end += 1;
            } else {
                break;
            }
        }
        if end == at + 1 || end >= parts.len() {
            continue;
        }
        let mut begin = at - 1;
        while begin >= 2 && is(begin - 1, "dot") {
            begin -= 2;
        }
        marks[begin..=end].fill(true);
    }
}

fn mark_phrase(phrase: &str, parts: &[Part], marks: &mut [bool]) {
    let wanted: Vec<String> = self::parts_of(phrase);
    let Some((last, first)) = wanted.split_last() else { return };
    for n in 0..parts.len().saturating_sub(first.len()) {
        let fits = first.iter().zip(&parts[n..]).all(|(wanted, part)| part.text == *wanted);
        let ends = parts[n + first.len()].text.strip_prefix(last.as_str()).is_some_and(|end| ENDINGS.contains(&end));
        if fits && ends {
            marks[n..=n + first.len()].fill(true);
        }
    }
}

fn parts_of(text: &str) -> Vec<String> {
    text.split_whitespace().flat_map(|word| parts(word, 0)).map(|part| part.text).collect()
}

const MARK: &str = "[redacted]";
/// What a name may end in and still be the name.
const ENDINGS: [&str; 6] = ["", "s", "'s", "'", "es", "n"];
const LEAST_SPOKEN: usize = 3;
/// Words of an address that is spelled: "mary dot ann dot lee at example dot co dot uk".
const LONGEST_ADDRESS: usize = 11;
const NUMBERS: [&str; 36] = [
    "zero",
    "oh",
    "o",
    "nought",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "double",
    "triple",
    "point",
];
