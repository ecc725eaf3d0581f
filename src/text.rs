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

/// A name as a part of a URL's path.
pub(crate) fn part_of_path(name: &str) -> String {
    let coded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    coded.replace('+', "%20")
}

/// What a reader of TOML says is wrong, in the words of whoever wrote the file rather than of the program's types.
pub(crate) fn in_a_writers_words(message: &str) -> String {
    let mut text = message.replace('\n', " ");
    for (theirs, ours) in [
        ("invalid socket address syntax", "not an address with a port; write one as in \"127.0.0.1:9465\""),
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected u32", "expected a whole number, 0 or more"),
        ("expected u16", "expected a whole number, 0 or more"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list, as in [\"a\", \"b\"]"),
        ("expected a map", "expected a table, as in { key = \"value\" }"),
        ("unknown variant ", "unknown value "),
    ] {
        text = text.replace(theirs, ours);
    }
    // Their last one: the name of a type stands where a table is meant.
    match text.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a table, as in {{ key = \"value\" }}"),
        None => text,
    }
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
