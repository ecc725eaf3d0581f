//! Which of a task's sources may be ready: a source is polled only after it has woken the task.
//!
//! A session is woken a hundred times a second by sound, and seldom by anything else. Without this, each of those wake-ups
//! would poll REST calls, notifications, timers and the agent's end as well, and touch their memory, which is cold by then.
//!
//! ```text
//! a source wakes    ready |= bit(source)      then    task.wake()
//! the task polls    task woken                then    ready & bit(source)?  ready &= !bit, then poll
//! ```
//!
//! No wake-up is lost: the bit is set before the task is woken, so a poll that the wake-up causes sees it; and it is
//! cleared before the source is polled, so what wakes during that poll sets it again, for the next. All of it is
//! sequentially consistent. Acquire and release on the one word would do for it alone, but a task may be woken by
//! another source at the same moment, and then nothing but one order of all operations makes the bit visible.

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
pub(super) enum ReadySource {
    /// Comes with every frame.
    Socket,
    /// Comes a few times a second.
    Alarm,
    /// Everything else, which comes seldom.
    Others,
}

/// The sources of one task. Sound comes a hundred times a second, and does not pay for what does not.
pub(super) struct ReadySet {
    bits: Arc<ReadyBits>,
    alarm: Arc<SourceWaker>,
    others: Arc<SourceWaker>,
}

/// A bit for each source that woke the task, in one place, so that a frame touches no other. It is also the socket's waker.
struct ReadyBits {
    ready: AtomicU8,
    task: Waker,
}

/// What a source is polled with: it wakes the task, and says whose it was.
struct SourceWaker {
    source: ReadySource,
    bits: Arc<ReadyBits>,
}

impl ReadyBits {
    fn mark(&self, source: ReadySource) {
        // In this order: the task is polled after it was woken, and sees the bit by then.
        self.ready.fetch_or(source.bit(), SeqCst);
        self.task.wake_by_ref();
    }
}

impl ArcWake for ReadyBits {
    fn wake_by_ref(bits: &Arc<ReadyBits>) {
        bits.mark(ReadySource::Socket);
    }
}

impl ArcWake for SourceWaker {
    fn wake_by_ref(waker: &Arc<SourceWaker>) {
        waker.bits.mark(waker.source);
    }
}

impl ReadySource {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Default for ReadySet {
    /// Of no task yet.
    fn default() -> ReadySet {
        ReadySet::of(Waker::noop().clone())
    }
}

impl ReadySet {
    /// All ready: nothing has been polled yet.
    fn of(task: Waker) -> ReadySet {
        let bits = Arc::new(ReadyBits { ready: AtomicU8::new(u8::MAX), task });
        let [alarm, others] = [ReadySource::Alarm, ReadySource::Others]
            .map(|source| Arc::new(SourceWaker { source, bits: bits.clone() }));
        ReadySet { bits, alarm, others }
    }

    /// To be called in each poll, before any source: wakers wake the task that polls.
    pub(super) fn serve(&mut self, task: &Waker) {
        if !self.bits.task.will_wake(task) {
            *self = ReadySet::of(task.clone());
        }
    }

    /// Lets the next poll through: there is a new source to poll, or one that has more to do.
    pub(super) fn open(&self, source: ReadySource) {
        self.bits.ready.fetch_or(source.bit(), SeqCst);
    }

    /// Polls the source if it may be ready. After it was, it is polled again.
    pub(super) fn poll<T>(&self, source: ReadySource, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.bits.ready.load(SeqCst) & source.bit() == 0 {
            return Poll::Pending;
        }
        // Before the poll: what wakes meanwhile wakes for the next one.
        self.bits.ready.fetch_and(!source.bit(), SeqCst);
        let waker = match source {
            ReadySource::Socket => waker_ref(&self.bits),
            ReadySource::Alarm => waker_ref(&self.alarm),
            ReadySource::Others => waker_ref(&self.others),
        };
        let found = look(&mut Context::from_waker(&waker));
        if found.is_ready() {
            self.open(source);
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
        let (mut ready, (sender, mut receiver)) = (ReadySet::default(), mpsc::channel(4));
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
                    ready.serve(cx.waker());
                    let idle: Poll<()> = ready.poll(ReadySource::Alarm, |_| {
                        seldom += 1;
                        Poll::Pending
                    });
                    assert!(idle.is_pending());
                    ready.poll(ReadySource::Socket, |cx| {
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
        let (mut ready, (sender, mut receiver)) = (ReadySet::default(), mpsc::channel(1));
        let mut next = async move || {
            poll_fn(|cx| {
                ready.serve(cx.waker());
                ready.poll(ReadySource::Socket, |cx| receiver.poll_recv(cx))
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
