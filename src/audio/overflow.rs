//! What finds no room in a ring: whole chunks beside it, each with its place among the samples.
//!
//! A ring holds a fraction of a second; a sentence from a speech engine, a chunk of a second or a backlog is longer.
//! Both directions of the path put such sound here, so that memory follows what waits and not what could. The ends share a
//! count of what waits, by which the writer keeps its own bound in samples; the bound in chunks is kept here.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::mpsc;

/// Makes the two ends of an overflow of up to `most_chunks`, beside the one that the reader looks at. Its memory grows with
/// use.
pub(crate) fn overflow(most_chunks: usize) -> (OverflowWriter, OverflowReader) {
    let (sender, chunks) = mpsc::channel(most_chunks);
    let waiting = Arc::new(AtomicUsize::new(0));
    (OverflowWriter { chunks: sender, waiting: waiting.clone() }, OverflowReader { chunks, front: None, waiting })
}

/// Samples that did not fit.
pub(crate) struct OverflowChunk {
    /// The position of the first.
    pub(crate) at: u64,
    pub(crate) samples: Vec<i16>,
}

/// The writing end.
pub(crate) struct OverflowWriter {
    chunks: mpsc::Sender<OverflowChunk>,
    waiting: Arc<AtomicUsize>,
}

impl OverflowWriter {
    /// Whether one more chunk finds room now; the reader can only make it more.
    pub(crate) fn has_room(&self) -> bool {
        self.chunks.capacity() > 0
    }

    /// Samples of chunks that were not taken off.
    pub(crate) fn waiting_samples(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Puts samples from position `at` behind the others. Says whether there was room.
    pub(crate) fn push(&mut self, at: u64, samples: &[i16]) -> bool {
        let took = self.chunks.try_send(OverflowChunk { at, samples: samples.to_vec() }).is_ok();
        if took {
            // Counted when it is there: a reader that looked in the middle of the sending would wait for its end.
            self.waiting.fetch_add(samples.len(), Ordering::AcqRel);
        }
        took
    }
}

/// The reading end.
pub(crate) struct OverflowReader {
    chunks: mpsc::Receiver<OverflowChunk>,
    front: Option<OverflowChunk>,
    waiting: Arc<AtomicUsize>,
}

impl OverflowReader {
    /// The first chunk, which stays.
    ///
    /// The count is what hands over: all before is taken off it, so one that is not zero is that of the next chunk, and who
    /// has seen it sees all that the writer did before. Most of the time it is zero, and that is all that is looked at.
    pub(crate) fn front(&mut self) -> Option<&OverflowChunk> {
        if self.front.is_none() && self.waiting.load(Ordering::Acquire) > 0 {
            self.front = self.chunks.try_recv().ok();
        }
        self.front.as_ref()
    }

    /// Takes the first chunk off.
    pub(crate) fn pop(&mut self) -> Option<OverflowChunk> {
        self.front()?;
        let chunk = self.front.take()?;
        self.waiting.fetch_sub(chunk.samples.len(), Ordering::AcqRel);
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_in_order_with_their_places_and_the_bound_holds() {
        let (mut writer, mut reader) = overflow(2);
        assert!(writer.push(5, &[1, 2]) && writer.push(9, &[3]) && !writer.has_room());
        assert!(!writer.push(20, &[4]), "full");
        assert_eq!(writer.waiting_samples(), 3);
        assert_eq!(reader.front().map(|chunk| chunk.at), Some(5));
        assert_eq!(writer.waiting_samples(), 3, "it was only looked at");
        let chunk = reader.pop().unwrap();
        assert_eq!((chunk.at, chunk.samples), (5, vec![1, 2]));
        assert_eq!((writer.waiting_samples(), writer.has_room()), (1, true));
        assert_eq!(reader.pop().map(|chunk| chunk.at), Some(9));
        assert!(reader.pop().is_none() && reader.front().is_none());
    }
}
