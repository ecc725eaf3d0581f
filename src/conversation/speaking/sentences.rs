//! Sentences out of text that comes in pieces.

/// Cuts text into sentences as it comes. A sentence is given as soon as it is sure that it is over, which the first letter
/// behind it tells.
#[derive(Debug, Clone, Default)]
pub struct Sentences {
    text: String,
}

impl Sentences {
    /// Takes more text, and gives the sentences that are over.
    pub fn push(&mut self, text: &str) -> impl Iterator<Item = String> {
        self.text.push_str(text);
        let mut over = Vec::new();
        while let Some(at) = end_of_sentence(&self.text) {
            let rest = self.text.split_off(at);
            let sentence = std::mem::replace(&mut self.text, rest.trim_start().to_owned());
            over.extend(cleaned(&sentence));
        }
        over.into_iter()
    }

    /// Nothing more comes: gives what is left.
    pub fn finish(&mut self) -> Option<String> {
        cleaned(&std::mem::take(&mut self.text))
    }
}

fn cleaned(sentence: &str) -> Option<String> {
    let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    (!sentence.is_empty()).then_some(sentence)
}

/// Where the first sentence ends, if it is sure that it does.
fn end_of_sentence(text: &str) -> Option<usize> {
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match c {
            '\n' if !text[..at].trim().is_empty() => return Some(end),
            '.' | '!' | '?' | '…' | '。' | '！' | '？' => {
                let closing = text[end..].len() - text[end..].trim_start_matches(CLOSES).len();
                let end = end + closing;
                let is_wide = matches!(c, '。' | '！' | '？');
                let next = text[end..].trim_start().chars().next()?;
                let is_apart = is_wide || text[end..].starts_with(char::is_whitespace);
                if is_apart && !next.is_lowercase() && !(c == '.' && is_abbreviation(&text[..at])) {
                    return Some(end);
                }
            }
            _ if at >= LONGEST => return Some(clause(&text[..at])),
            _ => {}
        }
    }
    None
}

/// Whether a full stop behind this is none: a title, an initial, the number of an item.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or(before);
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    let is_item = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && before.trim() == word;
    is_initial || is_item || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// A sentence without an end is cut behind its last sign, or its last word.
fn clause(text: &str) -> usize {
    // The sign within a number ends nothing.
    let ends = |(at, c): &(usize, char)| match c {
        ',' | ';' | ':' => text[at + 1..].starts_with(char::is_whitespace),
        c => *c == '—',
    };
    let sign = text.char_indices().rev().find(ends).map(|(at, _)| at).filter(|at| *at > LONGEST / 3);
    let cut = sign.or_else(|| text.rfind(char::is_whitespace)).unwrap_or(text.len());
    let width = text[cut..].chars().next().map_or(0, char::len_utf8);
    cut + width
}

const CLOSES: [char; 6] = ['"', '\'', ')', ']', '”', '’'];
/// What has a full stop within a sentence.
const ABBREVIATIONS: [&str; 24] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "no", "jan", "feb", "mar", "apr", "jun", "jul",
    "aug", "sep", "sept", "oct", "nov", "dec", "approx",
];
/// Bytes behind which a sentence is cut, so that one without an end is heard all the same.
const LONGEST: usize = 300;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let mut sentences = Sentences::default();
        let mut cut: Vec<String> = sentences.push(text).collect();
        cut.extend(sentences.finish());
        cut
    }

    #[test]
    fn sentences_end_where_people_would_say_so() {
        for (text, sentences) in [
            ("Hello there. How are you?", vec!["Hello there.", "How are you?"]),
            ("Dr. A. Smith came at 3.15 p.m. today. Really!", vec!["Dr. A. Smith came at 3.15 p.m. today.", "Really!"]),
            ("She said \"No.\" Then she left.", vec!["She said \"No.\"", "Then she left."]),
            ("One\nTwo\n\n  three", vec!["One", "Two", "three"]),
            ("1. Salt 2. Pepper", vec!["1. Salt 2.", "Pepper"]),
            ("Visit example.com now... or later", vec!["Visit example.com now... or later"]),
            ("今日は。 元気", vec!["今日は。", "元気"]),
            ("   ", vec![]),
        ] {
            assert_eq!(cut(text), sentences, "{text}");
        }
        assert!(cut(&"word, ".repeat(200)).iter().all(|part| part.len() <= LONGEST));
        assert!(cut(&"x".repeat(2_000)).len() >= 6);
        let long = format!("{}that is 10,000,000 of them at 12:30 and so it goes on and on", "well ".repeat(52));
        assert!(cut(&long).iter().all(|part| !part.ends_with([',', ':'])), "{:?}", cut(&long));
    }

    proptest! {
        /// However the text comes in pieces, the sentences are the same, and no word is lost.
        #[test]
        fn pieces_do_not_matter(words in proptest::collection::vec("[A-Za-zé]{1,9}[.,!?]{0,2}", 0..60), cuts in proptest::collection::vec(1_usize..7, 1..40)) {
            let text = words.join(" ");
            let (mut pieces, mut sentences, mut rest) = (Sentences::default(), Vec::new(), text.chars().peekable());
            let mut cuts = cuts.iter().cycle();
            while rest.peek().is_some() {
                let piece: String = rest.by_ref().take(*cuts.next().unwrap()).collect();
                sentences.extend(pieces.push(&piece));
            }
            sentences.extend(pieces.finish());
            prop_assert_eq!(sentences.join(" "), words.join(" "));
            prop_assert_eq!(sentences, cut(&text));
        }
    }
}
