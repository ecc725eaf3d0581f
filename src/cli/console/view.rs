//! What the screen shows, and what keys mean to it.

use std::{collections::VecDeque, path::PathBuf, time::Duration};

use ratatui::{
    Frame,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::{Constraint, Layout, Rect},
    style::{Color, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Borders, Paragraph, Wrap},
};

use super::spectrum::{SILENCE_DB, Spectrum};
use crate::{
    audio::{Hz, Loudness},
    console::{CardFigures, Choice, Console, DeviceInfo, Direction},
    conversation::transcript::{Caption, text_line},
    dialogue::{TurnFigures, TurnPart},
    session::{Counters, SessionEvent, SessionEventKind},
    text::printable,
};

/// See the module's head.
pub(super) struct View {
    agent: String,
    lasts: Duration,
    figures: CardFigures,
    counters: Counters,
    is_muted: bool,
    lost_blocks: u64,
    you: Side,
    other: Side,
    spectrum: Spectrum,
    captions: Vec<Caption>,
    /// What is being said, as far as it is understood.
    partial: Option<Caption>,
    turns: VecDeque<TurnFigures>,
    /// What is being typed.
    typing: Option<String>,
    /// Devices to choose from, and those that were chosen.
    devices: Vec<DeviceInfo>,
    chosen: Choice,
    /// Where the conversation is kept.
    pub(super) kept_in: Option<PathBuf>,
    pub(super) notice: Option<String>,
}

/// The newest of one side.
#[derive(Default)]
struct Side {
    rms_db: f32,
    bars: Vec<f32>,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    Nothing,
    Mute,
    Interrupt,
    Line(String),
    /// The devices are to be shown.
    Devices,
    /// This one is to be gone on with.
    Device(Direction, String),
    /// A new conversation, which is kept, or is not any more.
    Record,
    Save,
    Quit,
}

impl View {
    pub(super) fn new(agent: &str, kept_in: Option<PathBuf>) -> View {
        View {
            agent: agent.to_owned(),
            lasts: Duration::ZERO,
            figures: CardFigures::default(),
            counters: Counters::default(),
            is_muted: false,
            lost_blocks: 0,
            you: Side::default(),
            other: Side::default(),
            spectrum: Spectrum::new(),
            captions: Vec::new(),
            partial: None,
            turns: VecDeque::new(),
            typing: None,
            devices: Vec::new(),
            chosen: Choice::default(),
            kept_in,
            notice: None,
        }
    }

    /// Looks at the console.
    pub(super) fn look(&mut self, console: &Console, counters: Counters, lasts: Duration) {
        let desk = console.desk();
        (self.lasts, self.counters, self.figures) = (lasts, counters, desk.figures());
        (self.is_muted, self.lost_blocks) = (desk.is_muted(), desk.lost_blocks());
        let [heard, said] = desk.newest();
        self.you = side(&mut self.spectrum, heard);
        self.other = side(&mut self.spectrum, said);
    }

    pub(super) fn on_event(&mut self, event: &SessionEvent) {
        let SessionEventKind::Note(note) = &event.kind else { return };
        if let Some(figures) = TurnFigures::of_note(note) {
            self.turns.push_back(figures);
            if self.turns.len() > TURNS {
                self.turns.pop_front();
            }
        }
        if let Some(mut caption) = Caption::of_note(note) {
            caption.name.get_or_insert_with(|| "you".into());
            match caption.is_partial() {
                true => self.partial = Some(caption),
                false => self.on_final(caption),
            }
        }
    }

    fn on_final(&mut self, caption: Caption) {
        self.partial.take_if(|partial| partial.utterance == caption.utterance);
        if !caption.text.is_empty() && self.captions.len() < MOST_CAPTIONS {
            self.captions.push(caption);
        }
    }

    /// A line was typed, and taken by the agent or not.
    pub(super) fn on_written(&mut self, line: &str, at: Duration, is_taken: bool) {
        self.notice = Some(match is_taken {
            true => format!("{:.0} s: you wrote: {}", at.as_secs_f64(), printable(line, 60)),
            false => "the agent does not take more lines now".to_owned(),
        });
    }

    pub(super) fn captions(&self) -> &[Caption] {
        &self.captions
    }

    /// What was said, a line for each.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.captions.iter().map(text_line)
    }

    pub(super) fn on_key(&mut self, key: KeyEvent) -> Pressed {
        let is_ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        if is_ctrl_c {
            return Pressed::Quit;
        }
        if let Some(line) = &mut self.typing {
            match key.code {
                KeyCode::Esc => self.typing = None,
                KeyCode::Backspace => drop(line.pop()),
                KeyCode::Char(c) if line.chars().count() < LONGEST_LINE => line.push(c),
                KeyCode::Enter => {
                    let line = self.typing.take().unwrap_or_default();
                    return if line.trim().is_empty() { Pressed::Nothing } else { Pressed::Line(line) };
                }
                _ => {}
            }
            return Pressed::Nothing;
        }
        if !self.devices.is_empty() {
            return self.choose(key.code);
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => Pressed::Quit,
            KeyCode::Char('i') => Pressed::Interrupt,
            KeyCode::Char('d') => Pressed::Devices,
            KeyCode::Char('r') => Pressed::Record,
            KeyCode::Char('m') => Pressed::Mute,
            KeyCode::Char('s') => Pressed::Save,
            KeyCode::Char('t') | KeyCode::Enter => {
                self.typing = Some(String::new());
                Pressed::Nothing
            }
            _ => Pressed::Nothing,
        }
    }

    /// Shows devices to choose from.
    pub(super) fn offer(&mut self, devices: Vec<DeviceInfo>) {
        self.devices = devices;
        self.devices.truncate(KEYS_OF_DEVICES.len());
        if self.devices.is_empty() {
            self.notice = Some("there are no devices".to_owned());
        }
    }

    fn choose(&mut self, key: KeyCode) -> Pressed {
        let devices = std::mem::take(&mut self.devices);
        let KeyCode::Char(key) = key else { return Pressed::Nothing };
        let Some(device) = KEYS_OF_DEVICES.find(key).and_then(|place| devices.get(place)) else {
            return Pressed::Nothing;
        };
        match device.direction {
            Direction::Input => self.chosen.input = Some(device.id.clone()),
            Direction::Output => self.chosen.output = Some(device.id.clone()),
        }
        Pressed::Device(device.direction, device.id.clone())
    }

    /// Puts in what was chosen.
    pub(super) fn chosen(&self, choice: &mut Choice) {
        let Choice { input, output } = self.chosen.clone();
        choice.input = input.or(choice.input.take());
        choice.output = output.or(choice.output.take());
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let turns = if self.turns.is_empty() { 0 } else { self.turns.len() as u16 + 2 };
        let [head, meters, said, bars, losses, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(4),
            Constraint::Min(3),
            Constraint::Length(turns),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let time = self.lasts.as_secs();
        let kept = self.kept_in.as_ref().map(|folder| format!("  recording into {}", folder.display()));
        let kept = kept.unwrap_or_default();
        let title = format!("roomtone console  {}  {}:{:02}{kept}", self.agent, time / 60, time % 60);
        frame.render_widget(title.bold(), head);
        self.draw_meters(frame, meters);
        self.draw_said(frame, said);
        self.draw_turns(frame, bars);
        let lost = self.losses();
        let style = if lost.is_empty() { Style::new().dim() } else { Style::new().red() };
        let lost = if lost.is_empty() { "nothing lost".to_owned() } else { lost.join(", ") };
        let notice = self.notice.as_deref().map(|notice| format!("   {notice}")).unwrap_or_default();
        frame.render_widget(Line::from(vec![Span::styled(lost, style), Span::raw(notice)]), losses);
        frame.render_widget(self.foot(), foot);
    }

    fn draw_meters(&self, frame: &mut Frame<'_>, area: Rect) {
        let rows: [Rect; 4] = Layout::vertical([Constraint::Length(1); 4]).areas(area);
        let you = if self.is_muted { "muted" } else { "you" };
        let sides = [(you, &self.you, &self.figures.input), (&self.agent, &self.other, &self.figures.output)];
        for (n, (name, side, device)) in sides.into_iter().enumerate() {
            let device = if device.is_empty() { "no device" } else { device };
            let level = level_bar(side.rms_db);
            let line = Line::from(vec![
                Span::raw(format!("{:<10} ", printable(name, 10))),
                Span::styled(level, Style::new().fg(colour(side.rms_db))),
                Span::raw(format!(" {:>4.0} dB  {}", side.rms_db, printable(device, 60))),
            ]);
            frame.render_widget(line, rows[2 * n]);
            let bars: String = side.bars.iter().map(|db| block(*db)).collect();
            frame.render_widget(Line::from(format!("{:<10} {bars}", "")).dim(), rows[2 * n + 1]);
        }
    }

    fn draw_said(&self, frame: &mut Frame<'_>, area: Rect) {
        if !self.devices.is_empty() {
            return self.draw_devices(frame, area);
        }
        let block = Block::new().borders(Borders::TOP).title(" said ");
        let room = usize::from(block.inner(area).height);
        let newest = self.captions.iter().rev().take(room).rev();
        let mut lines: Vec<Line<'_>> = newest.map(|caption| Line::from(printable(&text_line(caption), 500))).collect();
        if let Some(partial) = &self.partial {
            lines.push(Line::from(printable(&text_line(partial), 500)).dim());
        }
        // Long lines take several rows: the newest must be seen.
        let width = usize::from(area.width).max(1);
        let rows: usize = lines.iter().map(|line| rows(&line.to_string(), width)).sum();
        let scroll = rows.saturating_sub(room) as u16;
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).scroll((scroll, 0)).block(block), area);
    }

    fn draw_devices(&self, frame: &mut Frame<'_>, area: Rect) {
        let line = |(key, device): (char, &DeviceInfo)| {
            let default = if device.is_default { " (default)" } else { "" };
            let name = format!("{key}  {:<10}  {}{default}  ", device.direction.noun(), printable(&device.name, 60));
            // Names may be alike.
            Line::from(vec![Span::raw(name), Span::raw(printable(&device.id, 60)).dim()])
        };
        let lines: Vec<Line<'_>> = KEYS_OF_DEVICES.chars().zip(&self.devices).map(line).collect();
        let block = Block::new().borders(Borders::TOP).title(" which device? Esc for none ");
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn draw_turns(&self, frame: &mut Frame<'_>, area: Rect) {
        if self.turns.is_empty() {
            return;
        }
        let width = usize::from(area.width).saturating_sub(10).max(1) as f64;
        let longest = self.turns.iter().map(|turn| turn.total().as_secs_f64()).fold(0.001, f64::max) * 1e3;
        let bar = |turn: &TurnFigures| {
            let parts = turn.parts_ms.iter().map(|(part, ms)| {
                let columns = (ms / longest * width).round() as usize;
                Span::styled("█".repeat(columns), Style::new().fg(of_part(*part)))
            });
            let total = Span::raw(format!("{:>6.0} ms ", turn.total().as_secs_f64() * 1e3));
            Line::from_iter([total].into_iter().chain(parts))
        };
        let mut lines: Vec<Line<'_>> = self.turns.iter().map(bar).collect();
        let legend = TurnPart::ALL.iter().flat_map(|part| {
            [Span::styled("█ ", Style::new().fg(of_part(*part))), Span::raw(format!("{}  ", part.name()))]
        });
        lines.push(Line::from_iter(legend));
        frame.render_widget(Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(" answers ")), area);
    }

    fn losses(&self) -> Vec<String> {
        let figures = &self.figures;
        let of_session = self.counters.losses();
        let of_devices = [
            ("underruns of the speaker", figures.underruns),
            ("samples of the microphone", figures.overrun_samples),
            ("samples of the voice", figures.unplayed_samples),
            ("blocks that came too fast", self.lost_blocks),
            ("devices opened again", figures.reopened),
        ];
        let all = of_session.into_iter().chain(of_devices).filter(|(_, n)| *n > 0);
        all.map(|(what, n)| format!("{n} {what}")).collect()
    }

    fn foot(&self) -> Line<'_> {
        if let Some(line) = &self.typing {
            return Line::from(format!("> {line}▏  Enter sends, Esc does not"));
        }
        let keys = "q quits  m mutes  i interrupts  t writes  d devices  r records  s saves";
        Line::from(keys).dim()
    }
}

fn side(spectrum: &mut Spectrum, (rate, samples): (Option<Hz>, Vec<i16>)) -> Side {
    let rms_db = Loudness::of(&samples).rms_dbfs().map_or(SILENCE_DB, |db| (db as f32).max(SILENCE_DB));
    let bars = rate.map(|rate| spectrum.bars(rate, &samples, BARS)).unwrap_or_default();
    Side { rms_db, bars }
}

/// How many rows a line takes that is broken between words.
fn rows(line: &str, width: usize) -> usize {
    let (mut rows, mut column) = (1, 0);
    for word in line.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if column > 0 && column + length > width {
            (rows, column) = (rows + 1, 0);
        }
        // One that is longer than a row is broken itself.
        rows += length.saturating_sub(1) / width;
        column = if length > width { length % width } else { column + word.chars().count() };
    }
    rows
}

/// From -60 dB to 0 in a fixed width.
fn level_bar(db: f32) -> String {
    let full = ((db + 60.0) / 60.0 * LEVEL_COLUMNS as f32).clamp(0.0, LEVEL_COLUMNS as f32) as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(LEVEL_COLUMNS - full))
}

fn colour(db: f32) -> Color {
    match db {
        db if db > -6.0 => Color::Red,
        db if db > -45.0 => Color::Green,
        _ => Color::DarkGray,
    }
}

/// A column of the spectrum, from -70 dB to -10.
fn block(db: f32) -> char {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    BLOCKS[((db + 70.0) / 60.0 * 8.0).clamp(0.0, 8.0) as usize]
}

fn of_part(part: TurnPart) -> Color {
    match part {
        TurnPart::Activity => Color::DarkGray,
        TurnPart::Text => Color::Blue,
        TurnPart::Decision => Color::Yellow,
        TurnPart::Model => Color::Magenta,
        TurnPart::Synthesis => Color::Cyan,
        TurnPart::Queue => Color::Green,
        TurnPart::Transport => Color::Gray,
    }
}

/// By which devices are chosen.
const KEYS_OF_DEVICES: &str = "123456789abcdefghijklmnop";
/// Columns of a level.
const LEVEL_COLUMNS: usize = 20;
/// Bands of a spectrum.
const BARS: usize = 40;
/// Answers whose times are shown.
const TURNS: usize = 5;
/// What is kept of a conversation: a day of talking.
const MOST_CAPTIONS: usize = 10_000;
/// Of what is typed, in characters.
const LONGEST_LINE: usize = 1_000;

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::agent::Note;

    fn drawn(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect::<Vec<String>>().join("\n")
    }

    fn note(name: &str, value: serde_json::Value) -> SessionEvent {
        let data = [(name.to_owned(), value)].into_iter().collect();
        SessionEvent { at: Duration::ZERO, kind: SessionEventKind::Note(Note { data, ..Note::default() }) }
    }

    #[test]
    fn devices_are_chosen_by_a_key_and_by_no_other() {
        let device = |id: &str, direction| DeviceInfo {
            id: id.into(),
            name: format!("name of {id}"),
            direction,
            is_default: id == "mic",
            rate_hz: None,
            rates_hz: None,
            channels: None,
            format: None,
        };
        let offered = || {
            let mut view = View::new("echo", None);
            view.offer(vec![device("mic", Direction::Input), device("headset", Direction::Output)]);
            view
        };
        let screen = drawn(&offered(), 80, 24);
        assert!(screen.contains("1  microphone  name of mic (default)"), "{screen}");
        let press = |code| offered().on_key(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(press(KeyCode::Char('2')), Pressed::Device(Direction::Output, "headset".into()));
        assert_eq!((press(KeyCode::Char('3')), press(KeyCode::Esc)), (Pressed::Nothing, Pressed::Nothing));
    }

    #[test]
    fn both_sizes_show_devices_turns_and_losses() {
        let mut view = View::new("concierge", None);
        view.figures = CardFigures { input: "Headset at 48000 Hz".into(), underruns: 3, ..CardFigures::default() };
        let parts = serde_json::json!([["activity", 200.0], ["decision", 300.0], ["synthesis", 100.0]]);
        view.on_event(&note("turn_figures", serde_json::json!({ "reply": 1, "speech_end_s": 1.0, "parts_ms": parts })));
        for (width, height) in [(80, 24), (120, 40)] {
            let screen = drawn(&view, width, height);
            for wanted in [
                "roomtone console  concierge  0:00",
                "Headset at 48000 Hz",
                "600 ms",
                "decision",
                "3 underruns",
                "q quits",
            ] {
                assert!(screen.contains(wanted), "{wanted} is missing in\n{screen}");
            }
        }
        // On a screen of no size at all nothing breaks.
        drawn(&view, 20, 3);
    }

    #[test]
    fn what_is_typed_is_a_line_and_not_a_command() {
        let mut view = View::new("echo", None);
        let mut press = |code| view.on_key(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(press(KeyCode::Char('m')), Pressed::Mute);
        assert_eq!(press(KeyCode::Enter), Pressed::Nothing);
        for c in "quit?".chars() {
            assert_eq!(press(KeyCode::Char(c)), Pressed::Nothing);
        }
        assert_eq!(press(KeyCode::Backspace), Pressed::Nothing);
        assert_eq!(press(KeyCode::Enter), Pressed::Line("quit".into()));
        assert_eq!(press(KeyCode::Char('q')), Pressed::Quit);
        assert_eq!(press(KeyCode::Char('i')), Pressed::Interrupt);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(view.on_key(interrupt), Pressed::Quit);
    }
}
