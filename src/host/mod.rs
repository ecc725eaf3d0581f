//! Many rooms: which agent belongs where comes from a file, and a host sees to it for weeks.
//!
//! ```no_run
//! # use roomtone::{agent::Registry, host::{Config, Host}};
//! # const AGENTS: Registry = Registry(&[]);
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let path = std::path::Path::new("config/echo-every-room.toml");
//! let host = Host::start(Config::read(path, AGENTS)?, AGENTS).await?;
//! let control = host.control();
//! tokio::spawn(async move {
//!     tokio::signal::ctrl_c().await.ok();
//!     control.drain().await.ok();
//! });
//! println!("{}", host.ended().await);
//! # Ok(())
//! # }
//! ```
//!
//! Inside, a keeper knows the rooms and decides, without I/O or a clock; a steward brings it what happens and carries
//! out its orders; each session is a task of its own.

pub mod config;
mod control;
mod guard;
mod http;
mod journal;
mod keeper;
pub(crate) mod machine;
mod measures;
mod picture;
mod report;
mod session;
mod sink;
mod steward;
mod strays;
mod totals;
mod watchdog;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::Config;
pub use control::{Control, HasEnded, HostStatus, SessionCounters, SessionStatus};
pub use http::{OPENAPI, ROUTES};
pub use keeper::State;
pub use measures::METRICS;
pub use report::{HostReport, SessionReport};

use crate::{
    agent::Registry,
    fishjam::{
        Address, Fishjam,
        rest::{RestError, RestErrorKind},
    },
};
use config::SecretSource;
use http::Webhooks;
use journal::{Journal, Leftovers};
use session::Crew;
use sink::Sinks;
use steward::Steward;
use strays::Strays;
use watchdog::Watchdog;

/// A running host. It ends, at once and properly, when it is dropped; better is [`Control::drain`].
#[derive(Debug)]
pub struct Host {
    control: Control,
    steward: JoinHandle<HostReport>,
    served: Served,
    stop: CancellationToken,
}

/// Where a host can be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// `/metrics`, `/healthz`, `/readyz`.
    pub metrics: Option<SocketAddr>,
    /// The admin interface.
    pub admin: Option<SocketAddr>,
    /// Webhooks.
    pub webhook: Option<SocketAddr>,
}

/// Why a host could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Something that the file refers to is not there: an environment variable, a secret.
    #[error("{0}")]
    Missing(String),
    /// An address cannot be listened on.
    #[error("{key}: cannot listen on {address}: {cause}")]
    Listen {
        /// The table of the file.
        key: &'static str,
        /// Where.
        address: SocketAddr,
        /// The machine's word.
        cause: io::Error,
    },
    /// The folder for the host's state cannot be used.
    #[error("host.state: {}: {cause}", path.display())]
    State {
        /// Which.
        path: PathBuf,
        /// The machine's word.
        cause: io::Error,
    },
    /// The Fishjam does not want us.
    #[error(transparent)]
    Fishjam(RestError),
}

impl Host {
    /// Starts a host. A Fishjam that cannot be reached is waited for; one that refuses the token is an error.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn start(config: Config, registry: Registry) -> Result<Host, HostError> {
        Host::start_from(config, None, registry).await
    }

    /// Starts a host that can read its file again.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn start_from(config: Config, path: Option<&Path>, registry: Registry) -> Result<Host, HostError> {
        let fishjam = fishjam(&config)?;
        let secrets = Secrets::read(&config)?;
        match fishjam.rest().validate().await {
            Err(error) if error.kind == RestErrorKind::Unauthorized => return Err(HostError::Fishjam(error)),
            Err(error) => tracing::warn!("{error}"),
            Ok(()) => {}
        }
        machine::raise_file_limit();
        let (journal, leftovers) = journal(&config, &fishjam)?;
        let (news_in, news) = mpsc::channel(NEWS);
        let tasks = TaskTracker::new();
        let crew = Arc::new(Crew {
            fishjam: fishjam.clone(),
            registry,
            journal,
            watchdog: Arc::new(Watchdog::start(config.host.watchdog)),
            sinks: Sinks::new(tasks.clone()),
            strays: Strays::default(),
            tasks: tasks.clone(),
            joins: Semaphore::new(config.host.joins_at_once),
            news: news_in,
        });
        let (commands_in, commands) = mpsc::channel(COMMANDS);
        let (control, stop) = (Control::new(commands_in), CancellationToken::new());
        let served = serve(&config, &fishjam, &control, secrets, &stop).await?;
        let steward = {
            let (config, path, crew) = (Arc::new(config), path.map(Path::to_owned), crew.clone());
            tokio::spawn(Steward::new(config, path, crew, news, commands).run(leftovers))
        };
        Ok(Host { control, steward, served, stop })
    }

    /// What the host can be asked and told.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Where it can be reached.
    pub fn served(&self) -> Served {
        self.served
    }

    /// Waits until the host has ended.
    pub async fn ended(mut self) -> HostReport {
        let report = (&mut self.steward).await;
        report.expect("the steward does not panic and is not aborted")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.cancel();
        // A host that is told nothing more ends at once; one that has ended does not hear it.
        let control = self.control.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { control.stop().await.ok() });
        }
    }
}

struct Secrets {
    admin: Option<SecretString>,
    webhook: Option<SecretString>,
}

impl Secrets {
    fn read(config: &Config) -> Result<Secrets, HostError> {
        let read = |what, env, file| SecretSource { what, env, file }.read().map_err(HostError::Missing);
        let admin = config.admin.as_ref();
        let admin = admin.map(|admin| read("admin token", &admin.token_env, admin.token_file.as_ref())).transpose()?;
        let webhook = config.webhook.as_ref();
        let webhook =
            webhook.map(|hook| read("webhook secret", &hook.secret_env, hook.secret_file.as_ref())).transpose()?;
        config.check_sinks().map_err(HostError::Missing)?;
        Ok(Secrets { admin, webhook })
    }
}

fn fishjam(config: &Config) -> Result<Fishjam, HostError> {
    let id = config.fishjam.id.clone().or_else(|| std::env::var("FISHJAM_ID").ok()).unwrap_or_default();
    let address: Address = id.parse().map_err(|error| {
        HostError::Missing(format!("no Fishjam is named; set FISHJAM_ID, or fishjam.id in the file: {error}"))
    })?;
    let token = SecretSource {
        what: "management token",
        env: &config.fishjam.token_env,
        file: config.fishjam.token_file.as_ref(),
    };
    let token = token.read().map_err(HostError::Missing)?;
    Ok(match config.webhook {
        Some(_) => Fishjam::fed(address, token),
        None => Fishjam::new(address, token),
    })
}

fn journal(config: &Config, fishjam: &Fishjam) -> Result<(Option<Journal>, Leftovers), HostError> {
    let Some(path) = config.host.state.clone().or_else(default_state) else {
        tracing::warn!("there is no folder for the host's state: peers that a crash leaves behind are not removed");
        return Ok((None, Leftovers::default()));
    };
    let fail = |cause| HostError::State { path: path.clone(), cause };
    let (journal, leftovers) = Journal::open(&path, &fishjam.rest().address().to_string()).map_err(fail)?;
    Ok((Some(journal), leftovers))
}

/// What systemd gives, or the user's own state folder.
fn default_state() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var(name).ok().filter(|path| !path.is_empty()).map(PathBuf::from);
    let systemd = std::env::var("STATE_DIRECTORY").ok();
    let systemd = systemd.and_then(|paths| paths.split(':').next().filter(|path| !path.is_empty()).map(PathBuf::from));
    let home = || folder("HOME").map(|home| home.join(".local/state"));
    systemd.or_else(|| folder("XDG_STATE_HOME").or_else(home).map(|state| state.join("roomtone")))
}

async fn serve(
    config: &Config,
    fishjam: &Fishjam,
    control: &Control,
    secrets: Secrets,
    stop: &CancellationToken,
) -> Result<Served, HostError> {
    let mut served = Served::default();
    let webhooks = Webhooks::default();
    if let (Some(hook), Some(secret)) = (&config.webhook, secrets.webhook) {
        let router = http::webhooks(&hook.path, hook.max_body, fishjam.clone(), secret, webhooks.clone());
        served.webhook = Some(listen("webhook.listen", hook.listen, router, stop).await?);
    }
    if let Some(metrics) = &config.metrics {
        let router = http::probes(control.clone(), webhooks);
        served.metrics = Some(listen("metrics.listen", metrics.listen, router, stop).await?);
    }
    if let (Some(admin), Some(token)) = (&config.admin, secrets.admin) {
        let router = http::admin(control.clone(), token);
        served.admin = Some(listen("admin.listen", admin.listen, router, stop).await?);
    }
    Ok(served)
}

async fn listen(
    key: &'static str,
    address: SocketAddr,
    router: axum::Router,
    stop: &CancellationToken,
) -> Result<SocketAddr, HostError> {
    http::serve(address, router, stop).await.map_err(|cause| HostError::Listen { key, address, cause })
}

/// News of sessions that may wait for the steward; sessions wait beyond that.
const NEWS: usize = 1_024;
/// Commands that may wait.
const COMMANDS: usize = 64;
