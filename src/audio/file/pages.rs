//! Pages of Ogg (RFC 3533): found again behind whatever is broken, read without going back.

use std::io::{self, Read};

use super::window::{Window, u32_le, u64_le};

/// One page.
pub(super) struct Page {
    pub(super) continues: bool,
    pub(super) begins: bool,
    pub(super) ends: bool,
    /// Where the page's last whole packet ends, in frames; negative if none ends on it.
    pub(super) granule: i64,
    pub(super) serial: u32,
    /// The lengths of its segments; one below 255 ends a packet.
    pub(super) lacing: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// The next page that is whole and right; `bad` counts those that are not.
pub(super) fn next_page<R: Read>(window: &mut Window<R>, bad: &mut u64) -> io::Result<Option<Page>> {
    let mut is_lost = false;
    loop {
        // Never more than the page is asked for: a live pipe would wait for it.
        let head = window.peek(HEAD)?;
        if head.len() < HEAD {
            return Ok(None);
        }
        if !head.starts_with(b"OggS") {
            *bad += u64::from(!std::mem::replace(&mut is_lost, true));
            window.eat(1);
            continue;
        }
        let body = HEAD + usize::from(head[26]);
        let lacing = window.peek(body)?.get(HEAD..body).unwrap_or_default();
        let end = body + lacing.iter().map(|length| usize::from(*length)).sum::<usize>();
        let page = window.peek(end)?;
        // It is cut off here, or the mark was one by chance, or the page is broken.
        if page.len() < end || page.len() < body || !is_right(&page[..end]) {
            *bad += u64::from(!std::mem::replace(&mut is_lost, true));
            window.eat(1);
            continue;
        }
        let page = window.take(end)?;
        let [continues, begins, ends] = [1, 2, 4].map(|flag| page[5] & flag != 0);
        return Ok(Some(Page {
            continues,
            begins,
            ends,
            granule: u64_le(&page, 6).cast_signed(),
            serial: u32_le(&page, 14),
            lacing: page[HEAD..body].to_vec(),
            body: page[body..].to_vec(),
        }));
    }
}

/// Whether the page's checksum, made over it with zeros in the checksum's place, is that of its bytes.
fn is_right(page: &[u8]) -> bool {
    let sum = |crc: u32, byte: u8| (crc << 8) ^ CRC[usize::from((crc >> 24) as u8 ^ byte)];
    let crc = page.iter().enumerate().fold(0, |crc, (n, byte)| sum(crc, if (22..26).contains(&n) { 0 } else { *byte }));
    crc == u32_le(page, 22)
}

const HEAD: usize = 27;

/// By the polynomial 0x04c11db7.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = (n as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};
