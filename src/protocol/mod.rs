//! What platforms say, byte by byte, turned into events and replies. No sockets here: bytes in, values out.
//!
//! Each platform is a folder with two things: a table that says what each of its events means ([`catalog()`] shows them
//! all), and a [`Machine`] that keeps up one connection: it shows the credentials, asks for events, answers what must be
//! answered and knows when the other end is as good as gone. [`decode`] reads one frame of any of them.

pub mod catalog;
#[cfg(test)]
mod conversations;
pub mod dubtrack;
pub mod fishjam;
mod machine;
pub mod nkmedia;
mod object;
mod requests;
pub mod signalwire;
mod spec;
#[cfg(test)]
mod tests;

pub use catalog::{CatalogEntry, Protocol, catalog};
pub use machine::{Fault, FaultKind, Frame, Machine, Output};
pub use object::WireObject;
pub use spec::{FrameError, decode};
