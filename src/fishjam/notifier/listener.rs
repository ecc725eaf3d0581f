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
    dialect::fishjam::{
        CloseCause, CloseReason, decode_notifications,
        wire::{ServerMessage, server_message},
    },
    fishjam::{
        rest::Client,
        socket::{Socket, SocketEvent},
    },
    session::{Backoff, Refusal},
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
    Lost(String),
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
            if begun.elapsed() > STABLE {
                backoff.reset();
            }
            let event = match end {
                Down::Lost(reason) => NotifierEvent::Down { reason },
                Down::Refused(reason) => NotifierEvent::Refused { reason },
                Down::Unwanted => return,
            };
            let Some(hub) = self.hub.upgrade() else { return };
            hub.tell_all(&event);
            if matches!(event, NotifierEvent::Refused { .. }) {
                return;
            }
            drop(hub);
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    async fn listen(&self) -> Down {
        let connected = timeout(HANDSHAKE, Socket::connect(&self.client.address().server_socket())).await;
        let mut socket = match connected {
            Ok(Ok(socket)) => socket,
            Ok(Err(Refusal::Status(status))) => return Down::Lost(format!("the server answered HTTP {status}")),
            Ok(Err(Refusal::Unreachable(why))) => return Down::Lost(why),
            Err(_) => return Down::Lost(format!("no connection within {} s", HANDSHAKE.as_secs())),
        };
        match timeout(HANDSHAKE, self.subscribe(&mut socket)).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) if reason.cause() == CloseCause::Token => return Down::Refused(reason.to_string()),
            Ok(Err(reason)) => return Down::Lost(reason.to_string()),
            Err(_) => return Down::Lost(format!("no answer to the token within {} s", HANDSHAKE.as_secs())),
        }
        let Some(hub) = self.hub.upgrade() else { return Down::Unwanted };
        hub.tell_all(&NotifierEvent::Up);
        drop(hub);
        self.follow(&mut socket).await
    }

    /// Shows the token and subscribes, each answered before the next.
    async fn subscribe(&self, socket: &mut Socket) -> Result<(), CloseReason> {
        use server_message::{AuthRequest, Content, EventType, SubscribeRequest};
        let token = self.client.token().expose_secret().to_owned();
        socket.send(encode(Content::AuthRequest(AuthRequest { token })));
        wait_for(socket, |content| matches!(content, Content::Authenticated(_))).await?;
        let subscription = SubscribeRequest { event_type: EventType::ServerNotification.into() };
        socket.send(encode(Content::SubscribeRequest(subscription)));
        wait_for(socket, |content| matches!(content, Content::SubscribeResponse(_))).await
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
                SocketEvent::Closed(reason) => return Down::Lost(reason.to_string()),
            };
            let notifications = decode_notifications(&bytes).unwrap_or_else(|error| {
                tracing::warn!("the server socket: {error}; passed over");
                Vec::new()
            });
            let Some(hub) = self.hub.upgrade() else { return Down::Unwanted };
            notifications.into_iter().for_each(|notification| hub.tell(notification));
        }
    }
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

/// How long opening, and then the token, may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the link is looked after.
const CHECK: Duration = Duration::from_secs(1);
/// How long a link must have lasted for the next wait to be short again.
const STABLE: Duration = Duration::from_secs(10);
