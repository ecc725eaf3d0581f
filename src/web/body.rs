//! Bodies of requests: how large each may be, how long it may take, and how much memory all of them have.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Json,
    body::{Body, HttpBody},
    extract::Request,
    http::{StatusCode, header::CONTENT_LENGTH},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_util::sync::PollSemaphore;

use super::Limits;

/// See the module's head.
pub(super) struct Bodies {
    most_bytes: usize,
    within: Duration,
    /// In pieces of [`PIECE`].
    memory: Arc<Semaphore>,
}

/// Why a body is not read.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not come in time")]
    TooSlow,
    #[error("too many bodies are being read; try again in a moment")]
    TooMany,
    #[error("the body broke off")]
    Broken,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Broken => StatusCode::BAD_REQUEST,
        };
        let text = self.to_string();
        (status, Json(serde_json::json!({ "error": text, "errors": text, "message": text }))).into_response()
    }
}

impl Bodies {
    pub(super) fn new(limits: &Limits) -> Bodies {
        let pieces = (limits.bodies_bytes.max(limits.body_bytes)).div_ceil(PIECE);
        Bodies { most_bytes: limits.body_bytes, within: limits.body, memory: Arc::new(Semaphore::new(pieces)) }
    }

    /// Puts the bounds around a request's body. What is wrong with it is told to whoever reads it. Gives whether all of it
    /// was read, as far as that is known.
    pub(super) fn bound(&self, request: Request) -> (Request, Arc<AtomicBool>) {
        let is_read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let expected = announced.unwrap_or(self.most_bytes);
        let refused = (expected > self.most_bytes).then_some(Refusal::TooLarge);
        let bounded = request.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            Body::new(Bounded {
                body,
                is_read: is_read.clone(),
                refused,
                pieces: expected.div_ceil(PIECE) as u32,
                semaphore: PollSemaphore::new(self.memory.clone()),
                memory: None,
                left: self.most_bytes,
                time: Box::pin(sleep(self.within)),
            })
        });
        (bounded, is_read)
    }
}

/// What to answer to a body that could not be read.
pub(super) fn refusal(error: &axum::Error) -> Refusal {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.filter_map(|error| error.downcast_ref::<Refusal>().copied()).next().unwrap_or(Refusal::Broken)
}

struct Bounded {
    body: Body,
    is_read: Arc<AtomicBool>,
    refused: Option<Refusal>,
    /// The memory that it needs, which is taken when somebody begins to read it.
    pieces: u32,
    semaphore: PollSemaphore,
    memory: Option<OwnedSemaphorePermit>,
    left: usize,
    time: Pin<Box<Sleep>>,
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let fail = |refusal| Poll::Ready(Some(Err(axum::Error::new(refusal))));
        if let Some(refusal) = self.refused {
            return fail(refusal);
        }
        if self.time.as_mut().poll(cx).is_ready() {
            return fail(if self.memory.is_some() { Refusal::TooSlow } else { Refusal::TooMany });
        }
        if self.memory.is_none() {
            let pieces = self.pieces;
            self.memory = ready!(self.semaphore.poll_acquire_many(cx, pieces));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
        }
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            match self.left.checked_sub(data.len()) {
                Some(left) => self.left = left,
                None => return fail(Refusal::TooLarge),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Memory is given in pieces of this size.
const PIECE: usize = 1_024;
