//! Gates before the sources of a task: what is behind one is polled only after it has woken the task.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use futures_util::task::{ArcWake, waker_ref};

/// What a task waits for, by what wakes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Comes with every frame.
    Socket,
    /// Comes a few times a second.
    Alarm,
    /// Seldom come.
    Occasions,
}

/// The gates of one task. Sound comes a hundred times a second, and does not pay for what does not.
pub(super) struct Gates {
    board: Arc<Board>,
    alarm: Arc<Bell>,
    occasions: Arc<Bell>,
}

/// Who has rung, in one place, so that a frame touches no other. It is the socket's own bell, too.
struct Board {
    rung: AtomicU8,
    task: Waker,
}

/// What a source is polled with: it wakes the task, and says whose it was.
struct Bell {
    gate: Gate,
    board: Arc<Board>,
}

impl Board {
    fn ring(&self, gate: Gate) {
        // In this order: the task is polled after it was woken, and sees by then who has rung.
        self.rung.fetch_or(gate.bit(), SeqCst);
        self.task.wake_by_ref();
    }
}

impl ArcWake for Board {
    fn wake_by_ref(board: &Arc<Board>) {
        board.ring(Gate::Socket);
    }
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Bell>) {
        bell.board.ring(bell.gate);
    }
}

impl Gate {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Default for Gates {
    /// Of no task yet.
    fn default() -> Gates {
        Gates::of(Waker::noop().clone())
    }
}

impl Gates {
    /// All open: nothing has been polled yet.
    fn of(task: Waker) -> Gates {
        let board = Arc::new(Board { rung: AtomicU8::new(u8::MAX), task });
        let [alarm, occasions] =
            [Gate::Alarm, Gate::Occasions].map(|gate| Arc::new(Bell { gate, board: board.clone() }));
        Gates { board, alarm, occasions }
    }

    /// To be called in each poll, before any gate: bells wake the task that polls.
    pub(super) fn serve(&mut self, task: &Waker) {
        if !self.board.task.will_wake(task) {
            *self = Gates::of(task.clone());
        }
    }

    /// Lets the next poll through: there is a new source behind the gate, or one that has more to do.
    pub(super) fn open(&self, gate: Gate) {
        self.board.rung.fetch_or(gate.bit(), SeqCst);
    }

    /// Polls what is behind, if something there may be ready. After something was, the gate stays open.
    pub(super) fn poll<T>(&self, gate: Gate, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.board.rung.load(SeqCst) & gate.bit() == 0 {
            return Poll::Pending;
        }
        // Before the look: what rings meanwhile rings for the next one.
        self.board.rung.fetch_and(!gate.bit(), SeqCst);
        let bell = match gate {
            Gate::Socket => waker_ref(&self.board),
            Gate::Alarm => waker_ref(&self.alarm),
            Gate::Occasions => waker_ref(&self.occasions),
        };
        let found = look(&mut Context::from_waker(&bell));
        if found.is_ready() {
            self.open(gate);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::{sync::mpsc, time::timeout};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_that_rings_is_missed_whatever_the_moment() {
        let (mut gates, (sender, mut receiver)) = (Gates::default(), mpsc::channel(4));
        let sends = async move {
            for n in 0..20_000u32 {
                sender.send(n).await.unwrap();
                if n % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let reads = async move {
            let (mut seldom, mut looks) = (0, 0);
            for expected in 0..20_000u32 {
                let next = poll_fn(|cx| {
                    gates.serve(cx.waker());
                    let idle: Poll<()> = gates.poll(Gate::Alarm, |_| {
                        seldom += 1;
                        Poll::Pending
                    });
                    assert!(idle.is_pending());
                    gates.poll(Gate::Socket, |cx| {
                        looks += 1;
                        receiver.poll_recv(cx)
                    })
                });
                assert_eq!(timeout(Duration::from_secs(20), next).await, Ok(Some(expected)));
            }
            (seldom, looks)
        };
        let (reads, _) = tokio::join!(tokio::spawn(reads), tokio::spawn(sends));
        let (seldom, looks): (u32, u32) = reads.unwrap();
        assert!(seldom == 1 && looks <= 40_001, "{seldom} and {looks} looks");
    }

    #[tokio::test]
    async fn a_task_that_takes_the_gates_over_is_woken() {
        let (mut gates, (sender, mut receiver)) = (Gates::default(), mpsc::channel(1));
        let mut next = async move || {
            poll_fn(|cx| {
                gates.serve(cx.waker());
                gates.poll(Gate::Socket, |cx| receiver.poll_recv(cx))
            })
            .await
        };
        assert!(timeout(Duration::from_millis(1), next()).await.is_err());
        let other = tokio::spawn(async move { next().await });
        tokio::task::yield_now().await;
        sender.send(7).await.unwrap();
        assert_eq!(timeout(Duration::from_secs(5), other).await.unwrap().unwrap(), Some(7));
    }
}
