//! Where a secret is: in the environment or in a file, never in the configuration.

use std::{fs::File, io::Read, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::text;

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSource {
    /// What the secret is, for messages.
    pub what: &'static str,
    /// The environment variable that holds it.
    pub env: String,
    /// A file that holds it instead.
    pub file: Option<PathBuf>,
}

/// Why there is no secret, in a line that names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nobody gave it.
    #[error("{0}")]
    Missing(String),
    /// What was given cannot be read, or is none.
    #[error("{0}")]
    Bad(String),
}

impl SecretSource {
    /// Reads the secret. A file that others can change is warned of.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let place = self.place();
        let text = match &self.file {
            Some(path) => read_file(path)
                .map_err(|error| SecretError::Bad(format!("the {}: {}: {error}", self.what, path.display())))?,
            None => std::env::var(&self.env).unwrap_or_default(),
        };
        if text.trim().is_empty() {
            return Err(SecretError::Missing(format!("there is no {}: {place} is empty or not there", self.what)));
        }
        Ok(text.trim().into())
    }

    /// The same for a token, which is one word.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read_token(&self) -> Result<SecretString, SecretError> {
        let secret = self.read()?;
        match text::token(secret.expose_secret()) {
            Ok(_) => Ok(secret),
            Err(why) => Err(SecretError::Bad(format!("the {}: {} {why}", self.what, self.place()))),
        }
    }

    fn place(&self) -> String {
        match &self.file {
            Some(path) => format!("the file {}", path.display()),
            None => format!("the environment's {}", self.env),
        }
    }
}

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    use std::os::unix::fs::PermissionsExt;

    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & WRITABLE_BY_OTHERS != 0 {
        tracing::warn!("{} can be changed by every user of this machine; chmod o-w it", path.display());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const WRITABLE_BY_OTHERS: u32 = 0o002;
/// Nothing that is larger is a token.
const LARGEST: u64 = 64 << 10;
