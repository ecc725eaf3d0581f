//! Text of others, made fit for a terminal and a log: one place for what servers, peers and files say.

/// `text` without what would move a cursor, hide or reorder words or begin a line of its own, and no longer than
/// `most_chars`; what is cut off shows as `…`.
///
/// ```
/// use roomtone::text::printable;
/// assert_eq!(printable("Ada\u{1b}[31m\nLovelace", 80), "Ada[31m Lovelace");
/// assert_eq!(printable("0123456789", 4), "012…");
/// ```
pub fn printable(text: &str, most_chars: usize) -> String {
    let mut out = String::new();
    let mut shown = 0;
    for c in text.chars() {
        let c = match c {
            c if c.is_whitespace() => ' ',
            c if c.is_control() || is_invisible(c) => continue,
            c => c,
        };
        // Runs of white space are one, and none stands at the beginning.
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if shown == most_chars {
            out.pop();
            out.push('…');
            return out;
        }
        out.push(c);
        shown += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// `text` without what acts on a terminal; its spaces stay where they are. What is cut off shows as `…`.
pub fn unprintable_removed(text: &str, most_chars: usize) -> String {
    let kept = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let mut kept = kept.filter(|c| !c.is_control() && !is_invisible(*c));
    let mut out: String = kept.by_ref().take(most_chars).collect();
    if kept.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// Direction marks and overrides, joiners and other characters that show nothing of their own.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A message that may hold others' text, of the usual length.
pub fn line(text: &str) -> String {
    printable(text, LINE)
}

/// What fits a few lines of a terminal.
const LINE: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_that_acts_on_a_terminal_comes_through(text in any::<String>(), most in 1usize..50) {
            let shown = printable(&text, most);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(shown.chars().count() <= most);
        }
    }

    #[test]
    fn words_stay_and_tricks_go() {
        assert_eq!(printable("  a\t\tb\r\nc  ", 80), "a b c");
        assert_eq!(printable("abc\u{202e}fed", 80), "abcfed");
        assert_eq!(printable("Zoë 中文", 80), "Zoë 中文");
    }
}
