//! The other platforms on this machine: servers of SignalWire, NkMEDIA and Dubtrack that behave as far as a client can tell
//! like the real ones, and tell what a script says.
//!
//! Each is a [`FakeServer`] without sockets, whose time is made up by whoever drives it; [`FakePlatform`] serves one at a port.
//! What they know of the real ones is what `docs/platforms/` knows, with its marks of how sure that is.
//!
//! ```
//! use roomtone::sandbox::platforms::{FakeNkmedia, FakePlatform};
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let fake = FakePlatform::start(([127, 0, 0, 1], 0).into(), FakeNkmedia::default()).await.unwrap();
//! let feed = roomtone::nkmedia::Nkmedia::new(fake.url(), "agent", fake.secret().into()).feed();
//! roomtone::platform::Platform::check(&feed).await.unwrap();
//! fake.play(r#"{"class":"media","subclass":"room","type":"started","obj_id":"r1","body":{"class":"sfu"}}"#).unwrap();
//! # fake.stop().await;
//! # });
//! ```

mod dubtrack;
mod nkmedia;
mod serve;
mod signalwire;

use std::{collections::VecDeque, time::Instant};

use serde_json::Value;

pub use dubtrack::FakeDubtrack;
pub use nkmedia::FakeNkmedia;
pub use serve::{FakePlatform, ScriptError};
pub use signalwire::FakeSignalWire;

use crate::protocol::Protocol;

/// A platform's server without sockets. Clients are numbered by whoever connects them.
pub trait FakeServer: Send + 'static {
    /// Whose it is.
    fn protocol(&self) -> Protocol;

    /// What clients must show: a password or a token.
    fn secret(&self) -> String;

    /// A client is connected.
    fn on_open(&mut self, now: Instant, client: u64);

    /// It says something.
    fn on_text(&mut self, now: Instant, client: u64, text: &str);

    /// It is gone.
    fn on_closed(&mut self, client: u64);

    /// [`poll_timeout`](Self::poll_timeout) has come.
    fn on_time(&mut self, now: Instant);

    /// Tells an event to whom it concerns: a whole frame, or the part of it that speaks of the event.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    fn play(&mut self, now: Instant, event: &Value) -> Result<(), String>;

    /// Answers a call by HTTP; a platform without calls finds nothing.
    fn on_call(&mut self, _now: Instant, _call: &Call<'_>) -> Reply {
        Reply { status: 404, body: Value::Null, cookie: None }
    }

    /// What is to be sent or done next.
    fn poll_output(&mut self) -> Option<(u64, FakeOutput)>;

    /// When it wants to be woken.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// What a server does to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FakeOutput {
    /// Sends this text.
    Send(String),
    /// Closes its connection.
    Close,
}

/// A call by HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// As in `POST`.
    pub method: &'a str,
    /// As in `/room/a`.
    pub path: &'a str,
    /// The login that it shows, or nothing.
    pub cookie: &'a str,
    /// What it brings.
    pub body: &'a str,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON.
    pub body: Value,
    /// A login that the client shows from now on.
    pub cookie: Option<String>,
}

/// What waits to be done.
type Outputs = VecDeque<(u64, FakeOutput)>;

fn send(outputs: &mut Outputs, client: u64, frame: &Value) {
    outputs.push_back((client, FakeOutput::Send(frame.to_string())));
}
