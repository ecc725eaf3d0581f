//! One connected client: bytes both ways, until somebody ends it.
//!
//! An order to end goes past whatever waits to be sent, so a client that reads nothing cannot hold its own end up.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    sync::mpsc,
    time::{interval_at, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_util::sync::CancellationToken;

use super::upgrade::Stream;
use crate::sandbox::room::Room;

/// How a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum End {
    /// With this close frame.
    Close(u16, String),
    /// Without a word.
    Cut,
    /// The client closed it.
    ByClient,
}

/// The order to end a connection. The first one counts.
#[derive(Clone, Default)]
pub(in crate::sandbox) struct Ender {
    how: Arc<Mutex<Option<End>>>,
    ordered: CancellationToken,
}

impl Ender {
    pub(in crate::sandbox) fn end(&self, how: End) {
        self.how.lock().expect("no holder panics").get_or_insert(how);
        self.ordered.cancel();
    }

    async fn ended(&self) -> End {
        self.ordered.cancelled().await;
        self.how.lock().expect("no holder panics").clone().unwrap_or(End::Cut)
    }
}

/// A message on its way to a client.
pub(in crate::sandbox) struct Outgoing {
    pub(in crate::sandbox) due: Instant,
    pub(in crate::sandbox) bytes: Bytes,
}

/// The parts of a connected client that its task owns.
pub(super) struct Link {
    pub(super) room: Arc<Room>,
    pub(super) peer: crate::event::PeerId,
    pub(super) number: u64,
    pub(super) outbox: mpsc::Receiver<Outgoing>,
    pub(super) ender: Ender,
}

impl Link {
    /// Serves the client until it goes or is sent away; then the peer is disconnected, if it still is this client's.
    pub(super) async fn serve(mut self, mut stream: Stream, stop: CancellationToken, on_message: impl FnMut(Bytes)) {
        let ender = self.ender.clone();
        let end = tokio::select! {
            biased;
            end = ender.ended() => end,
            () = stop.cancelled() => End::Close(GOING_AWAY, String::new()),
            end = self.pump(&mut stream, on_message) => end,
        };
        self.leave();
        finish(stream, end).await;
    }

    async fn pump(&mut self, stream: &mut Stream, mut on_message: impl FnMut(Bytes)) -> End {
        let mut ping = interval_at(tokio::time::Instant::now() + PING, PING);
        // The message that is to go next; it may have to wait.
        let mut next: Option<Outgoing> = None;
        loop {
            let due = next.as_ref().map_or_else(Instant::now, |next| next.due);
            tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        self.wait_out_stall().await;
                        on_message(bytes);
                    }
                    Some(Ok(Message::Close(_))) => return End::ByClient,
                    Some(Err(_)) | None => return End::Cut,
                    Some(Ok(_)) => {}
                },
                // Without a sender the connection is being ended: how, its ender says.
                Some(message) = self.outbox.recv(), if next.is_none() => next = Some(message),
                () = sleep_until(due.into()), if next.is_some() => {
                    self.wait_out_stall().await;
                    let bytes = next.take().expect("looked at above").bytes;
                    if stream.send(Message::Binary(bytes)).await.is_err() {
                        return End::Cut;
                    }
                }
                _ = ping.tick() => {
                    if stream.send(Message::Ping(Bytes::new())).await.is_err() {
                        return End::Cut;
                    }
                }
            }
        }
    }

    /// While a stall lies on the peer, nothing that came is looked at and nothing goes out.
    async fn wait_out_stall(&self) {
        let until = self.room.state().peer(self.peer.as_str()).and_then(|peer| peer.faults.stalled_until);
        if let Some(until) = until {
            sleep_until(until.into()).await;
        }
    }

    fn leave(&self) {
        let mut state = self.room.state();
        if let Some(peer) = state.peer(self.peer.as_str()).filter(|peer| peer.is_connected_by(self.number)) {
            self.room.disconnect(peer);
        }
    }
}

/// Brings a connection to its end, and reads until the client has taken note, or time is up.
pub(super) async fn finish(mut stream: Stream, end: End) {
    let goodbye = async {
        match end {
            End::Cut => return,
            // The answer to the client's close is queued already.
            End::ByClient => drop(stream.flush().await),
            End::Close(code, reason) => {
                // A control frame holds 125 bytes, two of them the code.
                let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON_BYTES)];
                let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
                stream.send(Message::Close(Some(frame))).await.ok();
            }
        }
        while let Some(Ok(_)) = stream.next().await {}
    };
    timeout(GOODBYE, goodbye).await.ok();
}

/// RFC 6455: the server goes away.
pub(super) const GOING_AWAY: u16 = 1001;
/// A Fishjam pings this often.
pub(super) const PING: Duration = Duration::from_secs(30);
/// How long a client may take over a close.
const GOODBYE: Duration = Duration::from_secs(2);
const LONGEST_REASON_BYTES: usize = 123;
