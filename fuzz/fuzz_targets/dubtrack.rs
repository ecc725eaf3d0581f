//! Whatever a server of Dubtrack says, and when: events and replies, never a panic.
#![no_main]

mod conversation;

use libfuzzer_sys::fuzz_target;
use roomtone::protocol::dubtrack::Client;

fuzz_target!(|data: &[u8]| conversation::hold(Client::new(vec!["r".into()], Some("me".into())), data));
