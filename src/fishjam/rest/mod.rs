//! Fishjam's REST interface, typed.
//!
//! Every call has a time limit. What is safe to repeat is repeated: whatever the server said it did not do (429, 503,
//! a connection that never opened), and reads and deletions in any case. An error says what went wrong and
//! [`RestErrorKind`] what the caller can do.

mod call;
mod error;
pub mod model;
mod recordings;
mod rooms;
mod stats;
mod streams;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use secrecy::SecretString;

use super::address::Address;
pub use error::{RestError, RestErrorKind};
pub use stats::RestStats;

/// A client for one Fishjam. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    token: SecretString,
    /// The server's notice that this interface is going away has been shown.
    deprecation_shown: Arc<AtomicBool>,
    stats: Arc<RestStats>,
}

/// Makes an HTTP client. A machine without CA certificates can still speak plain HTTP; HTTPS then fails with that
/// reason.
pub(crate) fn build_http(builder: impl Fn() -> reqwest::ClientBuilder) -> reqwest::Client {
    super::socket::install_crypto();
    let http = builder().build().or_else(|_| builder().tls_certs_only([]).build());
    http.expect("a client that trusts nobody needs nothing of the machine")
}

impl Client {
    /// A client that shows `token`, the management token.
    pub fn new(address: Address, token: SecretString) -> Client {
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(call::CONNECT)
                .timeout(call::ANSWER)
                .pool_max_idle_per_host(call::IDLE)
                .pool_idle_timeout(call::IDLE_FOR)
                .user_agent(concat!("roomtone/", env!("CARGO_PKG_VERSION")))
        };
        Client {
            http: build_http(builder),
            address,
            token,
            deprecation_shown: Arc::new(AtomicBool::new(false)),
            stats: Arc::default(),
        }
    }

    /// Where the Fishjam is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How long calls took, and how they ended.
    pub fn stats(&self) -> &RestStats {
        &self.stats
    }

    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    /// Shows a deprecation notice, once.
    fn on_deprecation(&self, notice: &str) {
        #[derive(serde::Deserialize)]
        struct Notice {
            status: String,
            message: String,
        }
        let Ok(notice) = serde_json::from_str::<Notice>(notice) else { return };
        if !self.deprecation_shown.swap(true, Ordering::Relaxed) {
            tracing::warn!(status = notice.status, "the Fishjam says of its interface: {}", notice.message);
        }
    }
}
