//! One agent in one room, without I/O and without a clock.
//!
//! [`Session`] is the life of the connection: it takes inputs with the time they came at, and is asked for outputs
//! and for its next deadline. Beside it stand the two halves of the sound's path: `Hearing` from the wire to the
//! agent, `Speaking` from the agent to the wire. The driver in [`fishjam`](crate::fishjam) carries bytes and time
//! between them and the sockets.

#[cfg(test)]
mod allocations;
mod audience;
mod backoff;
mod captures;
mod ending;
mod hearing;
mod held;
mod inputs;
mod machine;
mod present;
mod report;
mod speaking;

pub use audience::Audience;
pub use backoff::Backoff;
pub(crate) use backoff::wait;
pub use captures::Captures;
pub use ending::Ending;
pub(crate) use hearing::Hearing;
pub use hearing::HearingCounters;
pub use inputs::{Input, Output, Refusal, SessionOptions, TokenFault};
pub use machine::Session;
pub use report::Report;
pub use speaking::SpeakingCounters;
pub(crate) use speaking::{Cut, Speaking};
