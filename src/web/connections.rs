//! Which connections of a listener are open, and which of them make room for others.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// See the module's head.
pub(super) struct Connections {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    visits: BTreeMap<u64, Arc<Visit>>,
}

/// One connection.
pub(super) struct Visit {
    number: u64,
    /// Requests that are being answered.
    busy: AtomicUsize,
    end: CancellationToken,
}

/// A request is being answered, until it is dropped.
pub(super) struct Busy(Arc<Visit>);

impl Connections {
    pub(super) fn new(most: usize) -> Connections {
        Connections { most, open: Mutex::default() }
    }

    /// Takes one more in; the oldest that is not being answered ends for it. `None` if all are being answered.
    pub(super) fn admit(&self) -> Option<Arc<Visit>> {
        let mut open = self.open();
        if open.visits.len() >= self.most {
            let idle = open.visits.values().find(|visit| visit.is_idle()).map(|visit| visit.number);
            open.visits.remove(&idle?)?.end.cancel();
        }
        let number = open.next;
        open.next += 1;
        let visit = Arc::new(Visit { number, busy: AtomicUsize::new(0), end: CancellationToken::new() });
        open.visits.insert(number, visit.clone());
        Some(visit)
    }

    pub(super) fn forget(&self, visit: &Visit) {
        self.open().visits.remove(&visit.number);
    }

    /// Ends all that are not being answered.
    pub(super) fn end_idle(&self) {
        self.open().visits.retain(|_, visit| {
            let is_idle = visit.is_idle();
            if is_idle {
                visit.end.cancel();
            }
            !is_idle
        });
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("no holder panics")
    }
}

impl Visit {
    /// Waits until it is to end for others.
    pub(super) fn ended(&self) -> WaitForCancellationFuture<'_> {
        self.end.cancelled()
    }

    pub(super) fn busy(self: &Arc<Visit>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that keeps `guard` until it has been sent, or given up.
pub(crate) fn hold(body: Body, guard: impl Send + Unpin + 'static) -> Body {
    Body::new(Sending { body, _guard: guard })
}

struct Sending<G> {
    body: Body,
    _guard: G,
}

impl<G: Unpin> HttpBody for Sending<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
