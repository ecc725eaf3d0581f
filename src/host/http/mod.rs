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

/// A server that ends with its host.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
}

impl Server {
    /// Listens on `address` and serves until `stop`.
    pub(super) async fn start(
        address: SocketAddr,
        router: Router,
        stop: &CancellationToken,
    ) -> std::io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = stop.clone();
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            tokio::select! {
                result = serving => drop(result),
                () = stop.cancelled() => {}
            }
        });
        Ok(Server { address })
    }
}
