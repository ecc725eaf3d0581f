//! What every connection needs, REST and sockets alike: whom to trust, which proxy to go through, how long to stay
//! away, which token to show.

mod body;
mod credential;
pub(crate) mod limits;
mod proxy;
mod retry_after;
mod secret;
pub mod signature;
mod trust;
pub(crate) mod websocket;

pub(crate) use body::{BodyError, body};
pub use credential::Credential;
pub(crate) use proxy::connect;
pub(crate) use proxy::proxy_of;
pub(crate) use retry_after::retry_after;
pub use secret::{SecretError, SecretSource};
pub use trust::{Trust, TrustError};
pub(crate) use trust::{explain, root_cause};

/// Makes an HTTP client that trusts whom the machine trusts.
pub(crate) fn build_http(builder: reqwest::ClientBuilder) -> reqwest::Client {
    build_trusting(&Trust::of_machine(), builder)
}

/// The same, for a client that trusts others beside.
pub(crate) fn build_trusting(trust: &Trust, builder: reqwest::ClientBuilder) -> reqwest::Client {
    let config = trust.config();
    let http = builder.tls_backend_preconfigured((*config).clone()).build();
    http.expect("the TLS configuration is of the version that reqwest uses")
}
