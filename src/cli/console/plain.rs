//! A conversation in lines: what was said by whom, and how long the answer took.

use super::{summary_lines, until_all_is_said};
use crate::{
    cli::{Failure, explain, say, say_json, signals::Endings},
    console::Console,
    conversation::transcript::{Caption, text_line},
    dialogue::TurnFigures,
    session::{SessionEvent, SessionEventKind, SessionHandle},
};

pub(super) async fn run(
    agent: &str,
    console: &Console,
    mut handle: SessionHandle,
    mut endings: Endings,
    json: bool,
) -> Result<(), Failure> {
    let figures = console.desk().figures();
    let of = |name: &str| if name.is_empty() { "nothing".to_owned() } else { name.to_owned() };
    explain(&format_args!("{agent} hears {}, and speaks through {}", of(&figures.input), of(&figures.output)));
    explain(&"Ctrl-C ends it");
    let monitor = handle.monitor();
    let all_is_said = until_all_is_said(console, &monitor);
    tokio::pin!(all_is_said);
    let mut has_left = false;
    loop {
        tokio::select! {
            event = handle.events.recv() => match event {
                Some(event) if json => say_json(&event),
                Some(event) => show(&event),
                None => break,
            },
            _ = endings.next(), if !has_left => {
                has_left = true;
                handle.leave();
            }
            () = &mut all_is_said, if !has_left => {
                has_left = true;
                handle.leave();
            }
        }
    }
    let summary = handle.ended().await;
    summary_lines(console, &summary).iter().for_each(|line| match json {
        // Whoever reads objects has the end among them.
        true => explain(line),
        false => say(line),
    });
    Failure::unless_regular(&summary)
}

fn show(event: &SessionEvent) {
    let SessionEventKind::Note(note) = &event.kind else { return };
    if let Some(mut caption) = Caption::of_note(note)
        && !caption.is_partial()
    {
        caption.name.get_or_insert_with(|| "you".into());
        say(&text_line(&caption));
    } else if let Some(figures) = TurnFigures::of_note(note) {
        let parts = figures.parts_ms.iter().filter(|(_, ms)| *ms >= 0.5);
        let parts: Vec<String> = parts.map(|(part, ms)| format!("{} {ms:.0}", part.name())).collect();
        say(&format_args!(
            "         answered after {:.0} ms: {}",
            figures.total().as_secs_f64() * 1e3,
            parts.join(", ")
        ));
    }
}
