//! A process of a bench, as the bench sees it.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::part::Said;
use crate::cli::{ErrorCode, Failure};

/// A running part. It is ended when it is dropped.
pub(super) struct Worker {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    pub(super) fn start(name: &str, mut command: Command) -> Result<Worker, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let fail = |error| Failure::new(ErrorCode::Machine, format!("{name} cannot be started: {error}"));
        let mut child = command.spawn().map_err(fail)?;
        let lines = BufReader::new(child.stdout.take().expect("asked for above")).lines();
        Ok(Worker { name: name.to_owned(), orders: child.stdin.take(), child, lines })
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits for the next line that is for the bench.
    pub(super) async fn line(&mut self, patience: Duration) -> Result<String, Failure> {
        let next = timeout(patience, self.lines.next_line()).await;
        let next = next.map_err(|_| Failure::new(ErrorCode::Bench, format!("{} says nothing", self.name)))?;
        next.ok().flatten().ok_or_else(|| Failure::new(ErrorCode::Bench, format!("{} has ended", self.name)))
    }

    /// Waits for the next event; other lines are passed over.
    pub(super) async fn event(&mut self, patience: Duration) -> Result<Said, Failure> {
        loop {
            if let Ok(said) = serde_json::from_str(&self.line(patience).await?) {
                return Ok(said);
            }
        }
    }

    /// Lets it go on.
    pub(super) async fn order(&mut self) -> Result<(), Failure> {
        let orders = self.orders.as_mut().expect("it has not been dismissed");
        orders
            .write_all(b"measure\n")
            .await
            .map_err(|error| Failure::new(ErrorCode::Bench, format!("{}: {error}", self.name)))
    }

    /// Says that there is nothing more to do.
    pub(super) fn dismiss(&mut self) {
        self.orders = None;
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(mut self) {
        self.dismiss();
        timeout(GOODBYE, self.child.wait()).await.ok();
    }
}

/// How long a part may take to leave.
const GOODBYE: Duration = Duration::from_secs(20);
