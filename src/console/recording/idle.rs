//! Whether anything is left to do at this moment of made-up time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::{Duration, Instant},
};

/// Tells when a runtime of one thread has nothing left to do but to wait: [`on_park`](Self::on_park) belongs into its
/// `on_thread_park`.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Option<Waiting>>>);

#[derive(Debug)]
struct Waiting {
    waker: Waker,
    /// It is not to be told before this moment of real time.
    not_before: Option<Instant>,
}

impl Idle {
    /// Nothing is left to do.
    pub(super) fn on_park(&self) {
        let is_due = |waiting: &mut Waiting| waiting.not_before.is_none_or(|at| at <= Instant::now());
        if let Some(waiting) = self.waiting().take_if(is_due) {
            waiting.waker.wake();
        }
    }

    /// Waits until nothing is. No time passes.
    pub(super) async fn reached(&self) {
        self.told(None).await;
    }

    /// Waits until there is nothing to do and made-up time has stood still for so long, in real time: something blocks.
    pub(super) async fn stuck(&self, after: Duration) {
        self.told(Some(Instant::now() + after)).await;
    }

    async fn told(&self, not_before: Option<Instant>) {
        let mut waits = false;
        std::future::poll_fn(|cx| {
            let mut waiting = self.waiting();
            if std::mem::replace(&mut waits, true) && waiting.is_none() {
                return Poll::Ready(());
            }
            *waiting = Some(Waiting { waker: cx.waker().clone(), not_before });
            Poll::Pending
        })
        .await;
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use tokio::{task::LocalSet, time::Instant};

    use super::{Duration, Idle};

    #[test]
    fn all_that_is_due_happens_before_and_no_time_passes() {
        let idle = Idle::default();
        let told = idle.clone();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).on_thread_park(move || told.on_park()).build().unwrap();
        let order = Rc::new(RefCell::new(Vec::new()));
        runtime.block_on(LocalSet::new().run_until(async {
            let begun = Instant::now();
            let due = begun + Duration::from_millis(20);
            let log = order.clone();
            // Behind us in the queue, and with more to do than one turn.
            let others = tokio::task::spawn_local(async move {
                tokio::time::sleep_until(due).await;
                for n in 0..100 {
                    tokio::task::yield_now().await;
                    log.borrow_mut().push(n);
                }
            });
            tokio::time::sleep_until(due).await;
            idle.reached().await;
            assert_eq!(order.borrow().len(), 100);
            assert_eq!(begun.elapsed(), Duration::from_millis(20));
            others.await.unwrap();
        }));
    }
}
