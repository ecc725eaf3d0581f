//! Fishjam's protobuf: the agent socket, the server socket, webhooks.

mod agent;
mod catalog;
mod close;
mod notifications;
mod server_socket;
mod sound;

pub use agent::{decode_response, message_of};
pub(super) use catalog::catalog;
pub use close::close_reason;
pub use notifications::{
    DecodeError, Decoded, NAMES, PLATFORM, decode, peer_kind, peer_type, track_from_wire, track_type,
};
pub use server_socket::ServerSocket;
pub use sound::{encode_track_data, peek_track_data};

/// What the wire's messages are made of, for showing them as JSON.
fn descriptors() -> &'static prost_reflect::DescriptorPool {
    static POOL: std::sync::LazyLock<prost_reflect::DescriptorPool> = std::sync::LazyLock::new(|| {
        let compiled = include_bytes!(concat!(env!("OUT_DIR"), "/wire.descriptors"));
        prost_reflect::DescriptorPool::decode(&compiled[..]).expect("what protox has compiled can be read")
    });
    &POOL
}

/// The wire's own messages, generated from `proto/`.
#[allow(missing_docs, unreachable_pub, clippy::doc_markdown)]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/wire.rs"));

    pub use fishjam::*;

    /// A token must not reach a log by way of the message that carries it.
    macro_rules! hide_token {
        ($($message:ty),+) => {$(
            impl std::fmt::Debug for $message {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("AuthRequest([private])")
                }
            }
        )+};
    }

    hide_token!(agent_request::AuthRequest, server_message::AuthRequest, peer_message::AuthRequest);
}
