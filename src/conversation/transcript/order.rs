//! Several people's captions in one order.

use std::{collections::BTreeMap, time::Duration};

use super::Caption;
use crate::conversation::listening::UtteranceId;

/// Gives captions in the order in which the speech began, ties by number, whatever the order in which engines answer. A
/// caption waits until nothing that began before it is open any more: a
/// [`Transcriber`](crate::speech::Transcriber::earliest) knows what is.
///
/// ```
/// # use std::time::Duration;
/// # use roomtone::conversation::{listening::UtteranceId, transcript::{Caption, Order, Quality}};
/// # let caption = |n: u64, begins: u64| Caption { utterance: UtteranceId(n), speaker: "ada".into(), name: None,
/// #     track: "t".into(), begins: Duration::from_secs(begins), ends: Duration::from_secs(begins + 1), quality: Quality::Final,
/// #     covers: Default::default(), sentence_end: None, confidence: None, text: String::new(), words: vec![], engine: None, missing: Duration::ZERO, continues: false };
/// let mut order = Order::default();
/// order.put(caption(1, 12));
/// let earliest = Some((Duration::from_secs(10), UtteranceId(0)));
/// assert!(order.next(earliest).is_none(), "0 began earlier and goes on");
/// order.put(caption(0, 10));
/// assert_eq!(order.next(None).unwrap().utterance, UtteranceId(0));
/// assert_eq!(order.next(None).unwrap().utterance, UtteranceId(1));
/// ```
#[derive(Debug, Default)]
pub struct Order {
    waiting: BTreeMap<(Duration, UtteranceId), Caption>,
}

impl Order {
    /// Takes the last caption of an utterance.
    pub fn put(&mut self, caption: Caption) {
        self.waiting.insert((caption.begins, caption.utterance), caption);
    }

    /// The next caption, if `earliest`, the first of the utterances whose last caption is still to come, did not begin before
    /// it.
    pub fn next(&mut self, earliest: Option<(Duration, UtteranceId)>) -> Option<Caption> {
        let first = self.waiting.first_entry()?;
        match earliest.is_some_and(|open| open < *first.key()) {
            true => None,
            false => Some(first.remove()),
        }
    }
}
