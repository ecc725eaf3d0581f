//! An answer's body, no larger than it may be.

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The connection.
    Transport(reqwest::Error),
    /// It is larger than it may be.
    TooLarge,
}

/// Reads a body of up to `most` bytes.
pub(crate) async fn body(mut response: reqwest::Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(BodyError::Transport)? {
        if body.len() + bytes.len() > most {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}
