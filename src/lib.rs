//! roomtone hosts AI agents in real-time rooms.
#![forbid(unsafe_code)]

pub mod agent;
pub mod audio;
pub mod dialect;
pub mod event;
pub mod fishjam;
pub mod session;
pub mod sandbox;
