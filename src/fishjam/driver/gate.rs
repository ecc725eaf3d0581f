//! A gate before sources that seldom have something: they are polled only after one of them has woken the task.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::task::{ArcWake, AtomicWaker, waker_ref};

/// The sources behind it are polled with a waker of its own.
pub(super) struct Gate(Arc<Bell>);

/// Wakes the task, and says which gate it was.
struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Bell>) {
        bell.has_rung.store(true, SeqCst);
        bell.task.wake();
    }
}

impl Default for Gate {
    /// Open: nothing has been polled yet.
    fn default() -> Gate {
        Gate(Arc::new(Bell { has_rung: AtomicBool::new(true), task: AtomicWaker::new() }))
    }
}

impl Gate {
    /// Lets the next poll through: there is a new source behind the gate, or one that has more to do.
    pub(super) fn open(&self) {
        self.0.has_rung.store(true, SeqCst);
    }

    /// Polls what is behind, if something there may be ready. After something was, the gate stays open.
    pub(super) fn poll<T>(&self, cx: &mut Context<'_>, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        // In this order, whatever rings is seen by the flag, or wakes the task: who rings sets the flag first, and takes
        // the waker away, perhaps long after the flag was seen.
        self.0.task.register(cx.waker());
        if !self.0.has_rung.swap(false, SeqCst) {
            return Poll::Pending;
        }
        let found = look(&mut Context::from_waker(&waker_ref(&self.0)));
        if found.is_ready() {
            self.open();
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
        let (gate, (sender, mut receiver)) = (Gate::default(), mpsc::channel(4));
        tokio::spawn(async move {
            for n in 0..20_000u32 {
                sender.send(n).await.unwrap();
                if n % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut looks = 0u32;
        for expected in 0..20_000u32 {
            let next = poll_fn(|cx| {
                gate.poll(cx, |cx| {
                    looks += 1;
                    receiver.poll_recv(cx)
                })
            });
            assert_eq!(timeout(Duration::from_secs(20), next).await, Ok(Some(expected)));
        }
        assert!(looks <= 40_001, "{looks} looks");
    }
}
