//! Runs the lock-free hand-overs, as they stand in the package's source, through every interleaving and every reading
//! that the memory model allows. `cargo run` checks them; `cargo run -- weakened` shows that a missing order is found.
//!
//! The source is included by path. What it calls `std` and `ringbuf` is this crate, which gives it loom's atomics, and
//! a ring whose indices and slots loom watches; all else in the ring, its ends included, is the `ringbuf` crate's code.
//! Chunks beside the ring cross tokio's channel, which loom does not watch; the count by which they are handed over it does.

extern crate self as ringbuf;
extern crate self as std;
extern crate std as real_std;

mod agent;
mod audio;
mod model;
mod ring;
pub mod sync;

pub use real_ringbuf::traits;
pub use real_std::{collections, fmt, task, time};
pub use ring::{HeapCons, HeapProd, HeapRb};

fn main() -> real_std::process::ExitCode {
    let weakened = real_std::env::args().nth(1).as_deref() == Some("weakened");
    if weakened { model::find_weakened() } else { model::check() }
}
