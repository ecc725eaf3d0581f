//! Signatures of HTTP bodies: HMAC-SHA256 in hexadecimal, as in `sha256=5f41…`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether `signature` is that of `body`. The comparison takes the same time wherever the two differ.
pub fn verify(body: &[u8], signature: &str, secret: &[u8]) -> bool {
    let hex = signature.trim();
    let hex = hex.strip_prefix(PREFIX).unwrap_or(hex);
    let Some(bytes) = from_hex(hex) else { return false };
    mac(body, secret).verify_slice(&bytes).is_ok()
}

/// Whether `text` has the form of a signature: whoever sends something else need not be listened to.
pub fn is_signature(text: &str) -> bool {
    let hex = text.trim();
    let hex = hex.strip_prefix(PREFIX).unwrap_or(hex);
    hex.len() == 2 * 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The signature of `body`, as the header carries it.
pub fn sign(body: &[u8], secret: &[u8]) -> String {
    let digest = mac(body, secret).finalize().into_bytes();
    digest.iter().fold(PREFIX.to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn mac(body: &[u8], secret: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

const PREFIX: &str = "sha256=";
