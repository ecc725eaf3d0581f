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

impl SecretSource {
    /// Reads the secret. A file that others can change is warned of.
    ///
    /// # Errors
    /// A line that names what is missing.
    pub fn read(&self) -> Result<SecretString, String> {
        let (text, place) = match &self.file {
            Some(path) => {
                let text = read_file(path).map_err(|error| format!("{}: {error}", path.display()))?;
                (text, format!("the file {}", path.display()))
            }
            None => (std::env::var(&self.env).unwrap_or_default(), format!("the environment's {}", self.env)),
        };
        if text.trim().is_empty() {
            return Err(format!("there is no {}: {place} is empty or not there", self.what));
        }
        Ok(text.trim().into())
    }

    /// The same for a token, which is one word.
    ///
    /// # Errors
    /// A line that names what is missing, or what is wrong with it.
    pub fn read_token(&self) -> Result<SecretString, String> {
        let secret = self.read()?;
        match text::token(secret.expose_secret()) {
            Ok(_) => Ok(secret),
            Err(why) => Err(format!("the {} {why}", self.what)),
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
