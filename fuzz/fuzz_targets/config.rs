//! Whatever a host's file says: a configuration or faults that each fit a line, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomtone::{agent::Registry, host::Config};

fuzz_target!(|text: &str| {
    if let Err(faults) = Config::parse(text, Registry(&[])) {
        assert!(!faults.is_empty());
        faults.iter().for_each(|fault| assert!(!fault.to_string().contains('\n')));
    }
});
