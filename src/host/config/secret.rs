//! Where a secret is: in the environment or in a file, never in the configuration.

use std::path::PathBuf;

use secrecy::SecretString;

/// Where a secret is found.
#[derive(Debug, Clone, Copy)]
pub struct SecretSource<'a> {
    /// What the secret is, for messages.
    pub what: &'static str,
    /// The environment variable that holds it.
    pub env: &'a str,
    /// A file that holds it instead.
    pub file: Option<&'a PathBuf>,
}

impl SecretSource<'_> {
    /// Reads the secret.
    ///
    /// # Errors
    /// A line that names what is missing.
    pub fn read(&self) -> Result<SecretString, String> {
        let (text, place) = match self.file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
                (text, format!("the file {}", path.display()))
            }
            None => (std::env::var(self.env).unwrap_or_default(), format!("the environment's {}", self.env)),
        };
        match text.trim() {
            "" => Err(format!("there is no {}: {place} is empty or not there", self.what)),
            secret => Ok(secret.into()),
        }
    }
}
