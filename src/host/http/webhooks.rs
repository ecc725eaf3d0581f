//! Deliveries by HTTP (webhooks), as the source of what happens.

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
    host::measures::WebhookCounts,
    net::Credential,
    platform::{Delivery, Platform, RefusedDelivery, SignatureForm},
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
    platform: Arc<dyn Platform>,
    secret: Credential,
    refusals: Arc<Seldom>,
}

pub(in crate::host) fn router(
    path: &str,
    platform: Arc<dyn Platform>,
    secret: Credential,
    webhooks: Webhooks,
) -> Router {
    let receiver = Receiver { platform, secret, refusals: Arc::default() };
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
    let signature = match receiver.platform.delivery_signature() {
        Some(SignatureForm { header, fits }) => {
            let shown = request.headers().get(header).and_then(|value| value.to_str().ok());
            match shown.filter(|text| fits(text)) {
                Some(signature) => Some(signature.to_owned()),
                // Before the body is read: whoever cannot sign costs nothing.
                None => return receiver.refuse(&unsigned(header)),
            }
        }
        None => None,
    };
    let body = match web::whole_body(request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let take = |secret: &Credential| {
        let token = secret.token();
        let secret = token.expose_secret().as_bytes();
        receiver.platform.take_delivery(&Delivery { body: &body, signature: signature.as_deref(), secret })
    };
    let mut taken = take(&receiver.secret);
    if taken.as_ref().is_err_and(|refused| refused.is_signature) && receiver.has_new_secret().await {
        taken = take(&receiver.secret);
    }
    match taken {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => receiver.refuse(&error),
    }
}

fn unsigned(header: &str) -> RefusedDelivery {
    let why = format!("the webhook carries no {header} header, or one that is no signature");
    RefusedDelivery { status: 401, why, is_signature: false }
}

impl Receiver {
    fn refuse(&self, error: &RefusedDelivery) -> Response {
        if let Some(count) = self.refusals.happens() {
            tracing::warn!("a webhook was refused: {error}{}", times(count));
        }
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, error.to_string()).into_response()
    }

    /// The secret may have been replaced where it is kept; whoever signs wrongly again and again learns nothing sooner.
    async fn has_new_secret(&self) -> bool {
        let secret = self.secret.clone();
        tokio::task::spawn_blocking(move || secret.refresh().unwrap_or(false)).await.unwrap_or(false)
    }
}
