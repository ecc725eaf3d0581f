//! Text that can be said aloud, out of what a model writes: without markup, with links and signs as people say them.

/// What is said of a sentence. Numbers, prices and times stay as they are, which engines read by themselves.
///
/// ```
/// # use roomtone::conversation::speaking::speakable;
/// assert_eq!(speakable("## See [the docs](https://example.com/a?b=1) & try `it`!"), "See the docs and try it!");
/// assert_eq!(speakable("- 50% of 5km, i.e. 20°C 🙂"), "50 percent of 5 kilometers, that is 20 degrees Celsius");
/// assert_eq!(speakable("Go to https://www.example.com/path."), "Go to example dot com.");
/// assert_eq!(speakable("🙂 ***"), "");
/// ```
pub fn speakable(sentence: &str) -> String {
    let text = links(&without_list_mark(sentence));
    let words = text.split_whitespace().map(word).filter(|word| !word.is_empty());
    let said = words.collect::<Vec<_>>().join(" ");
    let is_said = said.chars().any(char::is_alphanumeric);
    if is_said { said } else { String::new() }
}

/// Without what a heading, a quotation or an item of a list begins with.
fn without_list_mark(sentence: &str) -> String {
    let text = sentence.trim_start();
    let bare = text.trim_start_matches(['#', '>']);
    let bare = if bare.len() < text.len() { bare } else { text };
    let bare = bare.trim_start();
    ["- ", "* ", "+ ", "• "].iter().find_map(|mark| bare.strip_prefix(mark)).unwrap_or(bare).to_owned()
}

/// `[text](url)` is its text, a picture is what it shows.
fn links(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, label, after)) = first_link(rest) {
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        out.push_str(label);
        rest = after;
    }
    out + rest
}

fn first_link(text: &str) -> Option<(&str, &str, &str)> {
    let middle = text.find("](")?;
    let opens = text[..middle].rfind('[')?;
    let closes = middle + text[middle..].find(')')?;
    Some((&text[..opens], &text[opens + 1..middle], &text[closes + 1..]))
}

/// One word as it is said.
fn word(word: &str) -> String {
    let bare = word.trim_matches(['*', '_', '`', '~', '|']);
    if let Some(said) = url(bare) {
        return said;
    }
    if let Some((_, said)) = WORDS.iter().find(|(written, _)| *written == bare.trim_end_matches(',')) {
        return (*said).to_owned();
    }
    let kept = bare.replace("**", "").replace("__", "").replace('`', "");
    let kept: String = kept.chars().filter(|c| is_said(*c)).collect();
    unit(&kept).unwrap_or(kept)
}

/// `example dot com`, whatever its path; with the sign behind it.
fn url(word: &str) -> Option<String> {
    let rest =
        word.strip_prefix("https://").or_else(|| word.strip_prefix("http://")).or_else(|| word.strip_prefix("www."))?;
    let bare = rest.trim_end_matches(['.', ',', '!', '?', ')', ';', ':']);
    let host = bare.split(['/', '?', '#']).next().unwrap_or(bare);
    let host = host.strip_prefix("www.").unwrap_or(host);
    let sign = rest[bare.len()..].trim_start_matches(')');
    Some(format!("{}{sign}", host.replace('.', " dot ").replace('-', " dash ")))
}

/// A number with a unit behind it.
fn unit(word: &str) -> Option<String> {
    let number =
        word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '−')).len();
    let (number, rest) = word.split_at(number);
    let bare = rest.trim_end_matches(['.', ',', '!', '?', ';', ':', ')']);
    let (_, said) = UNITS.iter().find(|(written, _)| *written == bare)?;
    let said = if number == "1" { said.strip_suffix('s').unwrap_or(said) } else { said };
    (!number.is_empty()).then(|| format!("{} {said}{}", number.replace('−', "-"), &rest[bare.len()..]))
}

/// Control characters would break an engine's lines, and pictures are not said.
fn is_said(c: char) -> bool {
    let is_picture = matches!(u32::from(c), 0x2190..=0x2BFF | 0xFE00..=0xFE0F | 0x1F000..=0x1FAFF | 0xE000..=0xF8FF);
    !c.is_control() && !is_picture && !matches!(c, '\u{200B}'..='\u{200F}' | '\u{FEFF}')
}

const WORDS: [(&str, &str); 10] = [
    ("&", "and"),
    ("+", "plus"),
    ("=", "equals"),
    ("@", "at"),
    ("→", "to"),
    ("/", "or"),
    ("e.g.", "for example"),
    ("i.e.", "that is"),
    ("etc.", "and so on"),
    ("vs.", "versus"),
];
const UNITS: [(&str, &str); 16] = [
    ("%", "percent"),
    ("km", "kilometers"),
    ("m", "meters"),
    ("cm", "centimeters"),
    ("mm", "millimeters"),
    ("kg", "kilograms"),
    ("g", "grams"),
    ("mg", "milligrams"),
    ("ms", "milliseconds"),
    ("h", "hours"),
    ("min", "minutes"),
    ("°C", "degrees Celsius"),
    ("°F", "degrees Fahrenheit"),
    ("°", "degrees"),
    ("€", "euros"),
    ("km/h", "kilometers per hour"),
];
