//! Words that say no more than "I am listening".

use crate::conversation::plausible::words;

/// How many words of a text say more than that.
pub(super) fn words_beyond(text: &str, back_channels: &[String]) -> usize {
    let is_back_channel = |word: &str| match back_channels.is_empty() {
        true => ENGLISH.contains(&word),
        false => back_channels.iter().any(|known| words(known).iter().any(|known| known == word)),
    };
    let said = words(text);
    if back_channels.is_empty() && PHRASES.contains(&said.join(" ").as_str()) {
        return 0;
    }
    said.iter().filter(|word| !is_back_channel(word)).count()
}

/// Whether a text may be the beginning of one of them, as "got" is of "got it".
pub(super) fn may_become_one(text: &str, back_channels: &[String]) -> bool {
    let said = words(text).join(" ");
    let begins = |known: &str| !said.is_empty() && known.len() > said.len() && known.starts_with(&said);
    match back_channels.is_empty() {
        true => ENGLISH.iter().chain(&PHRASES).any(|known| begins(known)),
        false => back_channels.iter().any(|known| begins(&words(known).join(" "))),
    }
}

/// What people say while they listen, and what an engine makes of a hum.
const ENGLISH: [&str; 34] = [
    "ah", "aha", "ahh", "all", "alright", "exactly", "good", "great", "hm", "hmm", "hmmm", "huh", "indeed", "mhm",
    "mm", "mmhmm", "mmm", "oh", "ok", "okay", "really", "right", "see", "sure", "true", "uh", "uhhuh", "um", "wow",
    "yeah", "yep", "yes", "yup", "i",
];

/// The same, where it is all that is said; "I. C." is how an engine spells "I see". A sentence that begins so counts from its first
/// word on.
const PHRASES: [&str; 10] =
    ["fair enough", "go on", "got it", "i c", "i know", "ic", "m m", "makes sense", "o k", "of course"];

#[cfg(test)]
mod tests {
    use super::{may_become_one, words_beyond};

    #[test]
    fn humming_and_agreeing_say_nothing_and_everything_else_does() {
        for text in ["Mm-hmm.", "Yeah, yeah.", "Oh, I see.", "Okay.", "Uh-huh", "", "All right."] {
            assert_eq!(words_beyond(text, &[]), 0, "{text}");
        }
        assert_eq!(words_beyond("Yeah, but wait.", &[]), 2);
        assert!(
            may_become_one("Got", &[]) && may_become_one("Ex", &[]) && may_become_one("Nat", &["Natürlich".into()])
        );
        assert!(!may_become_one("Got it", &[]) && !may_become_one("Stop", &[]) && !may_become_one("", &[]));
        assert_eq!(words_beyond("Stop!", &[]), 1);
        assert_eq!((words_beyond("I. C.", &[]), words_beyond("I. C. E.", &[])), (0, 2));
        assert_eq!((words_beyond("Got it.", &[]), words_beyond("Got it wrong", &[])), (0, 3));
        assert_eq!(words_beyond("Ähm, natürlich", &["ähm".into(), "Na, Natürlich".into()]), 0);
        assert_eq!(words_beyond("Ja, genau.", &["ja".into(), "Genau".into()]), 0);
    }
}
