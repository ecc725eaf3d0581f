//! When the program is told to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a command: Ctrl-C, SIGTERM, and a terminal that was closed. From the moment it is made none of
/// them ends the program by itself.
pub(super) struct Endings {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Endings {
    /// Begins to listen.
    pub(super) fn listen() -> Endings {
        let listen = |kind| signal(kind).expect("signals can be listened to");
        Endings {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hangup: listen(SignalKind::hangup()),
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
        }
    }
}
