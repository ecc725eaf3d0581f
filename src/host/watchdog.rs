//! Finds agents that compute without a pause, and keeps the others going meanwhile.
//!
//! An agent that blocks a thread of the runtime may hold the only one that would have looked at sockets and timers.
//! So a thread beside the runtime knocks every few milliseconds, which wakes another of its threads.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::reconciler::Key;

/// See the module's head. The thread ends when it is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    begun: Instant,
    patience: Duration,
    pulses: Mutex<HashMap<u64, Arc<Pulse>>>,
    knock: Notify,
    /// When it knocked and has not been heard yet, in microseconds since `begun`; 0 for never.
    knocked_us: AtomicU64,
    worst_lag_us: AtomicU64,
    blocks: AtomicU64,
    is_over: AtomicBool,
}

/// Of one agent: whether it computes, and since when.
#[derive(Debug)]
struct Pulse {
    key: Key,
    /// Microseconds since `begun`; 0 while the agent waits.
    since_us: AtomicU64,
    is_named: AtomicBool,
}

impl Watchdog {
    /// Starts to watch. Call it within the runtime that is to be kept going.
    pub(super) fn start(patience: Duration) -> Watchdog {
        let shared = Arc::new(Shared {
            begun: Instant::now(),
            patience,
            pulses: Mutex::default(),
            knock: Notify::new(),
            knocked_us: AtomicU64::new(0),
            worst_lag_us: AtomicU64::new(0),
            blocks: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        tokio::spawn(answer(shared.clone()));
        let watching = shared.clone();
        let watch = move || watching.watch();
        if let Err(error) = std::thread::Builder::new().name("watchdog".into()).spawn(watch) {
            tracing::error!("the watchdog has no thread: {error}");
        }
        Watchdog { shared }
    }

    /// Watches one agent's life.
    pub(super) fn watch<F: Future>(&self, id: u64, key: Key, life: F) -> Watched<F> {
        let pulse = Arc::new(Pulse { key, since_us: AtomicU64::new(0), is_named: AtomicBool::new(false) });
        self.shared.pulses().insert(id, pulse.clone());
        Watched { life: Box::pin(life), id, pulse, shared: self.shared.clone() }
    }

    /// How often an agent was named.
    pub(super) fn blocks(&self) -> u64 {
        self.shared.blocks.load(Ordering::Relaxed)
    }

    /// Who blocks now.
    pub(super) fn blocking(&self) -> Vec<u64> {
        let pulses = self.shared.pulses();
        pulses.iter().filter(|(_, pulse)| pulse.is_named.load(Ordering::Relaxed)).map(|(id, _)| *id).collect()
    }

    /// The longest that a task which could run has waited since this was asked last.
    pub(super) fn take_worst_lag(&self) -> Duration {
        Duration::from_micros(self.shared.worst_lag_us.swap(0, Ordering::Relaxed))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.shared.knock.notify_one();
    }
}

impl Shared {
    fn now_us(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64 + 1
    }

    fn pulses(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Pulse>>> {
        self.pulses.lock().expect("no holder panics")
    }

    /// The thread.
    fn watch(&self) {
        let looks = (self.patience / 4).clamp(KNOCK, Duration::from_millis(250));
        let mut last_look = Instant::now();
        while !self.is_over.load(Ordering::Relaxed) {
            self.knocked_us.compare_exchange(0, self.now_us(), Ordering::Relaxed, Ordering::Relaxed).ok();
            self.knock.notify_one();
            std::thread::sleep(KNOCK);
            if last_look.elapsed() >= looks {
                last_look = Instant::now();
                self.look();
            }
        }
    }

    fn look(&self) {
        let now = self.now_us();
        for pulse in self.pulses().values() {
            let since = pulse.since_us.load(Ordering::Relaxed);
            let busy = Duration::from_micros(now.saturating_sub(since));
            if since != 0 && busy >= self.patience && !pulse.is_named.swap(true, Ordering::Relaxed) {
                self.blocks.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    room = %pulse.key.room,
                    deploy = %pulse.key.deploy,
                    "the agent has computed for {} ms without a pause; it should wait with await, use \
                     spawn_blocking, or be given own_thread = true",
                    busy.as_millis()
                );
            }
        }
    }
}

/// Answers the knocks: how late it does is how late the runtime is.
async fn answer(shared: Arc<Shared>) {
    while !shared.is_over.load(Ordering::Relaxed) {
        shared.knock.notified().await;
        let knocked = shared.knocked_us.swap(0, Ordering::Relaxed);
        if knocked != 0 {
            shared.worst_lag_us.fetch_max(shared.now_us().saturating_sub(knocked), Ordering::Relaxed);
        }
    }
}

/// A life that is watched.
pub(super) struct Watched<F> {
    life: Pin<Box<F>>,
    id: u64,
    pulse: Arc<Pulse>,
    shared: Arc<Shared>,
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        this.pulse.since_us.store(this.shared.now_us(), Ordering::Relaxed);
        let result = this.life.as_mut().poll(cx);
        this.pulse.since_us.store(0, Ordering::Relaxed);
        if this.pulse.is_named.load(Ordering::Relaxed) {
            this.pulse.is_named.store(false, Ordering::Relaxed);
            tracing::warn!(room = %this.pulse.key.room, deploy = %this.pulse.key.deploy, "the agent pauses again");
        }
        result
    }
}

impl<F> Drop for Watched<F> {
    fn drop(&mut self) {
        self.shared.pulses().remove(&self.id);
    }
}

/// How often it knocks: a quarter of a frame.
const KNOCK: Duration = Duration::from_millis(5);
