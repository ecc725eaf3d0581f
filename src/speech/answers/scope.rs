//! Where answers stand: beside a thread, or beside a future.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
};

use super::Answers;

impl Answers {
    /// Those that stand here, if any do.
    pub(crate) fn current() -> Option<Answers> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Stands beside this thread until what it gives is dropped.
    pub(crate) fn enter(&self) -> Entered {
        Entered(CURRENT.replace(Some(self.clone())))
    }

    /// Stands beside this future, on whichever thread it is polled.
    pub(crate) fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope { answers: Some(self.clone()), future: Box::pin(future) }
    }

    /// None stand beside this future: what it asks is no part of a session.
    pub(crate) fn aside<F: Future>(future: F) -> Scope<F> {
        Scope { answers: None, future: Box::pin(future) }
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Answers>> = const { RefCell::new(None) };
}

/// See [`Answers::enter`].
pub(crate) struct Entered(Option<Answers>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// A future beside which answers stand.
pub(crate) struct Scope<F> {
    answers: Option<Answers>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = Entered(CURRENT.replace(self.answers.clone()));
        self.future.as_mut().poll(cx)
    }
}
