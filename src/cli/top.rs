//! `roomtone top`: a running host, live. On a terminal it is a screen that scrolls; elsewhere it is text.

use std::{io::IsTerminal, time::Duration};

use ratatui::{
    Frame,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::{Constraint, Layout},
    style::{Style, Stylize},
    text::Line,
    widgets::{Paragraph, Row, Table},
};
use tokio::time::{interval, sleep, timeout};

use super::{
    Failure,
    admin::{Admin, Sessions},
    args::TopArgs,
    say,
    screen::Screen,
    signals::Endings,
};
use crate::{
    host::{EngineStatus, HostStatus, SessionCounters, SessionStatus, State},
    text::{count, printable},
};

pub(super) async fn run(args: TopArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin)?;
    match args.screens {
        None if std::io::stdout().is_terminal() => screen(&admin).await,
        screens => text(&admin, screens.unwrap_or(1), args.rows).await,
    }
}

/// Some screens as text, one a second.
async fn text(admin: &Admin, screens: u32, rows: usize) -> Result<(), Failure> {
    for screen in 0..screens {
        if screen > 0 {
            sleep(EVERY).await;
        }
        let view = View::ask(admin).await?;
        view.head().iter().for_each(|line| say(line));
        say(&"");
        table(&view.sessions).iter().take(rows).for_each(|line| say(line));
        if view.sessions.len() >= rows {
            say(&format_args!("and {} more; --rows N shows more of them", view.sessions.len() + 1 - rows));
        }
    }
    Ok(())
}

/// The screen, until the user has seen enough.
async fn screen(admin: &Admin) -> Result<(), Failure> {
    let mut view = View::ask(admin).await?;
    let mut endings = Endings::listen();
    let mut screen = Screen::take()?;
    let mut again = interval(EVERY);
    loop {
        screen.draw(|frame| view.draw(frame))?;
        tokio::select! {
            _ = endings.next() => return Ok(()),
            _ = again.tick() => match timeout(ASK, View::ask(admin)).await {
                Ok(Ok(newer)) => view = View { scroll: view.scroll, ..newer },
                Ok(Err(failure)) => view.trouble = Some(failure.to_string()),
                Err(_) => view.trouble = Some("the host does not answer".into()),
            },
            () = sleep(LOOK) => {}
        }
        let page = screen.lines().map_or(10, |lines| lines.saturating_sub(HEAD + 1).max(1));
        if !screen.typed().into_iter().all(|key| view.on_key(key, page)) {
            return Ok(());
        }
    }
}

/// What is shown.
struct View {
    host: HostStatus,
    sessions: Vec<SessionStatus>,
    scroll: usize,
    /// The host does not answer any more.
    trouble: Option<String>,
}

impl View {
    async fn ask(admin: &Admin) -> Result<View, Failure> {
        let host: HostStatus = admin.get("/v1/host").await?;
        let Sessions { mut sessions } = admin.get("/v1/sessions").await?;
        sessions
            .sort_by(|one, two| (trouble(one), &one.deploy, &one.room).cmp(&(trouble(two), &two.deploy, &two.room)));
        Ok(View { host, sessions, scroll: 0, trouble: None })
    }

    /// Says whether to go on.
    fn on_key(&mut self, key: KeyEvent, page: usize) -> bool {
        let last = self.sessions.len().saturating_sub(page);
        self.scroll = match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Up | KeyCode::Char('k') => self.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll + 1,
            KeyCode::PageUp => self.scroll.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll + page,
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => self.scroll,
        }
        .min(last);
        true
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let [head, rows, foot] =
            Layout::vertical([Constraint::Length(HEAD as u16 - 1), Constraint::Min(1), Constraint::Length(1)])
                .areas(frame.area());
        let lines: Vec<Line<'_>> = self.head().into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(lines), head);
        let fits = usize::from(rows.height).saturating_sub(1);
        let shown = self.sessions.iter().skip(self.scroll).take(fits).map(row);
        let table = Table::new(shown, WIDTHS).header(Row::new(COLUMNS).bold()).column_spacing(1);
        frame.render_widget(table, rows);
        let (count, end) = (self.sessions.len(), (self.scroll + fits).min(self.sessions.len()));
        let place = if count > fits { format!("  {} to {end} of {count}", self.scroll + 1) } else { String::new() };
        let foot_text = match &self.trouble {
            Some(trouble) => format!(" {}", printable(trouble, 200)),
            None => format!(" q quits, arrows scroll; trouble comes first{place}"),
        };
        let style = if self.trouble.is_some() { Style::new().red().bold() } else { Style::new().dim() };
        frame.render_widget(Paragraph::new(foot_text).style(style), foot);
    }

    fn head(&self) -> Vec<String> {
        let host = &self.host;
        let how = match (host.draining, &host.trouble, host.ready) {
            (true, ..) => "ending".to_owned(),
            (_, Some(trouble), _) => format!("NOT READY: {}", printable(trouble, 120)),
            (_, _, true) => "ready".to_owned(),
            _ => "NOT READY: which rooms there are is not known".to_owned(),
        };
        let states = host.states.iter().filter(|(_, n)| **n > 0);
        let states: Vec<String> = states.map(|(state, n)| format!("{n} {state}")).collect();
        let states = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
        let limit = match host.max_sessions {
            0 => "no limit".to_owned(),
            limit => format!("limit {limit}"),
        };
        vec![
            format!("roomtone {}  {}  up {}", host.version, printable(&host.address, 60), short(host.up_s)),
            how,
            format!("{}, sessions: {states} ({limit})", count(host.rooms, "room")),
            host.engines.iter().map(engine).collect::<Vec<String>>().join("; "),
        ]
    }
}

/// How full an engine is, and how it does.
fn engine(engine: &EngineStatus) -> String {
    let ms = engine.final_ms.map_or(String::new(), |ms| format!(", final text after {ms:.0} ms"));
    let factor =
        engine.real_time_factor.map_or(String::new(), |factor| format!(", {:.1} % of real time", factor * 100.0));
    let lost = if engine.lost == 0 { String::new() } else { format!(", {} utterances lost", engine.lost) };
    let (name, words) = (printable(&engine.name, 20), amount(engine.words));
    format!("{name}: {} of {} sessions, {words} words{ms}{factor}{lost}", engine.sessions, engine.capacity)
}

/// Trouble first: what blocks, was given up, failed, lost something, waits; then what is fine.
fn trouble(session: &SessionStatus) -> u8 {
    let lost = session.counters.as_ref().is_some_and(|counters| counters.lost.values().any(|lost| *lost > 0));
    let was_given_up = session.why.as_ref().is_some_and(|why| why.contains("given up") || why.contains("failed"));
    match session.state {
        _ if session.blocking => 0,
        State::Finished if was_given_up => 1,
        State::Backoff => 2,
        State::Queued => 3,
        State::Joining | State::Leaving => 5,
        _ if session.restarts > 0 || lost => 4,
        State::Running => 6,
        State::Finished => 7,
    }
}

fn row(session: &SessionStatus) -> Row<'static> {
    let style = match trouble(session) {
        0..=2 => Style::new().red(),
        3 | 4 => Style::new().yellow(),
        7 => Style::new().dim(),
        _ => Style::new(),
    };
    let [id, room, deploy, state, length, heard, said, notes] = cells(session);
    Row::new([id, shortened(&room, 13), shortened(&deploy, 12), state, length, heard, said, notes]).style(style)
}

/// Enough of an id to tell it from others.
fn shortened(text: &str, most: usize) -> String {
    printable(text, most)
}

/// All columns as text, none cut off.
pub(super) fn table(sessions: &[SessionStatus]) -> Vec<String> {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(sessions.iter().map(cells));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |row: &[String; 8]| {
        let cells = row.iter().enumerate().map(|(n, cell)| match n {
            0 | 4..=6 => format!("{cell:>width$}", width = widths[n]),
            7 => cell.clone(),
            _ => format!("{cell:width$}", width = widths[n]),
        });
        cells.collect::<Vec<String>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn cells(session: &SessionStatus) -> [String; 8] {
    let counters = session.counters.as_ref();
    let count = |get: fn(&SessionCounters) -> u64| counters.map_or("-".to_owned(), |counters| amount(get(counters)));
    [
        session.session.map_or("-".to_owned(), |id| id.to_string()),
        printable(session.room.as_str(), 64),
        printable(&session.deploy, 40),
        session.state.name().to_owned(),
        session.for_s.map_or("-".to_owned(), short),
        count(|counters| counters.chunks),
        count(|counters| counters.packets),
        printable(&notes(session).join("; "), 300),
    ]
}

fn notes(session: &SessionStatus) -> Vec<String> {
    let mut notes = Vec::new();
    if session.blocking {
        notes.push("BLOCKS".to_owned());
    }
    notes.extend(session.why.clone());
    if session.restarts > 0 {
        notes.push(format!("{} restarts", session.restarts));
    }
    if let Some(counters) = &session.counters {
        notes.extend(counters.lost.iter().map(|(what, n)| format!("lost {n} {what}")));
        if counters.reconnects > 0 {
            notes.push(format!("{} reconnects", counters.reconnects));
        }
    }
    notes
}

/// `45s`, `12m`, `3h`, `5d`.
fn short(seconds: f64) -> String {
    match seconds as u64 {
        s @ 0..120 => format!("{s}s"),
        s @ 120..7_200 => format!("{}m", s / 60),
        s @ 7_200..172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// `9999`, `12k`, `3M`.
fn amount(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..10_000_000 => format!("{}k", n / 1_000),
        n => format!("{}M", n / 1_000_000),
    }
}

const COLUMNS: [&str; 8] = ["ID", "ROOM", "DEPLOY", "STATE", "FOR", "HEARD", "SAID", "NOTES"];
/// On a screen; the notes get the rest.
const WIDTHS: [Constraint; 8] = [
    Constraint::Length(5),
    Constraint::Length(13),
    Constraint::Length(12),
    Constraint::Length(7),
    Constraint::Length(4),
    Constraint::Length(5),
    Constraint::Length(5),
    Constraint::Min(10),
];
/// Lines above the sessions, the table's head among them.
/// How long the host may take to answer; keys wait for as long.
const ASK: Duration = Duration::from_secs(2);
const HEAD: usize = 5;
/// How often the host is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How often the keys are looked at.
const LOOK: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;

    fn view(sessions: usize) -> View {
        let host = serde_json::json!({
            "version": "1", "id": "3f2a", "platform": "fishjam", "address": "http://127.0.0.1:5002", "up_s": 4_000.0, "ready": true, "draining": false,
            "notifications": true, "rooms": sessions, "states": { "running": sessions }, "max_sessions": 1_000,
            "sessions": sessions,
        });
        let session = |n: usize| {
            let is_troubled = n == 7;
            serde_json::json!({
                "session": n, "room": format!("0b1c2d3e-{n:04}-4000-8000-1234567890ab"), "deploy": "scribe",
                "state": if is_troubled { "backoff" } else { "running" }, "peer": null, "for_s": 90.0, "restarts": 0,
                "why": if is_troubled { Some("the agent failed:\u{1b}[2J no disk") } else { None },
                "blocking": false, "counters": null,
            })
        };
        let mut sessions: Vec<SessionStatus> =
            (0..sessions).map(|n| serde_json::from_value(session(n)).unwrap()).collect();
        sessions.sort_by_key(trouble);
        View { host: serde_json::from_value(host).unwrap(), sessions, scroll: 0, trouble: None }
    }

    fn drawn(view: &View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    #[test]
    fn it_fits_a_small_terminal_with_trouble_first_and_scrolls() {
        let mut view = view(100);
        let lines = drawn(&view, 80, 24);
        assert!(lines[0].starts_with("roomtone 1") && lines[1].starts_with("ready"), "{lines:#?}");
        assert!(lines[5].contains("backoff") && lines[5].contains("the agent failed:[2J"), "{}", lines[5]);
        assert!(lines[23].contains("1 to 18 of 100") && lines[23].contains("q quits"), "{}", lines[23]);
        let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
        assert!(view.on_key(key(KeyCode::PageDown), 18));
        assert!(!drawn(&view, 80, 24)[5].contains("backoff"));
        assert!(view.on_key(key(KeyCode::End), 18) && view.on_key(key(KeyCode::Down), 18));
        assert!(drawn(&view, 80, 24)[23].contains("83 to 100 of 100"));
        assert!(!view.on_key(key(KeyCode::Char('q')), 18));
        // And on a screen of no size at all nothing breaks.
        drawn(&view, 20, 3);
    }

    #[test]
    fn as_text_nothing_is_cut_off() {
        let lines = table(&view(9).sessions);
        assert_eq!(lines.len(), 10);
        assert!(
            lines[1].contains("0b1c2d3e-0007-4000-8000-1234567890ab") && lines[1].ends_with("no disk"),
            "{}",
            lines[1]
        );
    }
}
