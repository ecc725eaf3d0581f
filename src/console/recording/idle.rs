//! Whether anything is left to do at this moment of made-up time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// Tells when a runtime of one thread has nothing left to do but to wait: [`on_park`](Self::on_park) belongs into its
/// `on_thread_park`.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Option<Waker>>>);

impl Idle {
    /// Nothing is left to do.
    pub(super) fn on_park(&self) {
        if let Some(waker) = self.waiting().take() {
            waker.wake();
        }
    }

    /// Waits until nothing is. No time passes.
    pub(super) async fn reached(&self) {
        let mut waits = false;
        std::future::poll_fn(|cx| {
            let mut waiting = self.waiting();
            if std::mem::replace(&mut waits, true) && waiting.is_none() {
                return Poll::Ready(());
            }
            *waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc, time::Duration};

    use tokio::{task::LocalSet, time::Instant};

    use super::*;

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
