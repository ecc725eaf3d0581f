//! A WebSocket that carries one protobuf message in each binary message, and never makes its owner wait.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Sink, Stream, task::noop_waker_ref};
use tokio_tungstenite::tungstenite::{Error as Fault, Message};

use crate::{
    net::{
        Trust, limits,
        websocket::{self, OpenError, WebSocket},
    },
    protocol::fishjam::close_reason,
    session::Refusal,
    signal::CloseReason,
};

/// An open socket. Sending queues and returns; [`next`](Self::next) moves bytes both ways.
pub(crate) struct Socket {
    stream: WebSocket,
    /// Bytes wait to be taken by the other end; since when they have, as of the last look.
    has_unsent: bool,
    blocked_since: Option<Instant>,
    /// Something came since the last look; when that was.
    has_received: bool,
    last_received: Instant,
    pinged: bool,
    /// What `next` said at the end.
    ended: bool,
}

/// What a socket brings.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// A message.
    Message(Bytes),
    /// The end. Nothing comes after it.
    Closed(CloseReason),
}

impl Socket {
    /// Opens a socket; `url` is `ws` or `wss`.
    pub(crate) async fn connect(url: &str, trust: &Trust) -> Result<Socket, Refusal> {
        match websocket::open(url, trust, websocket::config()).await {
            Ok(stream) => Ok(Socket {
                stream,
                has_unsent: false,
                blocked_since: None,
                has_received: false,
                last_received: Instant::now(),
                pinged: false,
                ended: false,
            }),
            Err(OpenError::Status { code, retry_after }) => Err(Refusal::Status { code, retry_after }),
            Err(OpenError::Unreachable(why)) => Err(Refusal::Unreachable(why)),
        }
    }

    /// Queues a message. `false` means that the other end has not taken what was queued before, and this is dropped.
    pub(crate) fn send(&mut self, bytes: Bytes) -> bool {
        self.queue(Message::Binary(bytes))
    }

    /// Queues a close; the other end answers with its own, and `next` gives [`SocketEvent::Closed`].
    pub(crate) fn close(&mut self) {
        self.queue(Message::Close(None));
    }

    /// Waits for the next message while it sends what is queued. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> SocketEvent {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Sends what can be sent at once. If something is left, the socket must be polled.
    pub(crate) fn flush_now(&mut self) -> bool {
        if self.has_unsent {
            // No waker: if it cannot be sent now, `poll` will wait for that. A fault is `poll`'s to tell, too.
            let _ = self.poll_flush(&mut Context::from_waker(noop_waker_ref()));
        }
        !self.has_unsent
    }

    /// Looks after the link; call it every second or so. Gives the reason if the other end is as good as gone.
    pub(crate) fn check(&mut self, now: Instant) -> Option<CloseReason> {
        self.blocked_since = self.has_unsent.then(|| self.blocked_since.unwrap_or(now));
        if std::mem::take(&mut self.has_received) {
            self.last_received = now;
            self.pinged = false;
        }
        if self.blocked_since.is_some_and(|since| now - since > limits::BLOCKED) {
            return Some(CloseReason::broken(format!(
                "the server has read nothing for {} s",
                limits::BLOCKED.as_secs()
            )));
        }
        let silent = now.saturating_duration_since(self.last_received);
        if silent > SILENT {
            return Some(CloseReason::broken(format!("the server has said nothing for {} s", SILENT.as_secs())));
        }
        if silent > QUIET && !self.pinged {
            self.pinged = true;
            self.queue(Message::Ping(Bytes::new()));
        }
        None
    }

    fn queue(&mut self, message: Message) -> bool {
        let accepted = Pin::new(&mut self.stream).start_send(message).is_ok();
        // Cleared by the next flush, which follows at once unless the other end is slow.
        self.has_unsent |= accepted;
        accepted
    }

    /// As [`next`](Self::next).
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<SocketEvent> {
        if self.ended {
            return Poll::Pending;
        }
        // A server that closes says why, and then takes no more: its reason is read before the fault is believed.
        let mut fault = None;
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            fault = Some(error);
        }
        loop {
            let Poll::Ready(next) = Pin::new(&mut self.stream).poll_next(cx) else {
                return match fault {
                    Some(fault) => self.end(CloseReason::broken(fault.to_string())),
                    None => Poll::Pending,
                };
            };
            self.has_received = true;
            match next {
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(SocketEvent::Message(bytes)),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| close_reason(frame.code.into(), frame.reason.as_str()));
                    return self.end(reason.unwrap_or(close_reason(NO_CODE, "")));
                }
                // A Fishjam speaks in binary; text is passed over, pings are answered below.
                Some(Ok(_)) => {}
                Some(Err(fault)) => return self.end(CloseReason::broken(fault.to_string())),
                None => return self.end(CloseReason::broken("the connection ended")),
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.has_unsent = false;
            self.blocked_since = None;
        }
        flushed
    }

    fn end(&mut self, reason: CloseReason) -> Poll<SocketEvent> {
        self.ended = true;
        Poll::Ready(SocketEvent::Closed(reason))
    }
}

/// How long the other end may say nothing before it is asked with a ping.
const QUIET: Duration = Duration::from_secs(15);
/// How long it may say nothing at all. A Fishjam pings every 30 s, and answers ours at once.
const SILENT: Duration = Duration::from_secs(25);
/// RFC 6455: the code that stands for a close frame without one.
const NO_CODE: u16 = 1005;
