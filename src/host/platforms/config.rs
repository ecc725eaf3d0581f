//! `[signalwire]`, `[nkmedia]` and `[dubtrack]`: where the other platforms are, and as whom they are followed.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use super::super::config::{Config, Deploy, is_http_url};
use crate::{net::SecretSource, protocol::Protocol};

/// `[signalwire]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalWireConfig {
    /// The project's id.
    pub project: String,
    /// Another address than SignalWire's own, as `wss`.
    #[serde(default)]
    pub url: Option<String>,
    /// The environment variable that holds the project's API token.
    #[serde(default = "signalwire_token")]
    pub token_env: String,
    /// A file that holds it instead.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Whether the token is a video room token (a JWT) in place of the project's own.
    #[serde(default)]
    pub jwt: bool,
    /// Where pages forward what only they know, at an address of this machine.
    #[serde(default)]
    pub bridge: Option<SocketAddr>,
    /// The origins of those pages.
    #[serde(default)]
    pub bridge_origins: Vec<String>,
    /// The environment variable that holds the token that those pages know.
    #[serde(default = "bridge_token")]
    pub bridge_token_env: String,
    /// A PEM file of authorities that are trusted beside the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// `[nkmedia]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NkmediaConfig {
    /// The server, as `ws` or `wss`.
    pub url: String,
    /// As whom it is followed.
    pub user: String,
    /// The environment variable that holds the user's password.
    #[serde(default = "nkmedia_password")]
    pub password_env: String,
    /// A file that holds it instead.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A PEM file of authorities that are trusted beside the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// `[dubtrack]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DubtrackConfig {
    /// As whom rooms are followed.
    pub user: String,
    /// The rooms that are entered, by the names in their addresses.
    pub rooms: Vec<String>,
    /// Another address of its calls than QueUp's own.
    #[serde(default)]
    pub api: Option<String>,
    /// Another address of its socket.
    #[serde(default)]
    pub socket: Option<String>,
    /// The environment variable that holds the user's password.
    #[serde(default = "dubtrack_password")]
    pub password_env: String,
    /// A file that holds it instead.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A PEM file of authorities that are trusted beside the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl SignalWireConfig {
    /// Where the token is.
    pub fn token(&self) -> SecretSource {
        SecretSource { what: "SignalWire token", env: self.token_env.clone(), file: self.token_file.clone() }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.bridge.is_some_and(|listen| !listen.ip().is_loopback()) {
            faults.push(("signalwire.bridge", "can be reached from other machines; listen on 127.0.0.1".into()));
        }
        let is_origin = |text: &String| {
            url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text.trim_end_matches('/'))
        };
        if let Some(wrong) = self.bridge_origins.iter().find(|origin| !is_origin(origin)) {
            let problem = format!("{wrong:?} is no origin; write one as in \"https://app.example\"");
            faults.push(("signalwire.bridge_origins", problem));
        }
        if self.bridge.is_some() && self.bridge_origins.is_empty() {
            let problem = "is empty: no page could forward anything; name one, as in \"https://app.example\"";
            faults.push(("signalwire.bridge_origins", problem.into()));
        }
        faults
    }

    /// Where the token of pages is.
    pub fn bridge_token(&self) -> SecretSource {
        SecretSource { what: "token of pages", env: self.bridge_token_env.clone(), file: None }
    }
}

impl NkmediaConfig {
    /// Where the password is.
    pub fn password(&self) -> SecretSource {
        SecretSource { what: "NkMEDIA password", env: self.password_env.clone(), file: self.password_file.clone() }
    }
}

impl DubtrackConfig {
    /// Where the password is.
    pub fn password(&self) -> SecretSource {
        SecretSource { what: "Dubtrack password", env: self.password_env.clone(), file: self.password_file.clone() }
    }
}

impl Config {
    /// Whether a deploy is for this platform.
    pub fn uses(&self, platform: Protocol) -> bool {
        self.deploys.iter().any(|deploy| deploy.platform == platform)
    }

    /// Whether it has rooms of others than a Fishjam, so that rooms' ids begin with their platform's name.
    pub(in crate::host) fn has_several(&self) -> bool {
        self.deploys.iter().any(|deploy| deploy.platform != Protocol::Fishjam)
    }

    /// Whether the management token is needed: a Fishjam is the platform where none is named.
    pub(in crate::host) fn uses_fishjam(&self) -> bool {
        self.uses(Protocol::Fishjam) || self.deploys.is_empty()
    }

    /// Whether both are for the same platforms.
    pub(in crate::host) fn has_platforms_of(&self, other: &Config) -> bool {
        Protocol::ALL.into_iter().all(|platform| self.uses(platform) == other.uses(platform))
    }

    /// Where the secrets are of the platforms that deploys are for.
    pub fn secrets_of_platforms(&self) -> Vec<SecretSource> {
        let signalwire = self.signalwire.as_ref().filter(|_| self.uses(Protocol::SignalWire));
        let nkmedia = self.nkmedia.as_ref().filter(|_| self.uses(Protocol::Nkmedia));
        let dubtrack = self.dubtrack.as_ref().filter(|_| self.uses(Protocol::Dubtrack));
        let sources = [
            self.uses_fishjam().then(|| self.fishjam.token()),
            signalwire.map(SignalWireConfig::token),
            signalwire.filter(|signalwire| signalwire.bridge.is_some()).map(SignalWireConfig::bridge_token),
            nkmedia.map(NkmediaConfig::password),
            dubtrack.map(DubtrackConfig::password),
        ];
        sources.into_iter().flatten().collect()
    }

    /// What concerns platforms: the key, and what is wrong.
    pub(in crate::host) fn faults_of_platforms(&self) -> Vec<(&'static str, String)> {
        let tables = [
            (Protocol::SignalWire, "signalwire", self.signalwire.is_some()),
            (Protocol::Nkmedia, "nkmedia", self.nkmedia.is_some()),
            (Protocol::Dubtrack, "dubtrack", self.dubtrack.is_some()),
        ];
        let mut faults = Vec::new();
        for (platform, table, is_there) in tables {
            if self.uses(platform) && !is_there {
                faults.push((table, format!("is missing: a deploy has platform = \"{platform}\"; say where that is")));
            }
        }
        if self.webhook.is_some() && !self.deploys.is_empty() && !self.uses(Protocol::Fishjam) {
            faults.push(("webhook", "no deploy is for a Fishjam, and no other platform delivers by webhook".into()));
        }
        // Credentials in an address would be shown with it.
        let socket = |url: &str| {
            let fits = |url: &url::Url| {
                matches!(url.scheme(), "ws" | "wss") && url.username().is_empty() && url.password().is_none()
            };
            !url::Url::parse(url).is_ok_and(|url| fits(&url))
        };
        let call = |url: &str| !is_http_url(url);
        let mut wrong = |is_wrong: bool, key, as_in: &str| {
            if is_wrong {
                faults.push((
                    key,
                    format!("is no address of that kind, without user and password; write one as in {as_in:?}"),
                ));
            }
        };
        let of = |url: &Option<String>, is_wrong: &dyn Fn(&str) -> bool| url.as_deref().is_some_and(is_wrong);
        if let Some(signalwire) = &self.signalwire {
            wrong(of(&signalwire.url, &socket), "signalwire.url", "wss://relay.signalwire.com");
        }
        if let Some(nkmedia) = &self.nkmedia {
            wrong(socket(&nkmedia.url), "nkmedia.url", "wss://media.example.org:9011/");
        }
        if let Some(dubtrack) = &self.dubtrack {
            wrong(of(&dubtrack.api, &call), "dubtrack.api", "https://api.queup.net");
            wrong(of(&dubtrack.socket, &socket), "dubtrack.socket", "wss://ws.queup.net/ws/");
        }
        if let Some(signalwire) = &self.signalwire {
            faults.extend(signalwire.faults());
        }
        if self.dubtrack.as_ref().is_some_and(|dubtrack| dubtrack.rooms.is_empty()) {
            faults.push(("dubtrack.rooms", "is empty: no room would be entered; name some".into()));
        }
        faults
    }
}

impl Deploy {
    /// Keys that say something of sound, on a platform whose sound is out of reach: of those that are there, what is wrong.
    pub(in crate::host) fn faults_without_sound<'a>(
        &self,
        keys: impl Iterator<Item = &'a str>,
    ) -> Vec<(String, String)> {
        if self.platform == Protocol::Fishjam {
            return Vec::new();
        }
        let is_of_sound = |key: &&str| {
            let table = key.split('.').next().unwrap_or_default();
            key.contains('.') && table == "hear" || OF_SOUND.contains(key)
        };
        let fault = |key: &str| {
            (key.to_owned(), format!("{} has no sound in reach, so this says nothing; take it out", self.platform))
        };
        keys.filter(is_of_sound).map(fault).collect()
    }

    /// Whether a room, by the id that the host knows it by, is one that is meant.
    pub(in crate::host) fn names(&self, id: &str) -> bool {
        match self.is_one_of_many {
            false => self.rooms.names(id),
            true => {
                let (platform, own) = split(id);
                platform == self.platform && self.rooms.names(own)
            }
        }
    }
}

/// A room's id in a host that has rooms of several platforms: those of a Fishjam keep theirs.
pub(in crate::host) fn join(platform: Protocol, own: &str) -> String {
    match platform == Protocol::Fishjam && split(own).1 == own {
        true => own.to_owned(),
        false => format!("{platform}:{own}"),
    }
}

/// The other way round.
pub(in crate::host) fn split(id: &str) -> (Protocol, &str) {
    let named = id.split_once(':').and_then(|(name, own)| Some((name.parse().ok()?, own)));
    named.unwrap_or((Protocol::Fishjam, id))
}

/// Keys of a deploy that say something of sound alone.
const OF_SOUND: [&str; 5] = ["voice", "track_metadata", "lead", "leave.idle", "rooms.types"];

/// The platform of a deploy that names none.
pub(in crate::host) fn default_platform() -> Protocol {
    Protocol::Fishjam
}

fn signalwire_token() -> String {
    "SIGNALWIRE_TOKEN".into()
}

fn bridge_token() -> String {
    "ROOMTONE_BRIDGE_TOKEN".into()
}

fn nkmedia_password() -> String {
    "NKMEDIA_PASSWORD".into()
}

fn dubtrack_password() -> String {
    "DUBTRACK_PASSWORD".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_of_several_platforms_are_told_apart_whatever_they_are_called() {
        for (platform, own, id) in [
            (Protocol::Fishjam, "r1", "r1"),
            (Protocol::Fishjam, "a:b", "a:b"),
            (Protocol::Fishjam, "nkmedia:r1", "fishjam:nkmedia:r1"),
            (Protocol::Fishjam, "fishjam:r1", "fishjam:fishjam:r1"),
            (Protocol::Nkmedia, "r1", "nkmedia:r1"),
            (Protocol::SignalWire, "", "signalwire:"),
        ] {
            assert_eq!((join(platform, own).as_str(), split(id)), (id, (platform, own)));
        }
    }
}
