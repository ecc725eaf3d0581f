//! What the agent understood: on the terminal while it is said, and as files.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    archive::FORMS,
    cli::say,
    conversation::transcript::{Caption, text_line},
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

/// Moves a caption to another clock.
pub(super) fn shift(caption: &mut Caption, by: Duration) {
    caption.begins += by;
    caption.ends += by;
    for word in &mut caption.words {
        word.begins += by;
        word.ends += by;
    }
}

/// Writes what was understood; without it there are no files.
pub(in crate::cli) fn write(captions: &[Caption], folder: &Path) -> io::Result<()> {
    for form in FORMS {
        let path = folder.join("transcript").with_extension(form.extension);
        match captions.is_empty() {
            true => drop(fs::remove_file(path)),
            false => fs::write(path, form.text(None, captions))?,
        }
    }
    Ok(())
}
