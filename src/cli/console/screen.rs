//! The conversation as a screen: levels and spectrum of both sides, what was said, how long answers took, what was lost.

use std::time::{Duration, Instant};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};

use super::{
    Next, until_all_is_said,
    view::{Pressed, View},
};
use crate::{
    cli::{Failure, demo::transcript, screen::Screen, signals::Endings},
    console::{Console, ConsoleError, DeviceInfo, devices},
    session::SessionHandle,
};

/// Shows the conversation until it is over, and says what shall come behind it.
pub(super) async fn run(
    console: &Console,
    mut handle: SessionHandle,
    endings: &mut Endings,
    screen: &mut Screen,
    view: &mut View,
) -> Result<(SessionHandle, Next), Failure> {
    let (monitor, begun) = (handle.monitor(), Instant::now());
    let all_is_said = until_all_is_said(console, &monitor);
    tokio::pin!(all_is_said);
    let (mut has_left, mut next, mut listing) = (false, Next::End, None);
    loop {
        view.look(console, monitor.counters(), begun.elapsed());
        screen.draw(|frame| view.draw(frame))?;
        tokio::select! {
            event = handle.events.recv() => match event {
                Some(event) => view.on_event(&event),
                None => return Ok((handle, next)),
            },
            _ = endings.next(), if !has_left => has_left = leave(&handle),
            () = &mut all_is_said, if !has_left => has_left = leave(&handle),
            devices = listed(&mut listing) => view.offer(devices),
            () = sleep(EACH) => {}
        }
        while let Ok(event) = handle.events.try_recv() {
            view.on_event(&event);
        }
        for key in screen.typed() {
            match view.on_key(key) {
                Pressed::Nothing => {}
                Pressed::Mute => console.desk().mute(!console.desk().is_muted()),
                Pressed::Interrupt => drop(console.interrupt()),
                Pressed::Line(line) => view.on_written(&line, begun.elapsed(), console.write(line.clone())),
                Pressed::Devices => drop(listing.get_or_insert_with(|| spawn_blocking(devices))),
                Pressed::Device(direction, device) => console.desk().choose(direction, &device),
                // A file that was written would be written over.
                Pressed::Record if console.writes_a_file() => {
                    view.notice = Some("with --output-file, begin anew with --record DIR".to_owned());
                }
                Pressed::Record => {
                    next = if view.kept_in.is_some() { Next::Unrecorded } else { Next::Record };
                    has_left = leave(&handle);
                }
                Pressed::Save => view.notice = Some(save(view)),
                Pressed::Quit => (next, has_left) = (Next::End, leave(&handle)),
            }
        }
    }
}

/// The devices, once they are listed; for ever where nobody has asked.
async fn listed(listing: &mut Option<JoinHandle<Result<Vec<DeviceInfo>, ConsoleError>>>) -> Vec<DeviceInfo> {
    match listing {
        Some(list) => {
            let devices = list.await;
            *listing = None;
            devices.ok().and_then(Result::ok).unwrap_or_default()
        }
        None => std::future::pending().await,
    }
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
