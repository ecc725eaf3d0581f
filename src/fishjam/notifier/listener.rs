//! The task behind a hub: it opens the server socket, mends it, and passes on what it says.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{Hub, NotifierEvent};
use crate::{
    fishjam::{
        rest::Client,
        socket::{Socket, SocketEvent},
    },
    net::limits,
    protocol::{Fault, Frame, Machine, Output, fishjam::ServerSocket},
    session::{Backoff, Refusal},
    signal::{CloseCause, CloseReason},
};

/// Listens until nobody else does, or the token is refused.
pub(super) async fn run(client: Client, hub: Weak<Hub>) {
    Listener { client, hub }.run().await;
}

struct Listener {
    client: Client,
    hub: Weak<Hub>,
}

/// Why one link ended.
enum Down {
    /// It may work again.
    Lost(String, Option<Duration>),
    Refused(String),
    /// Nobody listens any more.
    Unwanted,
}

impl Listener {
    async fn run(self) {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        loop {
            let begun = Instant::now();
            let end = self.listen().await;
            if begun.elapsed() > limits::STABLE {
                backoff.reset();
            }
            let mut at_least = Duration::ZERO;
            let event = match end {
                Down::Lost(reason, retry_after) => {
                    at_least = retry_after.unwrap_or_default();
                    NotifierEvent::Down { reason }
                }
                Down::Refused(reason) => NotifierEvent::Refused { reason },
                Down::Unwanted => return,
            };
            let Some(hub) = self.hub.upgrade() else { return };
            match &event {
                NotifierEvent::Refused { reason } => {
                    tracing::error!("the server socket refuses the management token: {reason}");
                }
                NotifierEvent::Down { reason } => self.client.troubles.notifications.begins(KEY, reason),
                _ => {}
            }
            hub.tell_all(&event);
            if matches!(event, NotifierEvent::Refused { .. }) {
                return;
            }
            drop(hub);
            tokio::time::sleep(backoff.next_wait().max(at_least)).await;
        }
    }

    async fn listen(&self) -> Down {
        let url = self.client.address().server_socket();
        let connected = timeout(limits::OPEN, Socket::connect(&url, self.client.trust())).await;
        let mut socket = match connected {
            Ok(Ok(socket)) => socket,
            Ok(Err(Refusal::Status { code, retry_after })) => {
                return Down::Lost(format!("the server answered HTTP {code}"), retry_after);
            }
            Ok(Err(Refusal::Unreachable(why))) => return Down::Lost(why, None),
            Err(_) => return Down::Lost(format!("no connection within {} s", limits::OPEN.as_secs()), None),
        };
        let token = self.client.credential().token();
        let mut machine = ServerSocket::new(token.clone());
        machine.on_open(Instant::now(), Duration::ZERO);
        match self.converse(&mut socket, &mut machine).await {
            End::Closed(reason) if reason.cause == CloseCause::Token => {
                // It may have been replaced while the process lived; if so, the next link shows the new one.
                match self.client.credential().has_other_than(token.expose_secret()) {
                    true => Down::Lost("the management token was replaced".into(), None),
                    false => Down::Refused(reason.to_string()),
                }
            }
            End::Closed(reason) => Down::Lost(reason.to_string(), None),
            End::Fault(fault) => Down::Lost(fault.to_string(), None),
            End::Unwanted => Down::Unwanted,
        }
    }

    /// Carries messages between the socket and the machine, and what is told to the hub.
    async fn converse(&self, socket: &mut Socket, machine: &mut ServerSocket) -> End {
        let mut check = tokio::time::interval(CHECK);
        loop {
            let mut told = 0;
            while let Some(output) = machine.poll_output() {
                let Some(hub) = self.hub.upgrade() else { return End::Unwanted };
                match output {
                    Output::SendBytes(bytes) => drop(socket.send(bytes)),
                    Output::Event(event) => {
                        hub.tell(*event);
                        told += 1;
                    }
                    Output::Live => {
                        self.client.troubles.notifications.ends(KEY);
                        hub.tell_all(&NotifierEvent::Up);
                    }
                    Output::Unreadable(why) => self.client.unreadable().note_notification("the server socket", &why),
                    Output::Close(fault) => return End::Fault(fault),
                    // What a Fishjam's machine never wants.
                    Output::Send(_)
                    | Output::Acted(..)
                    | Output::WantsToken
                    | Output::Trouble(_)
                    | Output::Listed(_) => {}
                }
                drop(hub);
                if told == AT_ONCE {
                    // Whoever listens may read before the next ones come.
                    told = 0;
                    tokio::task::yield_now().await;
                }
            }
            let event = tokio::select! {
                event = socket.next() => event,
                _ = check.tick() => {
                    machine.on_time(Instant::now());
                    match socket.check(Instant::now()) {
                        Some(reason) => SocketEvent::Closed(reason),
                        None => continue,
                    }
                }
            };
            match event {
                SocketEvent::Message(bytes) => machine.on_frame(Instant::now(), Frame::Binary(&bytes)),
                SocketEvent::Closed(reason) => return End::Closed(reason),
            }
        }
    }
}

/// How one connection ended.
enum End {
    Closed(CloseReason),
    Fault(Fault),
    /// Nobody listens any more.
    Unwanted,
}

/// Whose trouble it is.
const KEY: &str = "notifications";
/// Notifications that are told without a pause for those who read them.
const AT_ONCE: usize = 128;
/// How often the link is looked after.
const CHECK: Duration = Duration::from_secs(1);
