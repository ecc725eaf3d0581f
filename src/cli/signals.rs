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
        // Nobody reads what is written any more: that must not end the program in the middle.
        let _ignored = signal(SignalKind::pipe());
        Endings {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hangup: listen(SignalKind::hangup()),
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
