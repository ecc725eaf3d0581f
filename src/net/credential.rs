//! The management token, which may be replaced while the process lives.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A token, and where it can be read again. Clones share it, so what one of them has read all of them show.
#[derive(Clone)]
pub struct Credential(Arc<Shared>);

struct Shared {
    token: Mutex<SecretString>,
    read: Option<Box<Read>>,
}

type Read = dyn Fn() -> Result<SecretString, String> + Send + Sync;

impl From<SecretString> for Credential {
    fn from(token: SecretString) -> Credential {
        Credential::fixed(token)
    }
}

impl Credential {
    /// A token that stays as it is.
    pub fn fixed(token: SecretString) -> Credential {
        Credential(Arc::new(Shared { token: Mutex::new(token), read: None }))
    }

    /// A token that `read` gives, now and whenever it may have changed. `read` may touch the disk.
    ///
    /// # Errors
    /// What `read` says, now.
    pub fn read_by(
        read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static,
    ) -> Result<Credential, String> {
        let token = Mutex::new(read()?);
        Ok(Credential(Arc::new(Shared { token, read: Some(Box::new(read)) })))
    }

    /// Reads the token again. Says whether it is another one.
    ///
    /// # Errors
    /// A line that says why it cannot be read; the old one then stays.
    pub fn refresh(&self) -> Result<bool, String> {
        let Some(read) = &self.0.read else { return Ok(false) };
        let new = read()?;
        let mut token = self.lock();
        let differs = token.expose_secret() != new.expose_secret();
        *token = new;
        Ok(differs)
    }

    /// The token `shown` was refused: whether there is another one to try by now.
    pub(crate) fn has_other_than(&self, shown: &str) -> bool {
        if let Err(why) = self.refresh() {
            tracing::warn!("the token cannot be read again: {why}");
        }
        self.lock().expose_secret() != shown
    }

    /// Whether this is the token. Digests are compared, so that the time it takes says nothing of it.
    pub(crate) fn is(&self, shown: &str) -> bool {
        Sha256::digest(self.lock().expose_secret()) == Sha256::digest(shown)
    }

    pub(crate) fn token(&self) -> SecretString {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, SecretString> {
        self.0.token.lock().expect("no holder panics")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential([private])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_replaced_is_noticed_and_one_that_cannot_be_read_stays() {
        let source = Arc::new(Mutex::new(Ok("one".to_owned())));
        let read = source.clone();
        let credential = Credential::read_by(move || read.lock().unwrap().clone().map(SecretString::from)).unwrap();
        assert!(!credential.has_other_than("one"));
        *source.lock().unwrap() = Ok("two".to_owned());
        assert!(credential.has_other_than("one"));
        *source.lock().unwrap() = Err("the file is gone".to_owned());
        assert!(credential.refresh().is_err());
        assert_eq!(credential.clone().token().expose_secret(), "two");
        assert!(!format!("{credential:?}").contains("two"));
    }
}
