//! What every connection needs, REST and sockets alike: whom to trust, which proxy to go through, how long to stay
//! away, which token to show.

mod credential;
mod proxy;
mod retry_after;
mod trust;

pub use credential::Credential;
pub(super) use proxy::connect;
pub(crate) use proxy::proxy_of;
pub(crate) use retry_after::retry_after;
pub use trust::{Trust, TrustError};
pub(crate) use trust::{explain, root_cause};
