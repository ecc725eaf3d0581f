//! Whatever a server of SignalWire says, and when: events and replies, never a panic.
#![no_main]

mod conversation;

use libfuzzer_sys::fuzz_target;
use roomtone::protocol::signalwire::{Client, Credentials};

fuzz_target!(|data: &[u8]| conversation::hold(Client::new(Credentials::Jwt { project: "p".into(), token: "t".into() }), data));
