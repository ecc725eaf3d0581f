//! The task behind a hub: it opens the server socket, mends it, and passes on what it says.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message as _;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{Hub, NotifierEvent};
use crate::{
    fishjam::{
        rest::Client,
        socket::{Socket, SocketEvent},
    },
    net::limits,
    protocol::fishjam::{
        Decoded, decode,
        wire::{ServerMessage, server_message},
    },
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
        match timeout(limits::AUTHENTICATE, subscribe(&mut socket, token.expose_secret())).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) if reason.cause == CloseCause::Token => {
                // It may have been replaced while the process lived; if so, the next link shows the new one.
                return match self.client.credential().has_other_than(token.expose_secret()) {
                    true => Down::Lost("the management token was replaced".into(), None),
                    false => Down::Refused(reason.to_string()),
                };
            }
            Ok(Err(reason)) => return Down::Lost(reason.to_string(), None),
            Err(_) => {
                return Down::Lost(format!("no answer to the token within {} s", limits::AUTHENTICATE.as_secs()), None);
            }
        }
        let Some(hub) = self.hub.upgrade() else { return Down::Unwanted };
        self.client.troubles.notifications.ends(KEY);
        hub.tell_all(&NotifierEvent::Up);
        drop(hub);
        self.follow(&mut socket).await
    }

    async fn follow(&self, socket: &mut Socket) -> Down {
        let mut check = tokio::time::interval(CHECK);
        loop {
            let event = tokio::select! {
                event = socket.next() => event,
                _ = check.tick() => match socket.check(Instant::now()) {
                    Some(reason) => SocketEvent::Closed(reason),
                    None => continue,
                },
            };
            let bytes = match event {
                SocketEvent::Message(bytes) => bytes,
                SocketEvent::Closed(reason) => return Down::Lost(reason.to_string(), None),
            };
            let decoded =
                decode(&bytes).unwrap_or_else(|error| Decoded { unreadable: vec![error], ..Decoded::default() });
            self.client.unreadable().note_notifications("the server socket", &decoded.unreadable);
            let mut events = decoded.events;
            while !events.is_empty() {
                let some: Vec<_> = events.drain(..events.len().min(AT_ONCE)).collect();
                let Some(hub) = self.hub.upgrade() else { return Down::Unwanted };
                some.into_iter().for_each(|event| hub.tell(event));
                // Whoever listens may read before the next ones come.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Shows the token and subscribes, each answered before the next.
async fn subscribe(socket: &mut Socket, token: &str) -> Result<(), CloseReason> {
    use server_message::{AuthRequest, Content, EventType, SubscribeRequest};
    socket.send(encode(Content::AuthRequest(AuthRequest { token: token.to_owned() })));
    wait_for(socket, |content| matches!(content, Content::Authenticated(_))).await?;
    let subscription = SubscribeRequest { event_type: EventType::ServerNotification.into() };
    socket.send(encode(Content::SubscribeRequest(subscription)));
    wait_for(socket, |content| matches!(content, Content::SubscribeResponse(_))).await
}

fn encode(content: server_message::Content) -> Bytes {
    ServerMessage { content: Some(content) }.encode_to_vec().into()
}

async fn wait_for(socket: &mut Socket, wanted: fn(&server_message::Content) -> bool) -> Result<(), CloseReason> {
    loop {
        match socket.next().await {
            SocketEvent::Closed(reason) => return Err(reason),
            SocketEvent::Message(bytes) => {
                let content = ServerMessage::decode(bytes).ok().and_then(|message| message.content);
                if content.is_some_and(|content| wanted(&content)) {
                    return Ok(());
                }
            }
        }
    }
}

/// Whose trouble it is.
const KEY: &str = "notifications";
/// Notifications that are told without a pause for those who read them.
const AT_ONCE: usize = 128;
/// How often the link is looked after.
const CHECK: Duration = Duration::from_secs(1);
