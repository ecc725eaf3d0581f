//! `/metrics`, `/healthz`, `/readyz`.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};

use tokio::sync::Semaphore;

use super::webhooks::Webhooks;
use crate::{
    host::{control::Control, measures},
    web,
};

#[derive(Clone)]
struct Probed {
    control: Control,
    webhooks: Webhooks,
    scrapes: Arc<Semaphore>,
}

pub(in crate::host) fn router(control: Control, webhooks: Webhooks) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Probed { control, webhooks, scrapes: Arc::new(Semaphore::new(SCRAPES)) })
}

async fn metrics(State(Probed { control, webhooks, scrapes }): State<Probed>) -> Response {
    // Slow scrapers leave connections to the probes.
    let Ok(permit) = scrapes.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at a time\n").into_response();
    };
    let response = match control.measure().await {
        Ok(measures) => {
            let text = measures::render(measures, webhooks.counts());
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(ended) => (StatusCode::SERVICE_UNAVAILABLE, ended.to_string()).into_response(),
    };
    response.map(|body| web::hold(body, permit))
}

/// The process works: its supervisor answers.
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
        Ok(status) if status.draining => "the host is ending\n".into(),
        Ok(status) => status.trouble.unwrap_or_else(|| "which rooms there are is not known yet".into()) + "\n",
        Err(_) => "the host has ended\n".into(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// Scrapes that are answered at a time.
const SCRAPES: usize = 8;
