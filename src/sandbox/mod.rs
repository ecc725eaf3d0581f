//! A Fishjam on this machine: REST, the three sockets, webhooks, and rooms that really carry sound.
//!
//! The official SDKs cannot tell it from the real one. What the real one leaves undocumented is taken the hard way:
//! in strict mode, which is the default, a request that would crash the media engine crashes the agent's peer here.
//! Under `/sandbox/` it has an interface of its own, which is [`Sandbox`]'s methods over HTTP: people who speak sound
//! files, recordings of what anyone says, and faults.
//!
//! ```
//! use roomtone::sandbox::{Sandbox, SandboxOptions};
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
//! let client = roomtone::fishjam::rest::Client::new(sandbox.address(), sandbox.token().into());
//! let room = client.create_room(&Default::default()).await.unwrap();
//! assert!(client.rooms().await.unwrap().iter().any(|listed| listed.id == room.id));
//! sandbox.stop().await;
//! # });
//! ```

mod control;
mod doors;
mod echoes;
mod faults;
mod notices;
mod people;
pub mod platforms;
mod rest;
mod room;
mod server;
mod socket;
mod sound;
mod stage;
mod streams;
mod webhooks;
mod world;

pub use faults::{Fault, NotificationFault};
pub use people::{PeopleError, Person, Speaker, Speaks};
pub use server::{Sandbox, SandboxError, SandboxOptions, TlsFiles};
pub use world::{NameError, NoSuch};
