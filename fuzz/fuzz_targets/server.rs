//! Whatever Fishjam's server socket or a webhook says: an error or notifications, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomtone::{event::Roster, protocol::fishjam::decode};

fuzz_target!(|data: &[u8]| {
    if let Ok(decoded) = decode(data) {
        let mut roster = Roster::new("me".into());
        for event in decoded.events {
            roster.apply(&event);
            event.json_with_native();
        }
    }
});
