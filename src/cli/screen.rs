//! A terminal that is a screen for a while: keys come one by one, and what is logged meanwhile waits for its end.

use std::{
    io,
    sync::{
        Mutex,
        mpsc::{Receiver, sync_channel},
    },
};

use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyEvent, KeyEventKind},
};

use super::{ErrorCode, Failure};

/// The terminal is a screen as long as this lives, also over a panic.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    keys: Receiver<KeyEvent>,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take() -> Result<Screen, Failure> {
        let terminal = ratatui::try_init().map_err(|error| {
            // It may be half a screen by now.
            ratatui::restore();
            failed(&error)
        })?;
        *held() = Some(Vec::new());
        Ok(Screen { terminal, keys: keys() })
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        self.terminal.draw(draw).map(drop).map_err(|error| failed(&error))
    }

    /// How many lines it has.
    pub(super) fn lines(&self) -> Option<usize> {
        self.terminal.size().ok().map(|size| usize::from(size.height))
    }

    /// What was typed since the last call.
    pub(super) fn typed(&self) -> Vec<KeyEvent> {
        self.keys.try_iter().collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
        let lines = held().take().unwrap_or_default();
        lines.iter().for_each(|line| io::Write::write_all(&mut io::stderr(), line.as_bytes()).unwrap_or_default());
    }
}

/// Keeps a line for the end of the screen, if there is one. Says whether it did.
pub(super) fn hold(line: &str) -> bool {
    let mut held = held();
    let Some(lines) = held.as_mut() else { return false };
    if lines.len() < MOST_HELD {
        lines.push(line.to_owned());
    }
    true
}

fn held() -> std::sync::MutexGuard<'static, Option<Vec<String>>> {
    HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What was logged while there is a screen.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

fn failed(error: &io::Error) -> Failure {
    Failure::new(ErrorCode::Machine, format!("the terminal: {error}"))
}

/// What is typed, and that the size has changed. The thread ends when nobody listens.
fn keys() -> Receiver<KeyEvent> {
    let (sender, keys) = sync_channel(KEYS);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let is_gone = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => sender.send(key).is_err(),
                _ => false,
            };
            if is_gone {
                return;
            }
        }
    });
    keys
}

/// Keys that may wait.
const KEYS: usize = 64;
/// Log lines that may wait.
const MOST_HELD: usize = 200;
