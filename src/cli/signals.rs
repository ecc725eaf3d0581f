//! When the program is told to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a command: Ctrl-C, SIGTERM, and a terminal that was closed. From the moment it is made none of
/// them ends the program by itself.
pub(super) struct Endings {
    interrupt: Signal,
    terminate: Signal,
    /// Left alone where whoever started the program did so: `nohup` keeps it running when the terminal closes.
    hangup: Option<Signal>,
}

impl Endings {
    /// Begins to listen.
    pub(super) fn listen() -> Endings {
        Endings::with_hangup(!is_ignored(SignalKind::hangup()))
    }

    /// Begins to listen; SIGHUP means something else than a terminal that was closed.
    pub(super) fn listen_for_reload() -> Endings {
        Endings::with_hangup(true)
    }

    fn with_hangup(is_heard: bool) -> Endings {
        let listen = |kind| signal(kind).expect("signals can be listened to");
        Endings {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hangup: is_heard.then(|| listen(SignalKind::hangup())),
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = received(&mut self.hangup) => SignalKind::hangup(),
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether the process was started with this signal ignored, as Linux tells it; elsewhere it is taken for not ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & 1 << (kind.as_raw_value() - 1) != 0
}
