//! The screen, in a terminal that is made up: what it shows, what keys do, and what it leaves behind.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, Builtin, Input, Maker, Registry, Room},
    cli::Program,
    event::{ChatEvent, EventKind},
};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{
    files_stand_in::{SPEECH, folder},
    server::{PATIENCE, SoundServer, eventually},
};

/// A program in a terminal, and what that shows.
struct Terminal {
    child: Child,
    master: File,
    /// Kept open, so that the terminal lives on and can be asked.
    slave: File,
    shown: Receiver<Vec<u8>>,
    parser: vt100::Parser,
}

impl Terminal {
    /// Runs this with a controlling terminal of its own of so many lines and columns.
    fn run(program: &str, args: &[&str], size: [u16; 2]) -> Terminal {
        Terminal::run_by(Command::new("setsid"), program, args, size)
    }

    fn run_by(mut command: Command, program: &str, args: &[&str], [rows, columns]: [u16; 2]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let master = File::from(master);
        resize(&master, [rows, columns]);
        let end = || Stdio::from(OwnedFd::from(slave.try_clone().unwrap()));
        command.args(["--ctty", "--wait", program]).args(args).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let (sender, shown) = channel();
        let mut reader = master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = reader.read(&mut bytes)
                && sender.send(bytes[..read].to_vec()).is_ok()
            {}
        });
        Terminal { child, master, slave, shown, parser: vt100::Parser::new(rows, columns, 1_000) }
    }

    fn type_in(&mut self, keys: &str) {
        // One that has ended reads nothing any more.
        self.master.write_all(keys.as_bytes()).ok();
    }

    fn resize(&mut self, size: [u16; 2]) {
        resize(&self.master, size);
        self.parser.screen_mut().set_size(size[0], size[1]);
    }

    /// Waits until the screen is so.
    fn until(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self.parser.screen()) {
            match self.shown.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) => panic!("{what} in time; it shows\n{}", self.text()),
            }
        }
    }

    fn until_it_shows(&mut self, text: &str) {
        self.until(&format!("{text:?}"), |screen| screen.contents().contains(text));
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > until {
                self.child.kill().ok();
                panic!("it does not end; it shows\n{}", self.text());
            }
            // It waits where nobody reads what it shows.
            if let Ok(bytes) = self.shown.recv_timeout(Duration::from_millis(20)) {
                self.parser.process(&bytes);
            }
        }
    }

    /// Waits for the program's end, and looks whether the terminal is as it was.
    fn ends_clean(mut self) -> (ExitStatus, String) {
        let status = self.wait();
        // All that the program wrote is shown once this is.
        self.slave.write_all(BEHIND.as_bytes()).unwrap();
        self.until_it_shows(BEHIND);
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{}", self.text());
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "{modes:?}");
        (status, self.text())
    }
}

/// A program that a failed test leaves behind would run on.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.type_in("\x03");
        std::thread::sleep(Duration::from_millis(100));
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn resize(master: &File, [rows, columns]: [u16; 2]) {
    tcsetwinsize(master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

/// What no program writes.
const BEHIND: &str = "~behind all~";
const PROGRAM: &str = env!("CARGO_BIN_EXE_roomtone");

#[test]
fn it_fits_two_sizes_and_keys_do_what_it_says() {
    let folder = folder();
    let answer = folder.join("answer.wav");
    let args = ["console", "--agent", "echo", "--output-file", answer.to_str().unwrap()];
    let mut terminal = Terminal::run(PROGRAM, &args, [24, 80]);
    terminal.until_it_shows("roomtone console  echo  0:0");
    for text in [
        "nothing lost",
        "q quits  m mutes  i interrupts  t writes  d devices  r records  s saves",
        "/roomtone-console-",
    ] {
        terminal.until_it_shows(text);
    }
    terminal.type_in("m");
    terminal.until_it_shows("muted");
    terminal.type_in("m");
    terminal.until("not muted", |screen| !screen.contents().contains("muted"));
    terminal.type_in("thello there");
    terminal.until_it_shows("> hello there");
    terminal.type_in("\r");
    terminal.until_it_shows("you wrote: hello there");
    terminal.type_in("s");
    terminal.until_it_shows("nothing was said yet");
    terminal.resize([40, 120]);
    // Its last line is the new size's last line.
    terminal
        .until("the larger screen", |screen| screen.rows(0, 120).nth(39).is_some_and(|line| line.contains("q quits")));
    terminal.type_in("q");
    let (status, text) = terminal.ends_clean();
    assert!(status.success() && text.contains("the agent left as it was told"), "{text}");
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn a_conversation_is_recorded_from_its_beginning_at_a_key() {
    let folder = folder();
    let mut terminal = Terminal::run(
        "env",
        &["-C", folder.to_str().unwrap(), PROGRAM, "console", "--agent", "echo", "--input-file", SPEECH],
        [24, 80],
    );
    terminal.until_it_shows("roomtone console  echo");
    terminal.type_in("r");
    terminal.until_it_shows("recording into out/console/recording-1");
    terminal.type_in("r");
    terminal.until("no recording", |screen| !screen.contents().contains("recording into"));
    terminal.type_in("q");
    let (status, text) = terminal.ends_clean();
    assert!(status.success() && text.matches("the agent left as it was told").count() == 3, "{text}");
    assert!(folder.join("out/console/recording-1/events.jsonl").is_file());
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn ctrl_c_and_a_panic_leave_the_terminal_as_it_was() {
    let folder = folder();
    let answer = folder.join("answer.wav");
    let args = ["console", "--agent", "echo", "--output-file", answer.to_str().unwrap()];
    let mut terminal = Terminal::run(PROGRAM, &args, [24, 80]);
    terminal.until_it_shows("roomtone console");
    terminal.type_in("\x03");
    assert!(terminal.ends_clean().0.success());
    let this = std::env::current_exe().unwrap();
    let args = ["--ignored", "--exact", "screen::a_program_whose_agent_panics", "--nocapture"];
    let mut terminal = Terminal::run(this.to_str().unwrap(), &args, [24, 80]);
    terminal.until_it_shows("roomtone console  clumsy");
    terminal.type_in("tpanic\r");
    let (_, text) = terminal.ends_clean();
    assert!(text.contains("it panicked"), "{text}");
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn another_speaker_is_chosen_by_its_key() {
    let Some(server) = SoundServer::start() else { return };
    let args = ["console", "--agent", "echo", "--raw"];
    let mut terminal = Terminal::run_by(server.command("setsid"), PROGRAM, &args, [40, 120]);
    terminal.until_it_shows("roomtone console  echo");
    let is_other = |line: &String| line.contains("speaker") && line.contains("other");
    terminal.type_in("d");
    terminal.until("the other speaker", |screen| screen.rows(0, 120).any(|line| is_other(&line)));
    let line = terminal.parser.screen().rows(0, 120).find(is_other).unwrap();
    let recorder = server.record("other");
    let before = recorder.samples().len();
    terminal.type_in(&line[..1]);
    server.say(SPEECH);
    eventually("it is heard there", || recorder.hears_from(before));
    terminal.type_in("q");
    let (status, text) = terminal.ends_clean();
    assert!(status.success() && text.contains("opened again 0 times"), "{text}");
}

/// Panics when that is written to it.
struct Clumsy;

#[async_trait]
impl Agent for Clumsy {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while let Some(input) = room.next().await {
            if let Input::Event(event) = input
                && let EventKind::Chat(ChatEvent::Said { text, .. }) = &event.kind
            {
                panic!("somebody wrote {}", text.as_str());
            }
        }
        Ok(())
    }
}

#[test]
#[ignore = "is run by another test, in a terminal"]
fn a_program_whose_agent_panics() {
    let clumsy = Builtin::new("clumsy", "panics", |_| async { Ok(Maker::new(|| Clumsy)) });
    let args = ["console", "--input-file", SPEECH];
    let _code = Program::new("clumsy", "0.1.0").args(args).run(Registry::new([clumsy]));
}
