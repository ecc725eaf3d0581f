//! roomtone hosts AI agents in real-time rooms.
#![forbid(unsafe_code)]

pub mod agent;
pub mod audio;
pub mod cli;
pub mod dialect;
pub mod event;
pub mod fishjam;
pub mod sandbox;
pub mod session;
