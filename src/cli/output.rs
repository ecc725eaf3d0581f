//! What the program prints. Whoever reads it may have had enough, or may have closed the terminal: a line that nobody takes
//! is no failure, and never ends what the program is doing.

use std::{fmt::Display, io::Write, sync::Mutex};

use crate::text;

/// Prints a line of results.
pub(super) fn say(line: &dyn Display) {
    if let Err(error) = writeln!(std::io::stdout(), "{}", line_by_line(&line.to_string()))
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.lock().expect("no holder panics").get_or_insert(error.to_string());
    }
}

/// Why results could not be printed, if that was so: a full disk is told, a reader who has had enough is not.
pub(super) fn lost() -> Option<String> {
    LOST.lock().expect("no holder panics").clone()
}

static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Prints a line beside the results: what goes on, what went wrong.
pub(super) fn explain(line: &dyn Display) {
    writeln!(std::io::stderr(), "{}", line_by_line(&line.to_string())).ok();
}

/// Others' text may be among it: no line of it does anything to a terminal, or is longer than a screen.
fn line_by_line(lines: &str) -> String {
    let fit = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        // Columns are kept: only what acts on a terminal is taken out.
        let text = text::unprintable_removed(&line[indent..], LONGEST_LINE);
        format!("{}{text}", " ".repeat(indent))
    };
    lines.split('\n').map(fit).collect::<Vec<String>>().join("\n")
}

const LONGEST_LINE: usize = 2_000;
