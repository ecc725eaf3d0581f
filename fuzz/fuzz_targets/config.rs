//! Whatever a host's file says: a configuration or faults that each fit a line, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomtone::host::config::Draft;

fuzz_target!(|text: &str| {
    let draft = Draft::parse(text);
    draft.faults().iter().for_each(|fault| assert!(!fault.to_string().contains('\n')));
});
