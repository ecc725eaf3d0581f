//! Webhooks: what the server socket tells, by HTTP. Check the signature, then decode.
//!
//! ```
//! use roomtone::fishjam::webhook;
//! let body = [0x52, 0x04, 0x0a, 0x02, b'r', b'1'];
//! let header = "sha256=5f41cd3d02ec060d4030a5bce5ad593a75944245f007fd137bef04b2f62472b5";
//! let decoded = webhook::receive(&body, Some(header), b"webhook-secret").unwrap();
//! assert_eq!(decoded.events.len(), 1);
//! ```

pub use crate::net::signature::{is_signature, sign, verify};
use crate::protocol::fishjam::{DecodeError, Decoded, decode};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-fishjam-signature-256";

/// Checks the signature of a webhook's raw body and reads its notifications, in their order. There is nothing in a
/// webhook that tells a repeated delivery from a new one, so handle each notification so that twice does no harm.
///
/// # Errors
/// [`WebhookError`]; [`status`](WebhookError::status) is what to answer. A 4xx is not sent again.
pub fn receive(body: &[u8], signature: Option<&str>, secret: &[u8]) -> Result<Decoded, WebhookError> {
    let signature = signature.ok_or(WebhookError::Unsigned)?;
    if !verify(body, signature, secret) {
        return Err(WebhookError::WrongSignature);
    }
    decode(body).map_err(WebhookError::Unreadable)
}

/// Why a webhook is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no signature.
    #[error("the webhook carries no {SIGNATURE_HEADER} header, or one that is no signature")]
    Unsigned,
    /// The signature is not made with our secret, or the body was changed.
    #[error("the webhook's signature does not fit its body; check the secret")]
    WrongSignature,
    /// The body is not a notification.
    #[error("the webhook's body: {0}")]
    Unreadable(#[source] DecodeError),
}

impl WebhookError {
    /// The HTTP status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            WebhookError::Unsigned | WebhookError::WrongSignature => 401,
            WebhookError::Unreadable(_) => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = &[0x52, 0x04, 0x0a, 0x02, b'r', b'1'];
    const SIGNATURE: &str = "sha256=5f41cd3d02ec060d4030a5bce5ad593a75944245f007fd137bef04b2f62472b5";

    #[test]
    fn only_the_right_signature_passes() {
        assert_eq!(sign(BODY, b"webhook-secret"), SIGNATURE);
        assert!(verify(BODY, &SIGNATURE[7..], b"webhook-secret"), "the prefix may be missing");
        assert!(verify(BODY, &format!(" {SIGNATURE}\n"), b"webhook-secret"));
        for wrong in ["", "sha256=", "sha256=zz", "sha256=5f4", &SIGNATURE[..70], "é"] {
            assert!(!verify(BODY, wrong, b"webhook-secret"), "{wrong:?}");
        }
        assert!(!verify(BODY, SIGNATURE, b"another"));
        assert_eq!(receive(BODY, None, b"webhook-secret").unwrap_err().status(), 401);
        let junk = [0xff; 4];
        assert_eq!(receive(&junk, Some(&sign(&junk, b"k")), b"k").unwrap_err().status(), 400);
    }
}
