//! The server socket: everything that happens in the rooms of a Fishjam, for as long as one listens.

use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;
use secrecy::ExposeSecret;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tracing::Instrument;

use super::{
    rest::Client,
    socket::{Socket, SocketEvent},
};
use crate::{
    dialect::fishjam::{
        CloseCause, CloseReason, Notification, decode_notifications,
        wire::{ServerMessage, server_message},
    },
    event::RoomId,
    session::{Backoff, Refusal},
};

/// What a notifier tells.
#[derive(Debug, Clone, PartialEq)]
pub enum NotifierEvent {
    /// It listens. What happened before is not told: ask REST for the picture now.
    Up,
    /// It does not listen any more, and tries again by itself. What happens until `Up` is lost.
    Down {
        /// What is known of the cause.
        reason: String,
    },
    /// Something happened.
    Said(Notification),
    /// The management token is refused; the notifier has ended.
    Refused {
        /// The server's word.
        reason: String,
    },
}

/// A subscription to what happens. It mends its link by itself, and ends when it is dropped.
pub struct Notifier {
    events: mpsc::Receiver<NotifierEvent>,
    task: JoinHandle<()>,
}

impl Notifier {
    /// Listens to the Fishjam of `client`: to one room and what is of no room, or to everything.
    pub fn start(client: &Client, room: Option<RoomId>) -> Notifier {
        let (sender, events) = mpsc::channel(EVENTS);
        let listener = Listener { client: client.clone(), room, events: sender };
        Notifier { events, task: tokio::spawn(listener.run().in_current_span()) }
    }

    /// Waits for the next event; `None` after [`NotifierEvent::Refused`]. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<NotifierEvent> {
        self.events.recv().await
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Listener {
    client: Client,
    room: Option<RoomId>,
    events: mpsc::Sender<NotifierEvent>,
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
                Down::Refused(reason) => {
                    self.events.send(NotifierEvent::Refused { reason }).await.ok();
                    return;
                }
                Down::Unwanted => return,
            };
            if self.events.send(event).await.is_err() {
                return;
            }
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
        if self.events.send(NotifierEvent::Up).await.is_err() {
            return Down::Unwanted;
        }
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
            for notification in notifications.into_iter().filter(|said| self.wants(said)) {
                if self.events.send(NotifierEvent::Said(notification)).await.is_err() {
                    return Down::Unwanted;
                }
            }
        }
    }

    fn wants(&self, notification: &Notification) -> bool {
        match (&self.room, notification.room()) {
            (Some(ours), Some(room)) => ours == room,
            _ => true,
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
/// Events that may wait. When it is full the notifier stops reading, and the server's own queue takes over until the
/// server gives the link up: whoever listens must read.
const EVENTS: usize = 256;
