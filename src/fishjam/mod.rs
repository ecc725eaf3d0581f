//! The edge to a Fishjam: REST, the agent socket, the server socket, webhooks, and the driver that joins them.
//!
//! ```no_run
//! # use roomtone::{agent::{Agent, AgentError, Room}, fishjam::Fishjam, platform::JoinOptions};
//! # struct Mine;
//! # #[async_trait::async_trait]
//! # impl Agent for Mine { async fn run(&mut self, _: &mut Room) -> Result<(), AgentError> { Ok(()) } }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let fishjam = Fishjam::new("my-fishjam-id".parse()?, "management-token".into());
//! let handle = fishjam.join(Box::new(Mine), JoinOptions::new("room-id".into())).await?;
//! let summary = handle.ended().await;
//! println!("{}", summary.ending);
//! # Ok(())
//! # }
//! ```

mod address;
mod driver;
mod join;
mod notifier;
mod platform;
pub mod rest;
mod socket;
mod troubles;
pub mod webhook;

pub use address::{Address, AddressError};
pub use join::Fishjam;
pub(crate) use join::wire_rate;
pub use notifier::{Notifier, NotifierEvent, Scope};
