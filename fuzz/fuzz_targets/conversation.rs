//! A whole connection: each line of the input is a frame or, where it is a number, so many milliseconds that pass.

use std::time::{Duration, Instant};

use roomtone::{
    event::Roster,
    protocol::{Frame, Machine, Output},
};

pub fn hold(mut machine: impl Machine, data: &[u8]) {
    let mut now = Instant::now();
    let mut roster = Roster::new("me".into());
    machine.on_open(now, Duration::from_secs(1_790_000_000));
    for line in data.split(|byte| *byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(text) => match text.parse::<u16>() {
                Ok(ms) => {
                    now += Duration::from_millis(ms.into());
                    machine.on_time(now);
                }
                Err(_) => machine.on_frame(now, Frame::Text(text)),
            },
            Err(_) => machine.on_frame(now, Frame::Binary(line)),
        }
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Event(event) => {
                    roster.apply(&event);
                    event.json_with_native();
                }
                Output::Close(_) => machine.on_open(now, Duration::from_secs(1_790_000_000)),
                _ => {}
            }
        }
        // Whatever came, it does not want to be woken in the past for ever.
        if machine.poll_timeout().is_some_and(|due| due < now) {
            machine.on_time(now);
        }
    }
}
