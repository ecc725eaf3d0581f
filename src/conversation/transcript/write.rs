//! Captions as WebVTT cues and as lines of text.

use std::{fmt::Write as _, time::Duration};

use super::{Caption, Quality};

/// What stands at the top of a WebVTT file.
pub const VTT_HEAD: &str = "WEBVTT\n\n";

/// One caption as a cue of WebVTT with its speaker; nothing for one without text.
pub fn cue(caption: &Caption) -> String {
    if caption.text.is_empty() {
        return String::new();
    }
    let (from, to) = (timestamp(caption.begins), timestamp(caption.ends.max(caption.begins + SHORTEST)));
    let (who, text) = (escape(&one_line(caption.who())), escape(&one_line(&caption.text)));
    format!("{}\n{from} --> {to}\n<v {who}>{text}\n\n", caption.utterance.0)
}

/// One caption as a line that people read: `[00:01:02.300] Ada: Good morning.`
pub fn text_line(caption: &Caption) -> String {
    let mut line = format!("[{}] {}: {}", timestamp(caption.begins), one_line(caption.who()), one_line(&caption.text));
    match caption.quality {
        Quality::Partial | Quality::Final => {}
        Quality::StoodIn(_) => line.push_str(" [not understood to its end]"),
        Quality::Lost(_) => line.push_str("[not understood]"),
    }
    if !caption.missing.is_zero() {
        write!(line, " [{:.1} s missing]", caption.missing.as_secs_f64()).expect("writing to a String");
    }
    line
}

/// `HH:MM:SS.mmm`
pub fn timestamp(at: Duration) -> String {
    let ms = at.as_millis();
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

/// A name or a text cannot begin a cue or a line of its own.
fn one_line(text: &str) -> String {
    crate::text::printable(text, MOST_CHARS)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A player shows nothing that lasts no time.
const SHORTEST: Duration = Duration::from_millis(200);
/// More than anybody says in an utterance.
const MOST_CHARS: usize = 4_000;
