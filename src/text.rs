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
    if let Some((before, names)) = text.split_once("unknown ").and_then(|_| text.split_once("`, expected ")) {
        let names = names.trim_start_matches("one of ");
        let verb = if names.matches('`').count() > 2 { "are" } else { "is" };
        text = format!("{before}`; there {verb} {names}");
    }
    for (theirs, ours) in [
        ("invalid socket address syntax", "not an address with a port; write one as in \"127.0.0.1:9465\""),
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("wanted string or table", "expected a text"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list, as in [\"a\", \"b\"]"),
        ("expected a map", "expected a table, as in { key = \"value\" }"),
        ("unknown variant ", "unknown value "),
        ("invalid type: ", "is "),
        ("invalid value: ", "is "),
        ("invalid length ", "has the length "),
        ("is string \"", "is the text \""),
        ("is integer `", "is the number `"),
        ("is floating point `", "is the number `"),
        ("is boolean `", "is `"),
        ("is sequence, expected", "is a list, expected"),
        ("is map, expected", "is a table, expected"),
        ("unknown field `", "there is no key `"),
        ("missing field `", "there must be a key `"),
        (", there are no fields", "; it has no keys"),
    ] {
        text = text.replace(theirs, ours);
    }
    // Their last one: the name of a type stands where a table is meant.
    match text.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a table, as in {{ key = \"value\" }}"),
        None => text,
    }
}

/// A number and what is counted: `1 session`, `2 sessions`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// A token as text: what surrounds it is dropped, and what cannot stand in a header is refused.
///
/// # Errors
/// What is wrong with it, to stand behind its name and a colon.
pub(crate) fn token(text: &str) -> Result<&str, &'static str> {
    match text.trim() {
        "" => Err("is empty"),
        token if token.chars().all(|c| c.is_ascii_graphic()) => Ok(token),
        _ => Err("is more than one word, or has letters that no token has; write the token alone"),
    }
}

/// The next line, without its end, as far as the file has whole ones: a program that is killed leaves half of one, and one that
/// is longer than `longest` bytes is none.
pub(crate) fn whole_line(file: &mut impl std::io::BufRead, longest: u64) -> std::io::Result<Option<String>> {
    use std::io::{BufRead, Read};

    let mut line = String::new();
    file.take(longest).read_line(&mut line)?;
    Ok(line.strip_suffix('\n').map(str::to_owned))
}

/// What a file says.
///
/// # Errors
/// What is wrong, with the file's name.
pub(crate) fn of_file(path: &std::path::Path) -> Result<String, String> {
    let fail = |why: &str| format!("{}: {why}", path.display());
    let bytes = std::fs::read(path).map_err(|error| fail(&error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| fail("is not text (UTF-8); is this the file that was meant?"))
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
    fn readers_speak_of_keys() {
        for (theirs, ours) in [
            ("unknown field `a`, expected one of `b`, `c`", "there is no key `a`; there are `b`, `c`"),
            ("unknown field `a`, expected `b` or `c`", "there is no key `a`; there are `b` or `c`"),
            ("unknown field `a`, expected `b`", "there is no key `a`; there is `b`"),
            ("missing field `listen`", "there must be a key `listen`"),
            (
                "invalid type: string \"5\", expected u32",
                "is the text \"5\", expected a whole number from 0 to 4294967295",
            ),
            ("the file is mapped, expected", "the file is mapped, expected"),
            ("invalid value: integer `-1`, expected usize", "is the number `-1`, expected a whole number, 0 or more"),
            ("unknown variant `x`, expected one of `y`, `z`", "unknown value `x`; there are `y`, `z`"),
        ] {
            assert_eq!(in_a_writers_words(theirs), ours);
        }
    }

    #[test]
    fn tokens_are_one_word() {
        assert_eq!(token(" abc\n"), Ok("abc"));
        for text in ["", " ", "a b", "a\nb", "\u{e4}", "a\u{1b}b"] {
            assert!(token(text).is_err(), "{text:?}");
        }
        assert_eq!((count(1, "session"), count(2, "session")), ("1 session".into(), "2 sessions".into()));
    }

    #[test]
    fn words_stay_and_tricks_go() {
        assert_eq!(printable("  a\t\tb\r\nc  ", 80), "a b c");
        assert_eq!(printable("abc\u{202e}fed", 80), "abcfed");
        assert_eq!(printable("Zoë 中文", 80), "Zoë 中文");
    }
}
