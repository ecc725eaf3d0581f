//! Webhooks of one room: signed, in order, batched where asked for, tried again where that is due.

use std::time::Duration;

use prost::Message;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    fishjam::webhook::{SIGNATURE_HEADER, sign},
    net::build_http,
    protocol::fishjam::wire::{
        ServerMessage,
        server_message::{Content, NotificationBatch},
    },
};

/// The queue of one room's webhooks. It ends when it is dropped, after what is queued has been delivered.
pub(super) struct Webhooks(mpsc::Sender<Content>);

impl Webhooks {
    pub(super) fn start(
        url: String,
        batch: bool,
        secret: String,
        ended: CancellationToken,
        stop: CancellationToken,
    ) -> Webhooks {
        let (sender, queue) = mpsc::channel(QUEUE);
        let http = build_http(reqwest::Client::builder().timeout(ANSWER).no_proxy());
        let delivery = Delivery { http, url, batch, secret, queue };
        tokio::spawn(async move {
            let drained = async {
                ended.cancelled().await;
                tokio::time::sleep(DRAIN).await;
            };
            tokio::select! {
                () = delivery.run() => {}
                () = drained => {}
                () = stop.cancelled() => {}
            }
        });
        Webhooks(sender)
    }

    /// Queues a notification; when the receiver has been away for too long it is lost.
    pub(super) fn send(&self, content: &Content) {
        if self.0.try_send(content.clone()).is_err() {
            tracing::warn!("the sandbox has dropped a webhook: its receiver is too slow");
        }
    }
}

struct Delivery {
    http: reqwest::Client,
    url: String,
    batch: bool,
    secret: String,
    queue: mpsc::Receiver<Content>,
}

impl Delivery {
    async fn run(mut self) {
        while let Some(first) = self.queue.recv().await {
            let mut contents = vec![first];
            if self.batch {
                tokio::time::sleep(GATHER).await;
                while let Ok(more) = self.queue.try_recv() {
                    contents.push(more);
                }
            }
            // Voices change too quickly to be worth waiting for: sent by themselves, once.
            let (voices, others): (Vec<_>, Vec<_>) =
                contents.into_iter().partition(|content| matches!(content, Content::VadNotification(_)));
            for voice in voices {
                self.post(&message(vec![voice]), VOICE_ANSWER).await.ok();
            }
            if !others.is_empty() {
                self.deliver(&message(others)).await;
            }
        }
    }

    /// Posts until it is taken, refused for good, or too old.
    async fn deliver(&self, body: &[u8]) {
        let give_up = Instant::now() + PATIENCE;
        for attempt in 0..ATTEMPTS {
            match self.post(body, ANSWER).await {
                Ok(status) if status < 500 => return,
                _ => {}
            }
            let wait = FIRST_WAIT.saturating_mul(1 << attempt).mul_f64(0.5 + fastrand::f64() / 2.0);
            if Instant::now() + wait > give_up {
                break;
            }
            tokio::time::sleep(wait).await;
        }
        tracing::warn!("the sandbox gave up on a webhook to {}", self.url);
    }

    async fn post(&self, body: &[u8], limit: Duration) -> Result<u16, reqwest::Error> {
        let request = self
            .http
            .post(&self.url)
            .timeout(limit)
            .header("content-type", "application/x-protobuf")
            .header(SIGNATURE_HEADER, sign(body, self.secret.as_bytes()))
            .body(body.to_vec());
        Ok(request.send().await?.status().as_u16())
    }
}

fn message(mut contents: Vec<Content>) -> Vec<u8> {
    let content = match contents.len() {
        1 => contents.remove(0),
        _ => {
            let notifications = contents.into_iter().map(|content| ServerMessage { content: Some(content) }).collect();
            Content::NotificationBatch(NotificationBatch { notifications })
        }
    };
    ServerMessage { content: Some(content) }.encode_to_vec()
}

/// Notifications that may wait for a slow receiver.
const QUEUE: usize = 1_024;
/// How long webhooks of a room that is gone are still delivered.
const DRAIN: Duration = Duration::from_secs(15);
/// How long a batch gathers.
const GATHER: Duration = Duration::from_millis(50);
/// How long a receiver may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take over a voice.
const VOICE_ANSWER: Duration = Duration::from_millis(500);
/// A Fishjam tries eight times within about 30 s.
const ATTEMPTS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(250);
