//! The edge to a Fishjam: REST, the agent socket, the server socket, webhooks, and the driver that joins them.
//!
//! ```no_run
//! # use roomtone::{agent::{Agent, AgentError, Room}, fishjam::{Fishjam, JoinOptions}};
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
mod monitor;
pub(crate) mod net;
mod notifier;
pub mod rest;
mod session_event;
mod socket;
mod troubles;
pub mod webhook;

pub use address::{Address, AddressError};
pub(crate) use driver::panic_text;
pub use join::{Fishjam, JoinError, JoinOptions, SessionHandle};
pub use monitor::{Level, LevelMeter, SessionMonitor};
pub use net::{Credential, Trust, TrustError};
pub use notifier::{Notifier, NotifierEvent, Scope};
pub use session_event::{Counters, SessionEvent, SessionEventKind, SessionSummary};
pub(crate) use socket::config as socket_config;
