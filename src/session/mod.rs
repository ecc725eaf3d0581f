//! One agent in one room, without I/O and without a clock.
//!
//! [`Session`] is the life of the connection: it takes inputs with the time they came at, and is asked for outputs
//! and for its next deadline. Beside it stand the two halves of the sound's path: `InboundAudio` from the wire to the
//! agent, `OutboundAudio` from the agent to the wire. The driver in [`fishjam`](crate::fishjam) carries bytes and time
//! between them and the sockets.

#[cfg(test)]
mod allocations;
mod backoff;
mod captures;
mod ending;
mod events;
mod handle;
mod held;
mod inbound;
mod inputs;
mod machine;
mod monitor;
mod outbound;
mod present;
mod report;
mod room_watch;
mod subscription_filter;
mod track;
mod voice_wiring;

pub use backoff::Backoff;
pub(crate) use backoff::wait;
pub use captures::Captures;
pub use ending::Ending;
pub(crate) use ending::{agent_failure, end_agent, panic_text};
pub use events::{Counters, SessionEvent, SessionEventKind, SessionSummary};
pub use handle::{PendingSession, SessionHandle, SessionLink};
pub(crate) use inbound::InboundAudio;
pub use inbound::InboundCounters;
pub use inputs::{Input, Output, Refusal, SessionOptions, TokenFault};
pub use machine::Session;
pub use monitor::{Level, LevelMeter, SessionMonitor};
pub use outbound::OutboundCounters;
pub(crate) use outbound::{Cut, OutboundAudio};
pub use report::Report;
pub(crate) use room_watch::RoomWatch;
pub use subscription_filter::SubscriptionFilter;
pub(crate) use voice_wiring::VoiceWiring;
