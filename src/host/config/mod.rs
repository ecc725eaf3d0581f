//! The host's TOML file: strict, with units in its values, and with every fault told by its line.
//!
//! ```
//! use roomtone::host::config::Draft;
//!
//! let text = r#"
//! [[deploy]]
//! agent = "echo"
//! leave = { idle = "five minutes" }
//! "#;
//! let draft = Draft::parse(text);
//! let line = draft.faults()[0].to_string();
//! assert!(line.starts_with("line 4, deploy \"echo\" (agent echo), leave.idle:"), "{line}");
//! ```
//!
//! `config/reference.toml` in the repository shows every key with its default. Secrets are never in the file: it names
//! the environment variable or the file that holds them, and they are read when the host starts.

mod deploy;
mod fault;
mod read;
mod table;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

pub use super::platforms::{DubtrackConfig, NkmediaConfig, Protocol, SignalWireConfig};
pub use crate::net::SecretSource;
use crate::units;
pub(super) use crate::units::is_http_url;
pub use deploy::{
    Deploy, HearRule, JoinRule, JoinWhen, LeaveRule, OptionalDuration, Prepared, RestartRule, RoomRule, SinkConfig,
};
pub use fault::{ConfigError, Fault};
pub use read::Draft;

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Which Fishjam, and by what right.
    pub fishjam: FishjamConfig,
    /// Which SignalWire, where a deploy is for one.
    pub signalwire: Option<SignalWireConfig>,
    /// Which NkMEDIA.
    pub nkmedia: Option<NkmediaConfig>,
    /// Which Dubtrack.
    pub dubtrack: Option<DubtrackConfig>,
    /// The process as a whole.
    pub host: HostConfig,
    /// Notifications by HTTP in place of the server socket.
    pub webhook: Option<WebhookConfig>,
    /// Where metrics and probes are served.
    pub metrics: Option<MetricsConfig>,
    /// Where the host is asked and told.
    pub admin: Option<AdminConfig>,
    /// Where traces go.
    pub traces: Option<TracesConfig>,
    /// Which agents go where.
    pub deploys: Vec<Deploy>,
}

impl Config {
    /// Whether the secrets that sinks need are there.
    ///
    /// # Errors
    /// A line that names what is missing.
    pub fn check_sinks(&self) -> Result<(), String> {
        self.deploys.iter().try_for_each(|deploy| deploy.sink.secret().map(drop))
    }

    /// What differs in `other` and cannot change while the host runs: tables and keys.
    pub(super) fn fixed_that_differ(&self, other: &Config) -> Vec<&'static str> {
        let (old, new) = (&self.host, &other.host);
        let differ = [
            ("[fishjam]", self.fishjam != other.fishjam),
            ("[signalwire]", self.signalwire != other.signalwire),
            ("[nkmedia]", self.nkmedia != other.nkmedia),
            ("[dubtrack]", self.dubtrack != other.dubtrack),
            ("the platforms of the deploys", !self.has_platforms_of(other)),
            ("[webhook]", self.webhook != other.webhook),
            ("[metrics]", self.metrics != other.metrics),
            ("[admin]", self.admin != other.admin),
            ("[traces]", self.traces != other.traces),
            ("host.max_concurrent_joins", old.max_concurrent_joins != new.max_concurrent_joins),
            ("host.watchdog", old.watchdog != new.watchdog),
            ("host.spare_threads", old.spare_threads != new.spare_threads),
            ("host.state", old.state != new.state),
            ("host.tenant", old.tenant != new.tenant),
            ("host.max_sessions_per_tenant", old.max_sessions_per_tenant != new.max_sessions_per_tenant),
        ];
        differ.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// `[fishjam]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FishjamConfig {
    /// The Fishjam's id or URL. Without it, the environment's `FISHJAM_ID`.
    pub id: Option<String>,
    /// The environment variable that holds the management token.
    pub token_env: String,
    /// A file that holds it instead.
    pub token_file: Option<PathBuf>,
    /// A PEM file of authorities that are trusted beside the machine's own.
    pub ca_file: Option<PathBuf>,
}

impl Default for FishjamConfig {
    fn default() -> FishjamConfig {
        FishjamConfig { id: None, token_env: "FISHJAM_MANAGEMENT_TOKEN".into(), token_file: None, ca_file: None }
    }
}

impl FishjamConfig {
    /// Where the management token is.
    pub fn token(&self) -> SecretSource {
        SecretSource { what: "management token", env: self.token_env.clone(), file: self.token_file.clone() }
    }
}

/// `[host]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostConfig {
    /// The most sessions at a time; 0 for no limit.
    pub max_sessions: usize,
    /// Where in a peer's metadata its tenant is named, as in `server.org`.
    pub tenant: Option<String>,
    /// The most sessions at a time for each tenant; 0 for no limit.
    pub max_sessions_per_tenant: usize,
    /// What happens to a session that is over a limit.
    pub over_limit: OverLimit,
    /// How many agents may be on their way into their rooms at a time.
    pub max_concurrent_joins: usize,
    /// How long sessions may go on after the host was told to end.
    #[serde(with = "units::duration")]
    pub drain: Duration,
    /// How often the directory of the rooms is compared with REST.
    #[serde(with = "units::duration")]
    pub reconcile: Duration,
    /// How long an agent may compute without a pause before it is named in the log.
    #[serde(with = "units::duration")]
    pub watchdog: Duration,
    /// Threads that sound and agents run on, beyond the machine's cores: as many agents may block at a time without
    /// holding up the others.
    pub spare_threads: usize,
    /// The folder where the host writes down its peers, so that after a crash the next one removes them. Without it,
    /// the environment's `STATE_DIRECTORY`, or `roomtone` in the user's state folder.
    pub state: Option<PathBuf>,
}

impl Default for HostConfig {
    fn default() -> HostConfig {
        HostConfig {
            max_sessions: 1_000,
            tenant: None,
            max_sessions_per_tenant: 0,
            over_limit: OverLimit::Wait,
            max_concurrent_joins: 50,
            drain: Duration::from_secs(30),
            reconcile: Duration::from_secs(60),
            watchdog: Duration::from_secs(1),
            spare_threads: 4,
            state: None,
        }
    }
}

/// What happens to a session that is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverLimit {
    /// It waits until others have ended.
    #[default]
    Wait,
    /// The room gets no agent.
    Refuse,
}

/// `[webhook]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The path that is asked for.
    #[serde(default = "webhook_path")]
    pub path: String,
    /// The environment variable that holds the secret with which Fishjam signs.
    #[serde(default = "webhook_secret")]
    pub secret_env: String,
    /// A file that holds it instead.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The largest body that is read.
    #[serde(default = "webhook_body", with = "units::size")]
    pub max_body: usize,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where `/metrics`, `/healthz` and `/readyz` are served.
    pub listen: SocketAddr,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// Where it listens.
    #[serde(default = "admin_listen")]
    pub listen: SocketAddr,
    /// The environment variable that holds the token.
    #[serde(default = "admin_token")]
    pub token_env: String,
    /// A file that holds it instead.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The environment variable that holds the token of those who may look and change nothing.
    #[serde(default)]
    pub reader_token_env: Option<String>,
    /// A file that holds it instead.
    #[serde(default)]
    pub reader_token_file: Option<PathBuf>,
    /// Whether it may listen where other machines can reach it.
    #[serde(default)]
    pub beyond_loopback: bool,
    /// Pages of these origins may follow captions, as in `https://app.example`; `*` for all.
    #[serde(default)]
    pub allow_origins: Vec<String>,
    /// A PEM file with the certificate by which it is served as https, and those between it and its authority.
    #[serde(default)]
    pub cert_file: Option<PathBuf>,
    /// The certificate's key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

impl AdminConfig {
    /// Where the token of those is who may look and change nothing, if there is one.
    pub fn reader(&self) -> Option<SecretSource> {
        let (env, file) = (self.reader_token_env.clone(), self.reader_token_file.clone());
        (env.is_some() || file.is_some()).then(|| SecretSource {
            what: "admin reader's token",
            env: env.unwrap_or_default(),
            file,
        })
    }
}

/// `[traces]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesConfig {
    /// The OTLP endpoint, by HTTP, as in `http://127.0.0.1:4318`.
    pub endpoint: String,
}

fn webhook_path() -> String {
    "/fishjam".into()
}

fn webhook_secret() -> String {
    "FISHJAM_WEBHOOK_SECRET".into()
}

fn webhook_body() -> usize {
    1 << 20
}

fn admin_listen() -> SocketAddr {
    ([127, 0, 0, 1], 9_465).into()
}

fn admin_token() -> String {
    "ROOMTONE_ADMIN_TOKEN".into()
}
