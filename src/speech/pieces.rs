//! What an engine makes, piece by piece, each within its time: the work and the channel that its pieces come out of, as one.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::conversation::EngineError;

/// See the module's head. Dropping it stops the work.
pub(super) struct Pieces<'a, T> {
    work: BoxFuture<'a, Result<(), EngineError>>,
    /// What came of the work, once it is over. Some of its pieces may still wait.
    result: Option<Result<(), EngineError>>,
    pieces: mpsc::Receiver<T>,
    within: Duration,
    /// For the first piece; each that follows has `within` from the moment at which it is asked for.
    deadline: Option<Instant>,
}

impl<'a, T> Pieces<'a, T> {
    /// Work whose first piece is to come by `deadline`, and each that follows `within` so long.
    pub(super) fn new(
        work: impl Future<Output = Result<(), EngineError>> + Send + 'a,
        pieces: mpsc::Receiver<T>,
        deadline: Instant,
        within: Duration,
    ) -> Pieces<'a, T> {
        Pieces { work: Box::pin(work), result: None, pieces, within, deadline: Some(deadline) }
    }

    /// The next piece; `None` when there are no more.
    ///
    /// # Errors
    /// That of the work, or [`EngineError::Late`].
    pub(super) async fn next(&mut self) -> Result<Option<T>, EngineError> {
        let deadline = self.deadline.take().unwrap_or_else(|| Instant::now() + self.within);
        loop {
            tokio::select! {
                biased;
                piece = timeout_at(deadline, self.pieces.recv()) => match piece.map_err(|_| EngineError::Late)? {
                    Some(piece) => return Ok(Some(piece)),
                    None => break,
                },
                done = &mut self.work, if self.result.is_none() => self.result = Some(done),
            }
        }
        let result = match self.result.take() {
            Some(result) => result,
            // The channel went before the work came to its end.
            None => timeout_at(deadline, &mut self.work).await.map_err(|_| EngineError::Late)?,
        };
        result.map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Pieces after these many milliseconds each, and what comes of them.
    async fn taken(waits: &[u64], end: Result<(), EngineError>) -> (usize, Result<(), EngineError>) {
        let (sender, receiver) = mpsc::channel(1);
        let work = async move {
            for wait in waits {
                tokio::time::sleep(MS(*wait)).await;
                sender.send(()).await.map_err(|_| EngineError::Shed)?;
            }
            end
        };
        let mut pieces = Pieces::new(work, receiver, Instant::now() + MS(100), MS(100));
        let mut count = 0;
        loop {
            match pieces.next().await {
                Ok(Some(())) => count += 1,
                Ok(None) => return (count, Ok(())),
                Err(error) => return (count, Err(error)),
            }
            // Whoever takes them may take their time.
            tokio::time::sleep(MS(300)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_has_its_time_and_whoever_takes_it_another() {
        let failed = EngineError::Failed("no".into());
        assert_eq!(taken(&[90, 90, 90], Ok(())).await, (3, Ok(())));
        assert_eq!(taken(&[], Ok(())).await, (0, Ok(())));
        assert_eq!(taken(&[110], Ok(())).await, (0, Err(EngineError::Late)));
        assert_eq!(taken(&[10, 500], Ok(())).await, (1, Err(EngineError::Late)));
        assert_eq!(taken(&[10, 10], Err(failed.clone())).await, (2, Err(failed)), "what came before it is given");
    }
}
