//! The edit list of MP4 and M4A: how much of the beginning is the encoder's, and no sound. symphonia does not read it.

use std::io::{Read, SeekFrom};

use symphonia::core::io::MediaSource;

use super::Cause;

/// Frames to be cut off at the beginning of the first track that says so; none in what cannot be read to and fro.
pub(super) fn media_time(source: &mut dyn MediaSource, base: u64) -> Result<usize, Cause> {
    if !source.is_seekable() {
        return Ok(0);
    }
    let (mut at, mut end) = (base, source.byte_len().unwrap_or(0));
    for _ in 0..MOST_ATOMS {
        let Some(atom) = Atom::read(source, at, end)? else { break };
        match &atom.name {
            // Inside.
            b"moov" | b"trak" | b"edts" => (at, end) = (at + atom.head, at + atom.size),
            b"elst" => return Ok(atom.first_media_time().unwrap_or(0)),
            _ => at += atom.size,
        }
    }
    Ok(0)
}

struct Atom {
    name: [u8; 4],
    /// Of its name and size.
    head: u64,
    size: u64,
    /// How it begins.
    bytes: Vec<u8>,
}

impl Atom {
    fn read(source: &mut dyn MediaSource, at: u64, end: u64) -> Result<Option<Atom>, Cause> {
        if at + 8 > end {
            return Ok(None);
        }
        source.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        source.take(BEGINNING).read_to_end(&mut bytes)?;
        let Some([a, b, c, d, name @ ..]) = bytes.first_chunk::<8>().copied() else { return Ok(None) };
        let size_64 = bytes.get(8..16).map(|size| u64::from_be_bytes(size.try_into().expect("8 bytes")));
        let (head, size) = match (u32::from_be_bytes([a, b, c, d]), size_64) {
            (0, _) => (8, end - at),
            (1, Some(size)) => (16, size),
            (size, _) => (8, size.into()),
        };
        let fits = size >= head && at.checked_add(size).is_some_and(|next| next <= end);
        Ok(fits.then_some(Atom { name, head, size, bytes }))
    }

    /// Of an edit list: where in the track's own time its first edit begins.
    fn first_media_time(&self) -> Option<usize> {
        let body = self.bytes.get(self.head as usize..)?;
        let time = match body.first()? {
            1 => i64::from_be_bytes(body.get(16..24)?.try_into().ok()?),
            _ => i32::from_be_bytes(body.get(12..16)?.try_into().ok()?).into(),
        };
        // Encoders put a few thousand frames in front; more is an edit that somebody made, in another time base perhaps.
        usize::try_from(time).ok().filter(|time| *time <= MOST_DELAY)
    }
}

/// What is read of an atom to know it.
const BEGINNING: u64 = 48;
const MOST_ATOMS: usize = 4_096;
const MOST_DELAY: usize = 48_000;
