//! The table of platforms: the one place of a host that names them.

use std::sync::Arc;

use super::{config::Config, secrets::Secrets};
use crate::{
    fishjam::{Address, Fishjam, rest::Client},
    net::Trust,
    platform::Platform,
};

/// The platform that a configuration names. The error is a line that says what is missing.
pub(super) fn of(config: &Config, secrets: &Secrets) -> Result<Arc<dyn Platform>, String> {
    Ok(Arc::new(fishjam(config, secrets)?))
}

/// What is wrong with a platform's address, if something is.
pub(super) fn fault_of_address(id: &str) -> Option<String> {
    id.parse::<Address>().err().map(|error| error.to_string())
}

fn fishjam(config: &Config, secrets: &Secrets) -> Result<Fishjam, String> {
    let id = config.fishjam.id.clone().or_else(|| std::env::var("FISHJAM_ID").ok()).unwrap_or_default();
    let address: Address = id
        .parse()
        .map_err(|error| format!("no Fishjam is named; set FISHJAM_ID, or fishjam.id in the file: {error}"))?;
    let trust = match &config.fishjam.ca_file {
        Some(path) => Trust::with_ca_file(path).map_err(|error| format!("fishjam.ca_file: {error}"))?,
        None => Trust::of_machine(),
    };
    let token = secrets.management.clone().ok_or("there is no management token")?;
    let rest = Client::with(address, token, trust);
    Ok(match config.webhook {
        Some(_) => Fishjam::fed(rest),
        None => Fishjam::of(rest),
    })
}
