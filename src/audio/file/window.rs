//! A look ahead over any reader: bytes can be looked at before they are taken, also of a pipe that is read once.

use std::io::{self, Read};

/// See the module's head.
pub(super) struct Window<R> {
    inner: R,
    bytes: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(inner: R) -> Window<R> {
        Window { inner, bytes: Vec::new(), at: 0, is_over: false }
    }

    /// At least `n` bytes, fewer only at the end. Asks for no more than that where the source is slow.
    pub(super) fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        if self.at > SPENT {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        while self.bytes.len() - self.at < n && !self.is_over {
            let had = self.bytes.len();
            self.bytes.resize(had + n.max(AT_ONCE), 0);
            let got = self.inner.read(&mut self.bytes[had..]);
            self.bytes.truncate(had + *got.as_ref().unwrap_or(&0));
            match got {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                got => self.is_over = got? == 0,
            }
        }
        Ok(&self.bytes[self.at..])
    }

    /// Takes `n` bytes that were looked at.
    pub(super) fn eat(&mut self, n: usize) {
        self.at = (self.at + n).min(self.bytes.len());
    }

    /// Takes the next `n` bytes, or as many as there are, and gives them.
    pub(super) fn take(&mut self, n: usize) -> io::Result<Vec<u8>> {
        let there = self.peek(n)?;
        let taken = there[..n.min(there.len())].to_vec();
        self.eat(taken.len());
        Ok(taken)
    }

    /// Passes over `n` bytes, without keeping them.
    pub(super) fn skip(&mut self, mut n: u64) -> io::Result<()> {
        while n > 0 {
            let there = self.peek(1)?.len() as u64;
            if there == 0 {
                break;
            }
            let some = there.min(n);
            self.eat(some as usize);
            n -= some;
        }
        Ok(())
    }

    /// What was looked at and not taken, and the source behind it.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, R) {
        (self.bytes.split_off(self.at), self.inner)
    }
}

/// What is read at once.
const AT_ONCE: usize = 8 << 10;
/// So many taken bytes are thrown away together.
const SPENT: usize = 64 << 10;

pub(super) fn u16_le(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u64_le(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_le(bytes, at)) | u64::from(u32_le(bytes, at + 4)) << 32
}
