//! What a host serves by HTTP, each on an address of its own: probes and metrics, the admin interface, webhooks.

mod admin;
mod probes;
mod webhooks;

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(super) use admin::router as admin;
pub use admin::{OPENAPI, ROUTES};
pub(super) use probes::router as probes;
pub(super) use webhooks::{Webhooks, router as webhooks};

/// Listens on `address` and serves until `stop`. Gives where that is.
pub(super) async fn serve(
    address: SocketAddr,
    router: Router,
    stop: &CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move { axum::serve(listener, router).await }));
    Ok(address)
}
