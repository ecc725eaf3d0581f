//! The secrets that a host was given, which may be replaced while it runs.

use super::config::Config;
use crate::net::{Credential, SecretSource};

/// See the module's head. Clones share what was read.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    /// `None` where the platform needs none of ours.
    pub(super) management: Option<Credential>,
    pub(super) admin: Option<Credential>,
    /// Of those who may look and change nothing.
    pub(super) admin_reader: Option<Credential>,
    pub(super) webhook: Option<Credential>,
}

impl Secrets {
    /// Reads all that `config` names. The error is a line that names what is missing.
    pub(super) fn read(config: &Config, needs_management: bool) -> Result<Secrets, String> {
        let source = |what, env: &str, file| credential(SecretSource { what, env: env.to_owned(), file });
        let admin = config.admin.as_ref();
        let secrets = Secrets {
            management: needs_management.then(|| credential(config.fishjam.token())).transpose()?,
            admin: admin.map(|admin| source("admin token", &admin.token_env, admin.token_file.clone())).transpose()?,
            admin_reader: admin.and_then(|admin| admin.reader()).map(credential).transpose()?,
            webhook: config
                .webhook
                .as_ref()
                .map(|hook| {
                    let (env, file) = (hook.secret_env.clone(), hook.secret_file.clone());
                    // Any text may sign: it never stands in a header.
                    let source = SecretSource { what: "webhook secret", env, file };
                    Credential::read_by(move || source.read().map_err(|error| error.to_string()))
                })
                .transpose()?,
        };
        config.check_sinks()?;
        Ok(secrets)
    }

    /// Reads all of them again. What cannot be read stays as it was. Touches the disk.
    pub(super) fn refresh(&self) {
        let all = [
            ("management token", self.management.as_ref()),
            ("admin token", self.admin.as_ref()),
            ("admin reader's token", self.admin_reader.as_ref()),
            ("webhook secret", self.webhook.as_ref()),
        ];
        for (what, credential) in all {
            match credential.map(Credential::refresh) {
                Some(Ok(true)) => tracing::info!("the {what} was replaced; the new one is used from now on"),
                Some(Err(why)) => tracing::warn!("{why}; the old {what} is used on"),
                Some(Ok(false)) | None => {}
            }
        }
    }
}

pub(super) fn credential(source: SecretSource) -> Result<Credential, String> {
    Credential::read_by(move || source.read_token().map_err(|error| error.to_string()))
}
