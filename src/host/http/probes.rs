//! `/metrics`, `/healthz`, `/readyz`.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};

use super::webhooks::Webhooks;
use crate::host::{control::Control, measures};

#[derive(Clone)]
struct Probed {
    control: Control,
    webhooks: Webhooks,
}

pub(in crate::host) fn router(control: Control, webhooks: Webhooks) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Probed { control, webhooks })
}

async fn metrics(State(Probed { control, webhooks }): State<Probed>) -> Response {
    match control.measure().await {
        Ok(measures) => {
            let text = measures::render(measures, webhooks.counts());
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(ended) => (StatusCode::SERVICE_UNAVAILABLE, ended.to_string()).into_response(),
    }
}

/// The process works: its steward answers.
async fn healthz(State(Probed { control, .. }): State<Probed>) -> Response {
    match control.status().await {
        Ok(_) => "ok\n".into_response(),
        Err(ended) => (StatusCode::SERVICE_UNAVAILABLE, ended.to_string()).into_response(),
    }
}

/// The host knows its rooms, hears of new ones, and takes them.
async fn readyz(State(Probed { control, .. }): State<Probed>) -> Response {
    let why = match control.status().await {
        Ok(status) if status.ready => return "ready\n".into_response(),
        Ok(status) if status.draining => "the host is ending\n",
        Ok(status) if !status.news => "the news of the rooms do not come in\n",
        Ok(_) => "which rooms there are is not known yet\n",
        Err(_) => "the host has ended\n",
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}
