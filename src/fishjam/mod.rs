//! The edge to a Fishjam: REST, the agent socket, the server socket, webhooks, and the driver that joins them.
//!
//! ```no_run
//! # use roomtone::{agent::{Agent, AgentError, Room}, fishjam::{Fishjam, JoinOptions}};
//! # struct Mine;
//! # #[async_trait::async_trait]
//! # impl Agent for Mine { async fn run(&mut self, _: &mut Room) -> Result<(), AgentError> { Ok(()) } }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let fishjam = Fishjam::new("my-fishjam-id".parse()?, "management-token".into());
//! let stay = fishjam.join(Box::new(Mine), JoinOptions::new("room-id".into())).await?;
//! let departure = stay.ended().await;
//! println!("{}", departure.ending);
//! # Ok(())
//! # }
//! ```

mod address;
mod driver;
mod gauge;
mod happening;
mod join;
pub(crate) mod net;
mod notifier;
pub mod rest;
mod socket;
mod troubles;
pub mod webhook;

pub use address::{Address, AddressError};
pub(crate) use driver::panic_text;
pub use gauge::{Gauge, Level, Tap};
pub use happening::{Counters, Departure, Happening, What};
pub use join::{Fishjam, JoinError, JoinOptions, Stay};
pub use net::{Credential, Trust, TrustError};
pub use notifier::{Notifier, NotifierEvent, Scope};
pub(crate) use socket::config as socket_config;
