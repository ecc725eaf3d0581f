//! What a supervisor is told from outside: by its handle, by the admin interface, by signals.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Drain, Look, Reply, Supervisor};
use crate::{
    host::{
        config::Config,
        control::{Command, Reloaded},
    },
    text::count,
};

impl Supervisor {
    pub(super) fn on_command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Sessions(reply) => drop(reply.send(self.sessions())),
            Command::Join { room, deploy, reply } => {
                drop(reply.send(self.reconciler.join_manually(now, &room, &deploy)));
            }
            Command::Leave { session, reply } => drop(reply.send(self.reconciler.leave_manually(session))),
            Command::SessionMonitor { session, reply } => {
                let present = self.live.get(&session).and_then(|live| live.present.as_ref());
                drop(reply.send(present.map(|present| present.monitor.clone())));
            }
            Command::Measure(reply) => drop(reply.send(self.measure())),
            Command::Reload { config: Some(config), reply } => drop(reply.send(self.reload(now, *config))),
            Command::Reload { config: None, reply } => self.read_again(reply),
            Command::Drain => self.begin_drain(now, self.config.host.drain),
            Command::Stop => {
                self.begin_drain(now, Duration::ZERO);
                if let Some(drain) = &mut self.drain {
                    drain.deadline = now;
                    drain.is_hurried = true;
                }
            }
        }
    }

    pub(super) fn begin_drain(&mut self, now: Instant, within: Duration) {
        if self.drain.is_some() {
            return;
        }
        tracing::info!("ending within {} s, with {}", within.as_secs(), count(self.live.len(), "session"));
        self.drain = Some(Drain { deadline: now + within, is_over: false, is_hurried: false });
        self.reconciler.drain();
        self.drain_told.send_replace(Some(within));
    }

    /// Reads the file again, beside the supervisor: agents may take their time over their options.
    pub(super) fn read_again(&self, reply: Reply<Result<Reloaded, String>>) {
        let Some((path, registry)) = self.source.clone() else {
            reply.send(Err("the host was not started from a file".into())).ok();
            return;
        };
        let looks = self.looks.clone();
        tokio::spawn(async move {
            let read = Config::read(&path, &registry).await.map_err(|error| error.lines().join("\n"));
            looks.send(Look::Read(read.map(Box::new), reply)).await.ok();
        });
    }

    pub(super) fn reload(&mut self, now: Instant, config: Config) -> Result<Reloaded, String> {
        let fixed = self.config.fixed_that_differ(&config);
        if !fixed.is_empty() {
            return Err(format!("a change of {} needs a restart; nothing was taken over", fixed.join(", ")));
        }
        config.check_sinks()?;
        self.refresh_secrets();
        self.config = Arc::new(config);
        let renewed = self.reconciler.reload(now, self.config.clone());
        self.totals.reloads += 1;
        let reloaded = Reloaded { deploys: self.config.deploys.len(), renewed };
        tracing::info!("the configuration was taken over: {reloaded}");
        Ok(reloaded)
    }

    /// Secrets may have been replaced where they are kept.
    pub(super) fn refresh_secrets(&self) {
        let secrets = self.context.secrets.clone();
        tokio::task::spawn_blocking(move || secrets.refresh());
    }
}
