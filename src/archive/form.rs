//! The forms in which a transcript is kept.

use super::transcript::{Head, Line};
use crate::conversation::transcript::{Caption, VTT_HEAD, cue, text_line};

/// One of them: its extension, what stands at the top of the file, and a caption in it.
pub(crate) struct Form {
    pub(crate) extension: &'static str,
    /// Of a transcript whose head is known, or is not.
    pub(crate) head: fn(Option<&Head>) -> String,
    pub(crate) caption: fn(&Caption) -> String,
}

/// JSON lines, WebVTT and text.
pub(crate) const FORMS: [Form; 3] = [
    Form {
        extension: "jsonl",
        head: |head| head.map_or(String::new(), |head| line(&Line::Transcript(head.clone()))),
        caption: |caption| line(&Line::Caption(caption.clone())),
    },
    Form { extension: "vtt", head: |_| VTT_HEAD.to_owned(), caption: cue },
    Form { extension: "txt", head: |_| String::new(), caption: |caption| text_line(caption) + "\n" },
];

impl Form {
    /// The whole file.
    pub(crate) fn text(&self, head: Option<&Head>, captions: &[Caption]) -> String {
        (self.head)(head) + &captions.iter().map(self.caption).collect::<String>()
    }
}

fn line(line: &Line) -> String {
    serde_json::to_string(line).expect("a line is plain") + "\n"
}
