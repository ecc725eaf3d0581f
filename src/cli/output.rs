//! What the program prints. Whoever reads it may have had enough, or may have closed the terminal: a line that nobody takes
//! is no failure, and never ends what the program is doing.

use std::{fmt::Display, io::Write, sync::Mutex, time::Duration};

use tokio::time::timeout;

use crate::text;

/// Prints a line of results. Others' text may be among it: it stays one line.
pub(super) fn say(line: &dyn Display) {
    print(&one_line(&line.to_string()));
}

/// Prints data for programs, of any length: JSON is one line, and a part of it would be none.
pub(super) fn say_json(data: &impl serde::Serialize) {
    match serde_json::to_string(data) {
        Ok(line) => print(&line),
        Err(error) => explain(&format_args!("a line could not be written: {error}")),
    }
}

fn print(line: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{line}")
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.lock().expect("no holder panics").get_or_insert(error.to_string());
    }
}

/// Prints several lines of results, whose ends are of our own making.
pub(super) fn say_lines(lines: &str) {
    lines.split('\n').for_each(|line| say(&line));
}

/// Why results could not be printed, if that was so: a full disk is told, a reader who has had enough is not.
pub(super) fn lost() -> Option<String> {
    LOST.lock().expect("no holder panics").clone()
}

static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Prints a line beside the results: what goes on, what went wrong.
pub(super) fn explain(line: &dyn Display) {
    writeln!(std::io::stderr(), "{}", one_line(&line.to_string())).ok();
}

/// Waits for an answer, and says on whom it waits where that takes long.
pub(super) async fn patiently<T>(whom: &dyn Display, answer: impl Future<Output = T>) -> T {
    tokio::pin!(answer);
    let mut waited = Duration::ZERO;
    loop {
        match timeout(PATIENCE, &mut answer).await {
            Ok(answer) => return answer,
            Err(_) => {
                waited += PATIENCE;
                explain(&format_args!("waiting for {whom} for {} s", waited.as_secs()));
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

/// Columns are kept: only what acts on a terminal, or would begin another line, is taken out, and what no screen takes.
fn one_line(line: &str) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    format!("{}{}", " ".repeat(indent), text::unprintable_removed(&line[indent..], LONGEST_LINE))
}

const LONGEST_LINE: usize = 2_000;
