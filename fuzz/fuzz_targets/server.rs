//! Whatever Fishjam's server socket or a webhook says: an error or notifications, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomtone::protocol::fishjam::decode_notifications;

fuzz_target!(|data: &[u8]| {
    let _ = decode_notifications(data);
});
