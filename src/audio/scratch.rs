//! Buffers that a thread lends out: what is needed for a moment should not lie in each session's own memory, where it
//! has gone cold by the next frame.

use std::cell::RefCell;

use bytes::BytesMut;

thread_local! {
    static SAMPLES: RefCell<Vec<Vec<i16>>> = const { RefCell::new(Vec::new()) };
    static BYTES: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Lends an empty buffer of samples. Calls may be nested.
pub(crate) fn with_samples<T>(work: impl FnOnce(&mut Vec<i16>) -> T) -> T {
    let mut buffer = take();
    let result = work(&mut buffer);
    give_back(buffer);
    result
}

/// Gives an empty buffer of samples away.
pub(crate) fn take() -> Vec<i16> {
    SAMPLES.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Takes a buffer that is done with, from wherever it comes.
pub(crate) fn give_back(mut buffer: Vec<i16>) {
    // Outsized ones are rare, and a thread may be at its end.
    if (1..=LARGEST_KEPT).contains(&buffer.capacity()) {
        buffer.clear();
        SAMPLES
            .try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < MOST_SPARE {
                    spare.push(buffer);
                }
            })
            .ok();
    }
}

/// Lends an empty buffer of bytes. Calls may be nested.
pub(crate) fn with_bytes<T>(work: impl FnOnce(&mut BytesMut) -> T) -> T {
    let mut buffer = BYTES.with_borrow_mut(Vec::pop).unwrap_or_default();
    buffer.clear();
    let result = work(&mut buffer);
    BYTES.with_borrow_mut(|spare| spare.push(buffer));
    result
}

/// Buffers that a thread keeps: as many frames as are under way at once when things go well.
const MOST_SPARE: usize = 64;
/// A little more than two blocks of 48 kHz, in samples. What is larger was needed for a burst or the beginning of an utterance; if it were
/// kept, all of them would grow to that in time.
const LARGEST_KEPT: usize = 2_048;
