//! What must not be kept is taken out before anything is written or sent.

use serde::Deserialize;

use super::Caption;

/// What is taken out of captions: each word of it becomes `[redacted]`, one mark for several in a row.
///
/// ```
/// use roomtone::conversation::transcript::Redaction;
/// let rules = Redaction { digits: true, emails: true, words: vec!["Rumpelstilzchen".into()] };
/// assert_eq!(rules.text("Call 555-0199, or 0 1 7 now."), "Call [redacted] or [redacted] now.");
/// assert_eq!(rules.text("four one one one twice"), "[redacted] twice");
/// assert_eq!(rules.text("It is ada@example.com, ada at example dot com."), "It is [redacted]");
/// assert_eq!(rules.text("I am rumpelstilzchen's aunt"), "I am [redacted] aunt");
/// assert_eq!(rules.text("one of us at home"), "one of us at home");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// Everything with a digit, and three or more spoken ones in a row.
    pub digits: bool,
    /// E-mail addresses, written and spoken ("ada at example dot com").
    pub emails: bool,
    /// These words, whatever their case, also with an ending of theirs.
    pub words: Vec<String>,
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
            hold_back(caption);
        }
        caption.text = self.text(&caption.text);
        let texts: Vec<&str> = caption.words.iter().map(|word| word.text.as_str()).collect();
        let marks = self.marks(&texts);
        for (word, is_marked) in caption.words.iter_mut().zip(marks) {
            if is_marked {
                word.text = MARK.to_owned();
            }
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

    /// Which of these words go.
    fn marks(&self, words: &[&str]) -> Vec<bool> {
        let plain: Vec<String> = words.iter().map(|word| plain(word)).collect();
        let mut marks: Vec<bool> = words.iter().zip(&plain).map(|(word, plain)| self.is_meant(word, plain)).collect();
        if self.digits {
            mark_spoken_digits(&plain, &mut marks);
        }
        if self.emails {
            mark_spoken_addresses(&plain, &mut marks);
        }
        marks
    }

    fn is_meant(&self, word: &str, plain: &str) -> bool {
        let has_digit = self.digits && word.chars().any(char::is_numeric);
        let is_address =
            self.emails && word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        let is_named = self.words.iter().any(|named| {
            let named = self::plain(named);
            !named.is_empty()
                && (plain == named || plain.strip_prefix(&named).is_some_and(|end| ENDINGS.contains(&end)))
        });
        has_digit || is_address || is_named
    }
}

/// What a partial ends in may be the beginning of something that is taken out once it is whole.
fn hold_back(caption: &mut Caption) {
    let words: Vec<&str> = caption.text.split_whitespace().collect();
    caption.text = words[..words.len().saturating_sub(HELD_BACK)].join(" ");
    caption.words.truncate(caption.words.len().saturating_sub(HELD_BACK));
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric() || *c == '\'').flat_map(char::to_lowercase).collect()
}

/// "Four one one one" is a number; "one of us" is none.
fn mark_spoken_digits(words: &[String], marks: &mut [bool]) {
    let mut from = 0;
    while from < words.len() {
        let is_number = |n: usize| marks[n] || NUMBERS.contains(&words[n].as_str());
        let run = (from..words.len()).take_while(|n| is_number(*n)).count();
        if run >= LEAST_SPOKEN {
            marks[from..from + run].fill(true);
        }
        from += run.max(1);
    }
}

/// "Ada at example dot com": the word before "at", and all up to what follows the last "dot".
fn mark_spoken_addresses(words: &[String], marks: &mut [bool]) {
    for at in 1..words.len() {
        if words[at] != "at" {
            continue;
        }
        let mut end = at + 1;
        while words.get(end + 1).is_some_and(|word| word == "dot") && end + 2 < words.len() {
            end += 2;
        }
        if end > at + 1 {
            let mut begin = at - 1;
            while begin >= 2 && words[begin - 1] == "dot" {
                begin -= 2;
            }
            marks[begin..=end].fill(true);
        }
    }
}

const MARK: &str = "[redacted]";
/// What a name may end in and still be the name.
const ENDINGS: [&str; 5] = ["s", "'s", "'", "es", "n"];
const LEAST_SPOKEN: usize = 3;
/// "Ada at example dot" is an address only with the word behind it.
const HELD_BACK: usize = 4;
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
