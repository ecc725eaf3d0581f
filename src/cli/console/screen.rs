//! The conversation as a screen: levels and spectrum of both sides, what was said, how long answers took, what was lost.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    summarize, until_all_is_said,
    view::{Pressed, View},
};
use crate::{
    cli::{Failure, demo::transcript, screen::Screen, signals::Endings},
    console::Console,
    session::SessionHandle,
};

pub(super) async fn run(
    agent: &str,
    console: &Console,
    mut handle: SessionHandle,
    mut endings: Endings,
) -> Result<(), Failure> {
    let mut screen = Screen::take()?;
    let mut view = View::new(agent);
    let (monitor, begun) = (handle.monitor(), Instant::now());
    let all_is_said = until_all_is_said(console, &monitor);
    tokio::pin!(all_is_said);
    let mut has_left = false;
    loop {
        view.look(console, monitor.counters(), begun.elapsed());
        screen.draw(|frame| view.draw(frame))?;
        tokio::select! {
            event = handle.events.recv() => match event {
                Some(event) => view.on_event(&event),
                None => break,
            },
            _ = endings.next(), if !has_left => has_left = leave(&handle),
            () = &mut all_is_said, if !has_left => has_left = leave(&handle),
            () = sleep(EACH) => {}
        }
        while let Ok(event) = handle.events.try_recv() {
            view.on_event(&event);
        }
        for key in screen.typed() {
            match view.on_key(key) {
                Pressed::Nothing => {}
                Pressed::Mute => console.desk().mute(!console.desk().is_muted()),
                Pressed::Line(line) => view.on_written(&line, begun.elapsed(), console.write(line.clone())),
                Pressed::Save => view.notice = Some(save(&view)),
                Pressed::Quit => has_left = leave(&handle),
            }
        }
    }
    drop(screen);
    view.lines().for_each(|line| crate::cli::say(&line));
    summarize(console, handle).await
}

fn leave(handle: &SessionHandle) -> bool {
    handle.leave();
    true
}

fn save(view: &View) -> String {
    let folder = std::path::Path::new("out/console");
    if view.captions().is_empty() {
        // To write nothing would remove what was saved before.
        return "nothing was said yet".to_owned();
    }
    let saved = std::fs::create_dir_all(folder).and_then(|()| transcript::write(view.captions(), folder));
    match saved {
        Ok(()) => format!("the transcript is in {}", folder.display()),
        Err(error) => format!("{} cannot be written: {error}", folder.display()),
    }
}

/// How often it is drawn.
const EACH: Duration = Duration::from_millis(50);
