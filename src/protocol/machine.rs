//! One connection's conversation, without the connection.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use secrecy::SecretString;

use super::FrameError;
use crate::{
    agent::{Action, ActionError},
    event::{Event, RoomId},
};

/// What a connection carries in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl Frame<'_> {
    /// In bytes.
    pub fn len(&self) -> usize {
        match self {
            Frame::Text(text) => text.len(),
            Frame::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a platform expects of whoever follows its events: it is fed what happens on a connection, with its time, and asked
/// what is to be done. It has neither sockets nor a clock, and outlives connections: what it must remember for the next one
/// stays.
///
/// ```
/// use std::time::{Duration, Instant};
/// use roomtone::protocol::{Frame, Machine, Output, nkmedia};
///
/// let now = Instant::now();
/// let mut machine = nkmedia::Client::new(nkmedia::Login { user: "agent".into(), password: "secret".into() });
/// machine.on_open(now, Duration::from_secs(1_790_000_000));
/// let Some(Output::Send(login)) = machine.poll_output() else { panic!("it logs in first") };
/// assert!(login.contains("login"));
/// machine.on_frame(now, Frame::Text(r#"{"result":"error","tid":1,"data":{"code":1000,"error":"Unauthorized"}}"#));
/// assert!(matches!(machine.poll_output(), Some(Output::Close(fault)) if fault.will_not_pass()));
/// ```
pub trait Machine: Send {
    /// A connection is open, at this time on both clocks: platforms that speak of the time of day count from 1970. All that was
    /// under way on the last connection is over.
    fn on_open(&mut self, now: Instant, since_1970: Duration);

    /// A message came.
    fn on_frame(&mut self, now: Instant, frame: Frame<'_>);

    /// [`poll_timeout`](Self::poll_timeout) has come.
    fn on_time(&mut self, now: Instant);

    /// What is to be done next; ask until there is nothing.
    fn poll_output(&mut self) -> Option<Output>;

    /// When it wants to be woken, if nothing comes.
    fn poll_timeout(&self) -> Option<Instant>;

    /// An agent asks for something in its room; [`Output::Acted`] answers with this number.
    ///
    /// # Errors
    /// [`ActionError`], at once, for what this wire has no message for.
    fn act(&mut self, now: Instant, number: u64, room: &RoomId, action: &Action) -> Result<(), ActionError> {
        let _ = (now, number, room);
        Err(ActionError::unsupported(action, "this platform"))
    }

    /// Another token, as [`Output::WantsToken`] has asked for.
    fn on_token(&mut self, now: Instant, token: SecretString) {
        let _ = (now, token);
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Output {
    /// Send this text.
    Send(String),
    /// Send these bytes.
    SendBytes(Bytes),
    /// This happened.
    Event(Box<Event>),
    /// From now on everything is told.
    Live,
    /// Something that an operator should know of, in a line.
    Trouble(String),
    /// These are all rooms there are.
    Listed(Vec<RoomId>),
    /// A frame could not be read, and costs itself alone.
    Unreadable(String),
    /// What an agent asked for was done, or was not.
    Acted(u64, Result<(), ActionError>),
    /// The token will not do for much longer.
    WantsToken,
    /// Close the connection.
    Close(Fault),
}

/// Why a connection is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What can be done about it.
    pub kind: FaultKind,
    /// What happened, and what an operator can do, in a line.
    pub message: String,
}

/// What can be done about a connection that is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The credentials are refused: use others.
    Unauthorized,
    /// The other end speaks another version.
    Version,
    /// The other end is not this platform.
    NotThisPlatform,
    /// It broke, or the other end asked for it: connect again.
    Broken,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Fault {
        Fault { kind, message: crate::text::line(&message.into()) }
    }

    /// Whether another connection would end in the same way.
    pub fn will_not_pass(&self) -> bool {
        self.kind != FaultKind::Broken
    }
}

/// Reads a frame of a platform that speaks in text. What is none is told, and `None`.
pub(super) fn read_text<T>(
    platform: &'static str,
    frame: Frame<'_>,
    unreadable: &mut Unreadable,
    outputs: &mut VecDeque<Output>,
    read: impl FnOnce(&str) -> Result<T, FrameError>,
) -> Option<T> {
    let result = match frame {
        Frame::Text(text) => read(text).map_err(|error| error.to_string()),
        Frame::Binary(_) => Err("a binary message came; it speaks in text".to_owned()),
    };
    match result {
        Ok(read) => {
            unreadable.on_read();
            Some(read)
        }
        Err(why) => {
            outputs.push_back(unreadable.on_unread(platform, why));
            None
        }
    }
}

/// Frames that could not be read, of one connection: a few are the other end's mistakes, and nothing else is not the platform
/// that was meant.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    in_a_row: u32,
}

impl Unreadable {
    /// A frame was read.
    pub(super) fn on_read(&mut self) {
        self.in_a_row = 0;
    }

    /// A frame was not.
    pub(super) fn on_unread(&mut self, platform: &str, why: String) -> Output {
        self.in_a_row += 1;
        match self.in_a_row < MOST_UNREADABLE {
            true => Output::Unreadable(why),
            false => Output::Close(Fault::new(
                FaultKind::NotThisPlatform,
                format!("{MOST_UNREADABLE} frames in a row are none of {platform}'s; check the address: {why}"),
            )),
        }
    }
}

/// So many frames in a row that cannot be read are no accident.
const MOST_UNREADABLE: u32 = 16;
