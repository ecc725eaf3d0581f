//! Many rooms: which agent belongs where comes from a file, and a host sees to it for weeks.
//!
//! ```no_run
//! # use roomtone::{agent::Registry, host::{Config, Host}};
//! # async fn example(agents: Registry) -> Result<(), Box<dyn std::error::Error>> {
//! let path = std::path::Path::new("config/echo-every-room.toml");
//! let host = Host::start(Config::read(path, &agents).await?).await?;
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
//! Inside, a reconciler knows the rooms and decides, without I/O or a clock; a supervisor brings it what happens and carries
//! out its orders; each session is a task of its own.

mod captions;
pub mod config;
mod control;
mod directory;
mod guard;
mod http;
mod id;
mod journal;
pub(crate) mod machine;
mod measures;
mod orphans;
mod platforms;
mod reconciler;
mod report;
mod secrets;
mod session;
mod sink;
mod supervisor;
mod totals;
mod watchdog;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::Config;
pub use control::{Control, EngineStatus, HasEnded, HostStatus, Reloaded, SessionCounters, SessionStatus};
pub use http::{OPENAPI, ROUTES};
pub use measures::METRICS;
pub use reconciler::State;
pub use report::{HostReport, SessionReport};

use crate::{
    agent::Registry,
    platform::{Platform, PlatformError, PlatformErrorKind},
    web::{self, Identity, Limits, Server},
};
use captions::Captions;
use config::AdminConfig;
use http::{CaptionDesk, Rights, Webhooks};
use journal::{Journal, StalePeers};
use orphans::OrphanPeers;
use secrets::Secrets;
use session::SessionContext;
use sink::Sinks;
use supervisor::Supervisor;
use watchdog::Watchdog;

/// A running host. It ends, at once and properly, when it is dropped; better is [`Control::drain`].
#[derive(Debug)]
pub struct Host {
    control: Control,
    supervisor: JoinHandle<HostReport>,
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
        /// The file.
        path: PathBuf,
        /// The machine's word.
        cause: io::Error,
    },
    /// The platform does not want us.
    #[error(transparent)]
    Platform(PlatformError),
}

impl Host {
    /// Starts a host. A Fishjam that cannot be reached is waited for; one that refuses the token is an error.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn start(config: Config) -> Result<Host, HostError> {
        Host::begin(config, None, None).await
    }

    /// Starts a host for the rooms of any platform. What the file says of platforms is not looked at.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn start_on(config: Config, platform: Arc<dyn Platform>) -> Result<Host, HostError> {
        Host::begin(config, None, Some(platform)).await
    }

    /// Starts a host that can read its file again, with the agents that it may name then.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn start_from(config: Config, path: &Path, registry: Registry) -> Result<Host, HostError> {
        Host::begin(config, Some((path.to_owned(), registry)), None).await
    }

    async fn begin(
        config: Config,
        source: Option<(PathBuf, Registry)>,
        platform: Option<Arc<dyn Platform>>,
    ) -> Result<Host, HostError> {
        let is_fishjams = platform.is_none() && config.uses_fishjam();
        let secrets = Secrets::read(&config, is_fishjams).map_err(HostError::Missing)?;
        let platform = match platform {
            Some(platform) => platform,
            None => platforms::of(&config, &secrets).map_err(HostError::Missing)?,
        };
        match platform.check().await {
            Err(error) if error.kind == PlatformErrorKind::Unauthorized => return Err(HostError::Platform(error)),
            Err(error) => tracing::warn!("{error}"),
            Ok(()) => {}
        }
        machine::raise_file_limit();
        let (journal, stale) = journal(&config, &platform.address())?;
        let (updates_in, updates) = mpsc::channel(UPDATES);
        let tasks = TaskTracker::new();
        let context = Arc::new(SessionContext {
            id: id::HostId::draw(),
            platform: platform.clone(),
            secrets: secrets.clone(),
            journal,
            watchdog: Arc::new(Watchdog::start(config.host.watchdog)),
            sinks: Sinks::new(tasks.clone()),
            captions: Captions::default(),
            orphans: OrphanPeers::default(),
            tasks: tasks.clone(),
            joins: Semaphore::new(config.host.max_concurrent_joins),
            updates: updates_in,
        });
        let (commands_in, commands) = mpsc::channel(COMMANDS);
        let (control, stop) = (Control::new(commands_in), CancellationToken::new());
        let served = serve(&config, &context, &control, &stop).await?;
        let supervisor = {
            let (config, context) = (Arc::new(config), context.clone());
            tokio::spawn(Supervisor::new(config, source, context, updates, commands).run(stale))
        };
        Ok(Host { control, supervisor, served, stop })
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
        let report = (&mut self.supervisor).await;
        report.expect("the supervisor does not panic and is not aborted")
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

fn journal(config: &Config, address: &str) -> Result<(Option<Journal>, StalePeers), HostError> {
    let Some(path) = config.host.state.clone().or_else(default_state) else {
        tracing::warn!("there is no folder for the host's state: peers that a crash leaves behind are not removed");
        return Ok((None, StalePeers::default()));
    };
    let fail = |cause| HostError::State { path: path.clone(), cause };
    let (journal, stale) = Journal::open(&path, address).map_err(fail)?;
    Ok((Some(journal), stale))
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
    context: &SessionContext,
    control: &Control,
    stop: &CancellationToken,
) -> Result<Served, HostError> {
    let (platform, secrets) = (&context.platform, &context.secrets);
    let mut served = Served::default();
    let webhooks = Webhooks::default();
    if let (Some(hook), Some(secret)) = (&config.webhook, &secrets.webhook) {
        let router = http::webhooks(&hook.path, platform.clone(), secret.clone(), webhooks.clone());
        let limits = Limits {
            connections: 512,
            body_bytes: hook.max_body,
            bodies_bytes: WEBHOOK_BODIES.max(hook.max_body),
            ..Limits::default()
        };
        served.webhook = Some(listen("webhook.listen", hook.listen, router, limits, None, stop).await?);
    }
    if let Some(metrics) = &config.metrics {
        let router = http::probes(control.clone(), webhooks);
        let limits = Limits::default();
        served.metrics = Some(listen("metrics.listen", metrics.listen, router, limits, None, stop).await?);
    }
    if let (Some(admin), Some(token)) = (&config.admin, &secrets.admin) {
        let rights = Rights { admin: token.clone(), reader: secrets.admin_reader.clone() };
        let identity = identity(admin)?;
        if identity.is_none() && !admin.listen.ip().is_loopback() {
            tracing::warn!("[admin]: the token crosses the network in clear; name cert_file and key_file");
        }
        let (captions, origins) = (context.captions.clone(), admin.allow_origins.clone());
        let router = http::admin(control.clone(), CaptionDesk { captions, rights, origins });
        let limits = Limits { connections: 128, ..Limits::default() };
        served.admin = Some(listen("admin.listen", admin.listen, router, limits, identity, stop).await?);
    }
    Ok(served)
}

fn identity(admin: &AdminConfig) -> Result<Option<Identity>, HostError> {
    let (Some(certificates), Some(key)) = (&admin.cert_file, &admin.key_file) else { return Ok(None) };
    let fail = |error: web::IdentityError| HostError::Missing(format!("[admin]: {error}"));
    Identity::read(certificates, key).map(Some).map_err(fail)
}

async fn listen(
    key: &'static str,
    address: SocketAddr,
    router: axum::Router,
    limits: Limits,
    identity: Option<Identity>,
    stop: &CancellationToken,
) -> Result<SocketAddr, HostError> {
    let fail = |cause| HostError::Listen { key, address, cause };
    let (listener, address) = web::bind(address).await.map_err(fail)?;
    tokio::spawn(Server::new(listener, router, limits, stop.clone()).with_identity(identity).run());
    Ok(address)
}

/// All webhooks that are being read at a time.
const WEBHOOK_BODIES: usize = 32 << 20;
/// Events of sessions that may wait for the supervisor; sessions wait beyond that.
const UPDATES: usize = 1_024;
/// Commands that may wait.
const COMMANDS: usize = 64;
