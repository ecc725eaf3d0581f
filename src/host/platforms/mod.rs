//! The table of platforms: the one place of a host that names them.

mod config;
mod multi;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

pub(super) use config::default_platform;
pub use config::{DubtrackConfig, NkmediaConfig, SignalWireConfig};

use super::{
    config::Config,
    secrets::{Secrets, credential},
};
use crate::{
    dubtrack::Dubtrack,
    fishjam::{Address, Fishjam, rest::Client},
    net::{Credential, SecretSource, Trust},
    nkmedia::Nkmedia,
    platform::Platform,
    signalwire::{Bridge, SignalWire},
};
use multi::MultiPlatform;

/// A platform by its name.
pub use crate::protocol::Protocol;

/// The platforms that a configuration's deploys are for, as one. The error is a line that says what is missing.
pub(super) fn of(config: &Config, secrets: &Secrets) -> Result<Arc<dyn Platform>, String> {
    if !config.has_several() {
        return Ok(Arc::new(fishjam(config, secrets)?));
    }
    let mut platforms: BTreeMap<Protocol, Arc<dyn Platform>> = BTreeMap::new();
    for protocol in Protocol::ALL.into_iter().filter(|protocol| config.uses(*protocol)) {
        let missing = || format!("there is no [{protocol}] in the file");
        platforms.insert(
            protocol,
            match protocol {
                Protocol::Fishjam => Arc::new(fishjam(config, secrets)?),
                Protocol::SignalWire => Arc::new(signalwire(config.signalwire.as_ref().ok_or_else(missing)?)?.feed()),
                Protocol::Nkmedia => Arc::new(nkmedia(config.nkmedia.as_ref().ok_or_else(missing)?)?.feed()),
                Protocol::Dubtrack => Arc::new(dubtrack(config.dubtrack.as_ref().ok_or_else(missing)?)?.feed()),
            },
        );
    }
    Ok(Arc::new(MultiPlatform::new(platforms)))
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
    let token = secrets.management.clone().ok_or("there is no management token")?;
    let rest = Client::with(address, token, trust("fishjam", config.fishjam.ca_file.as_ref())?);
    Ok(match config.webhook {
        Some(_) => Fishjam::fed(rest),
        None => Fishjam::of(rest),
    })
}

fn signalwire(config: &SignalWireConfig) -> Result<SignalWire, String> {
    let source = SignalWire::new(&config.project, credential(config.token())?);
    let source = source.trusting(trust("signalwire", config.ca_file.as_ref())?);
    let source = if config.jwt { source.with_jwt() } else { source };
    let source = match config.bridge {
        Some(listen) => {
            let bridge = Bridge::bind(listen, credential(config.bridge_token())?, config.bridge_origins.clone());
            source.bridged(bridge.map_err(|error| format!("signalwire.bridge: cannot listen on {listen}: {error}"))?)
        }
        None => source,
    };
    Ok(match &config.url {
        Some(url) => source.at(url),
        None => source,
    })
}

fn nkmedia(config: &NkmediaConfig) -> Result<Nkmedia, String> {
    let source = Nkmedia::new(&config.url, &config.user, passphrase(config.password())?);
    Ok(source.trusting(trust("nkmedia", config.ca_file.as_ref())?))
}

fn dubtrack(config: &DubtrackConfig) -> Result<Dubtrack, String> {
    let source = Dubtrack::new(&config.user, passphrase(config.password())?, config.rooms.clone());
    let source = source.trusting(trust("dubtrack", config.ca_file.as_ref())?);
    let api = config.api.as_deref().unwrap_or(Dubtrack::API);
    Ok(source.at(api, config.socket.as_deref().unwrap_or(Dubtrack::SOCKET)))
}

/// A password may be any text, which a token may not.
fn passphrase(source: SecretSource) -> Result<Credential, String> {
    Credential::read_by(move || source.read().map_err(|error| error.to_string()))
}

fn trust(table: &str, ca_file: Option<&PathBuf>) -> Result<Trust, String> {
    match ca_file {
        Some(path) => Trust::with_ca_file(path).map_err(|error| format!("{table}.ca_file: {error}")),
        None => Ok(Trust::of_machine()),
    }
}
