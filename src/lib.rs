//! roomtone hosts AI agents in real-time rooms: an agent joins a Fishjam room as a peer, hears every participant as a
//! stream of its own, answers on a track of its own, and follows who comes and goes.
//!
//! - To write an agent, read [`agent`]; [`agent::testing`] drives it by hand.
//! - To bring it into a room, use [`fishjam::Fishjam::join`].
//! - To keep agents in many rooms, use a [`host`].
//! - To talk to it through this machine's microphone and speaker, open a `console`; to try it without an account, start a
//!   [`sandbox`].
//! - To host agents elsewhere, implement [`platform::Platform`].
//!
//! The layers, from the bottom up: [`audio`] and [`event`]; [`agent`]; [`signal`] and [`protocol`]; [`session`], which has
//! neither I/O nor a clock; [`platform`], the seam; [`fishjam`], an edge; [`host`], [`sandbox`] and `console`; [`cli`].
#![forbid(unsafe_code)]

pub mod agent;
pub mod archive;
pub mod audio;
pub mod cli;
#[cfg(feature = "console")]
pub mod console;
pub mod conversation;
pub mod dialogue;
#[cfg(test)]
mod docs;
pub mod dubtrack;
pub mod event;
pub mod feed;
pub mod files;
pub mod fishjam;
pub mod host;
pub mod net;
pub mod nkmedia;
pub mod platform;
pub mod protocol;
pub mod sandbox;
pub mod session;
pub mod signal;
pub mod signalwire;
pub mod speech;
pub mod stats;
pub mod text;
mod trouble;
pub mod units;
mod web;

/// The examples of the guides are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/agents.md")]
#[doc = include_str!("../docs/conversations.md")]
#[doc = include_str!("../docs/engines.md")]
#[doc = include_str!("../docs/events.md")]
mod guides {}
