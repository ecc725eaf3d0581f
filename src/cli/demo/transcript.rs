//! What the agent understood: on the terminal while it is said, and as files.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    agent::Note,
    archive::Line,
    cli::say,
    conversation::transcript::{Caption, CueWriter, text_line},
};

/// The newest words, for the line that shows how far it is; what is final is printed. Clones show the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Subtitles(Arc<Mutex<String>>);

impl Subtitles {
    pub(super) fn show(&self, caption: &Caption) {
        let newest = if caption.is_partial() { caption.text.clone() } else { String::new() };
        if !caption.is_partial() && !caption.text.is_empty() {
            say(&text_line(caption));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = newest;
    }

    pub(super) fn newest(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The caption that a note has, if it has one.
pub(super) fn caption_of(note: &Note) -> Option<Caption> {
    serde_json::from_value(note.data.get("caption")?.clone()).ok()
}

/// Moves a caption to another clock.
pub(super) fn shift(caption: &mut Caption, by: Duration) {
    caption.begins += by;
    caption.ends += by;
    for word in &mut caption.words {
        word.begins += by;
        word.ends += by;
    }
}

/// The names of the files.
pub(super) const FILES: [&str; 3] = ["transcript.jsonl", "transcript.vtt", "transcript.txt"];

/// Writes what was understood; without it there are no files.
pub(super) fn write(captions: &[Caption], folder: &Path) -> io::Result<()> {
    let lines = |each: &dyn Fn(&Caption) -> String| captions.iter().map(each).collect::<String>();
    let json =
        |caption: &Caption| serde_json::to_string(&Line::Caption(caption.clone())).expect("a caption is plain") + "\n";
    let texts = [
        lines(&json),
        format!("{}{}", CueWriter::HEAD, lines(&CueWriter::cue)),
        lines(&|caption| text_line(caption) + "\n"),
    ];
    for (name, text) in FILES.into_iter().zip(texts) {
        let path = folder.join(name);
        match captions.is_empty() {
            true => drop(fs::remove_file(path)),
            false => fs::write(path, text)?,
        }
    }
    Ok(())
}
