//! Fishjam's webhooks, as the source of what happens.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    fishjam::{Fishjam, webhook},
    host::measures::WebhookCounts,
};

/// What came in and how it was answered.
#[derive(Debug, Clone, Default)]
pub(in crate::host) struct Webhooks(Arc<Mutex<WebhookCounts>>);

impl Webhooks {
    pub(super) fn counts(&self) -> WebhookCounts {
        self.0.lock().expect("no holder panics").clone()
    }

    fn count(&self, status: StatusCode) {
        *self.0.lock().expect("no holder panics").by_status.entry(status.as_u16()).or_default() += 1;
    }
}

#[derive(Clone)]
struct Receiver {
    fishjam: Fishjam,
    secret: Arc<SecretString>,
}

pub(in crate::host) fn router(
    path: &str,
    max_body: usize,
    fishjam: Fishjam,
    secret: SecretString,
    webhooks: Webhooks,
) -> Router {
    let receiver = Receiver { fishjam, secret: Arc::new(secret) };
    Router::new()
        .route(path, post(receive))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(axum::middleware::map_response(move |response: Response| {
            let webhooks = webhooks.clone();
            async move {
                webhooks.count(response.status());
                response
            }
        }))
        .with_state(receiver)
}

/// Takes a delivery. A second one of the same changes nothing, as all who listen can hear things twice; a 4xx is not
/// delivered again.
async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = headers.get(webhook::SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    match webhook::receive(&body, signature, receiver.secret.expose_secret().as_bytes()) {
        Ok(notifications) => {
            notifications.into_iter().for_each(|notification| receiver.fishjam.feed(notification));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            tracing::warn!("a webhook was refused: {error}");
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, error.to_string()).into_response()
        }
    }
}
