//! The lock-free hand-over of samples between two tasks: one writer, one reader, nobody waits.
//!
//! Full means that the writer keeps what did not fit and says how much was taken; empty means a read of zero. The
//! rings come from the `ringbuf` crate; this file fixes the one way in which roomtone uses them.
//!
//! The crate's ends are not `Sync`, and an agent must be able to hold a `&Room` across a wait. So each stands in a
//! `Mutex` that nobody ever locks: all methods have their end to themselves and go by `get_mut`, which costs nothing.

use std::sync::Mutex;

use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Observer, Producer, Split},
};

/// Makes a ring that holds up to `capacity_samples`, and splits it.
///
/// ```
/// let (mut writer, mut reader) = roomtone::audio::ring::ring(4);
/// assert_eq!(writer.write(&[1, 2, 3, 4, 5]), 4);
/// let mut out = [0; 3];
/// assert_eq!(reader.read(&mut out), 3);
/// assert_eq!(out, [1, 2, 3]);
/// ```
pub fn ring(capacity_samples: usize) -> (RingWriter, RingReader) {
    let (producer, consumer) = HeapRb::new(capacity_samples.max(1)).split();
    (RingWriter(Mutex::new(producer)), RingReader(Mutex::new(consumer)))
}

/// The writing end.
pub struct RingWriter(Mutex<HeapProd<i16>>);

impl RingWriter {
    /// Takes what fits from the front of `samples` and returns how many that were.
    pub fn write(&mut self, samples: &[i16]) -> usize {
        self.end().push_slice(samples)
    }

    /// How many samples fit now; the reader can only make it more.
    pub fn free(&mut self) -> usize {
        self.end().vacant_len()
    }

    fn end(&mut self) -> &mut HeapProd<i16> {
        self.0.get_mut().expect("nobody locks")
    }
}

/// The reading end.
pub struct RingReader(Mutex<HeapCons<i16>>);

impl RingReader {
    /// Fills the front of `out` and returns how many samples it got.
    pub fn read(&mut self, out: &mut [i16]) -> usize {
        self.end().pop_slice(out)
    }

    /// Drops up to `samples` and returns how many were dropped.
    pub fn skip(&mut self, samples: usize) -> usize {
        self.end().skip(samples)
    }

    /// How many samples wait; the writer can only make it more.
    pub fn waiting(&mut self) -> usize {
        self.end().occupied_len()
    }

    fn end(&mut self) -> &mut HeapCons<i16> {
        self.0.get_mut().expect("nobody locks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_across_the_wrap_and_refuses_what_does_not_fit() {
        let (mut writer, mut reader) = ring(5);
        let (mut next_in, mut next_out) = (0i16, 0i16);
        for size in [3usize, 5, 1, 4, 2, 5, 5] {
            let chunk: Vec<i16> = (next_in..).take(size).collect();
            next_in += writer.write(&chunk) as i16;
            let mut out = [0i16; 4];
            let got = reader.read(&mut out);
            for sample in &out[..got] {
                assert_eq!(*sample, next_out);
                next_out += 1;
            }
        }
        assert_eq!(reader.waiting() as i16, next_in - next_out);
        assert!(next_in > 15, "the ring must have wrapped");
    }
}
