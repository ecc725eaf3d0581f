//! Fishjam's REST interface, typed.
//!
//! Every call has a time limit. What is safe to repeat is repeated: whatever the server said it did not do (429, 503,
//! a connection that never opened), and reads and deletions in any case. An error says what went wrong and
//! [`RestErrorKind`] what the caller can do.

mod body;
mod call;
mod compositions;
mod elements;
mod error;
mod health;
mod lenient;
pub mod model;
mod pause;
mod recordings;
mod rooms;
mod stats;
mod streams;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use secrecy::SecretString;

use super::{address::Address, troubles::Troubles};
use crate::net::{Credential, Trust, build_trusting, limits};
pub use compositions::Part;
pub use error::{RestError, RestErrorKind};
pub use health::{Failing, RestHealth};
pub use lenient::Unreadable;
use pause::Pause;
pub use stats::RestStats;

/// A client for one Fishjam. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    credential: Credential,
    trust: Trust,
    /// For how long the server wants to be left alone.
    pause: Arc<Pause>,
    /// The server's notice that this interface is going away has been shown.
    deprecation_shown: Arc<AtomicBool>,
    stats: Arc<RestStats>,
    unreadable: Arc<Unreadable>,
    health: Arc<RestHealth>,
    pub(super) troubles: Arc<Troubles>,
}

impl Client {
    /// A client that shows `token`, the management token.
    pub fn new(address: Address, token: SecretString) -> Client {
        Client::with(address, Credential::fixed(token), Trust::of_machine())
    }

    /// A client whose token may be replaced, and that trusts whom `trust` says.
    pub fn with(address: Address, credential: Credential, trust: Trust) -> Client {
        let builder = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT)
            .read_timeout(limits::ANSWER)
            .pool_max_idle_per_host(call::IDLE)
            .pool_idle_timeout(call::IDLE_FOR)
            .user_agent(concat!("roomtone/", env!("CARGO_PKG_VERSION")));
        Client {
            http: build_trusting(&trust, builder),
            address,
            credential,
            trust,
            pause: Arc::default(),
            deprecation_shown: Arc::new(AtomicBool::new(false)),
            stats: Arc::default(),
            unreadable: Arc::default(),
            health: Arc::default(),
            troubles: Arc::default(),
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

    /// Whether it serves.
    pub fn health(&self) -> &RestHealth {
        &self.health
    }

    /// What of its answers could not be read.
    pub fn unreadable(&self) -> &Unreadable {
        &self.unreadable
    }

    /// The management token, and where it can be read again.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
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
