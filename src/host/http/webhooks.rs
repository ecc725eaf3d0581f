//! Fishjam's webhooks, as the source of what happens.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use secrecy::ExposeSecret;

use crate::{
    fishjam::{
        Credential, Fishjam,
        webhook::{self, WebhookError},
    },
    host::measures::WebhookCounts,
    trouble::{Seldom, times},
    web,
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
    secret: Credential,
    refusals: Arc<Seldom>,
}

pub(in crate::host) fn router(path: &str, fishjam: Fishjam, secret: Credential, webhooks: Webhooks) -> Router {
    let receiver = Receiver { fishjam, secret, refusals: Arc::default() };
    Router::new()
        .route(path, post(receive))
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
async fn receive(State(receiver): State<Receiver>, request: Request) -> Response {
    let signature = request.headers().get(webhook::SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let Some(signature) = signature.filter(|text| webhook::is_signature(text)).map(ToOwned::to_owned) else {
        // Before the body is read: whoever cannot sign costs nothing.
        return receiver.refuse(&WebhookError::Unsigned);
    };
    let body = match web::whole_body(request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let take =
        |secret: &Credential| webhook::receive(&body, Some(&signature), secret.token().expose_secret().as_bytes());
    let mut taken = take(&receiver.secret);
    if matches!(taken, Err(WebhookError::WrongSignature)) && receiver.has_new_secret().await {
        taken = take(&receiver.secret);
    }
    match taken {
        Ok(decoded) => {
            receiver.fishjam.rest().unreadable().note_notifications("a webhook", &decoded.unreadable);
            decoded.events.into_iter().for_each(|event| receiver.fishjam.feed(event));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => receiver.refuse(&error),
    }
}

impl Receiver {
    fn refuse(&self, error: &WebhookError) -> Response {
        if let Some(count) = self.refusals.happens() {
            tracing::warn!("a webhook was refused: {error}{}", times(count));
        }
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        (status, error.to_string()).into_response()
    }

    /// The secret may have been replaced where it is kept; whoever signs wrongly again and again learns nothing sooner.
    async fn has_new_secret(&self) -> bool {
        let secret = self.secret.clone();
        tokio::task::spawn_blocking(move || secret.refresh().unwrap_or(false)).await.unwrap_or(false)
    }
}
