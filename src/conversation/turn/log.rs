//! A log of what the turn machine was told and what it ordered, as JSON lines: a replay of a conversation.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Order, TurnInput, TurnMachine, TurnSettings, whole_micros};

/// Writes down inputs and orders. What people said is in it.
#[derive(Debug)]
pub struct TurnLog<W>(W);

/// A line.
#[derive(Serialize, Deserialize)]
struct Line<T> {
    #[serde(rename = "at_s", with = "crate::event::seconds")]
    at: Duration,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum What {
    Input(TurnInput),
    Order(Order),
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is none of a turn log: {why}")]
pub struct LogError {
    /// Which, from 1 on.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl<W: Write> TurnLog<W> {
    /// A log that begins.
    pub fn new(writer: W) -> TurnLog<W> {
        TurnLog(writer)
    }

    /// Writes down an input before the machine takes it.
    ///
    /// # Errors
    /// The writer's.
    pub fn input(&mut self, at: Duration, input: &TurnInput) -> io::Result<()> {
        self.line(at, input)
    }

    /// Writes down an order.
    ///
    /// # Errors
    /// The writer's.
    pub fn order(&mut self, at: Duration, order: &Order) -> io::Result<()> {
        self.line(at, order)
    }

    fn line(&mut self, at: Duration, what: impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, &Line { at: whole_micros(at), what })?;
        self.0.write_all(b"\n")
    }

    /// The writer.
    pub fn into_inner(self) -> W {
        self.0
    }
}

/// The line that a log has for an input, by itself.
pub fn logged(at: Duration, input: &TurnInput) -> serde_json::Value {
    serde_json::to_value(Line { at: whole_micros(at), what: input }).expect("an input is plain")
}

/// Gives the inputs of a log to a machine, and writes down what it orders: a log again, the same one unless machine or
/// settings differ.
///
/// # Errors
/// [`LogError`] at the first line that is none.
pub fn replay(log: &str, settings: TurnSettings) -> Result<String, LogError> {
    let mut machine = TurnMachine::new(settings);
    let mut written = TurnLog::new(Vec::new());
    for (n, line) in log.lines().enumerate() {
        let wrong = |why: String| LogError { line: n + 1, why };
        let line: Line<What> = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let What::Input(input) = line.what else { continue };
        written.input(line.at, &input).map_err(|error| wrong(error.to_string()))?;
        machine.handle(line.at, input);
        for order in machine.orders() {
            written.order(line.at, &order).map_err(|error| wrong(error.to_string()))?;
        }
    }
    String::from_utf8(written.into_inner()).map_err(|error| LogError { line: 0, why: error.to_string() })
}
