//! What a host serves by HTTP, each on an address of its own: probes and metrics, the admin interface, webhooks.

mod admin;
mod captions;
mod probes;
mod webhooks;

pub use admin::{OPENAPI, ROUTES};
pub(super) use admin::{Rights, router as admin};
pub(super) use captions::CaptionDesk;
pub(super) use probes::router as probes;
pub(super) use webhooks::{Webhooks, router as webhooks};
