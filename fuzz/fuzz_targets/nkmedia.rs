//! Whatever a server of NkMEDIA says, and when: events and replies, never a panic.
#![no_main]

mod conversation;

use libfuzzer_sys::fuzz_target;
use roomtone::protocol::nkmedia::{Client, Login};

fuzz_target!(|data: &[u8]| conversation::hold(Client::new(Login { user: "u".into(), password: "p".into() }), data));
