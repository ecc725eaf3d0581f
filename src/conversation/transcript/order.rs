//! Several people's captions in one order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Caption;
use crate::conversation::listening::UtteranceId;

/// Gives captions in the order in which the speech began, ties by number, whatever the order in which engines answer. A
/// caption waits until nothing that began before it is open any more.
///
/// ```
/// # use std::time::Duration;
/// # use roomtone::conversation::{listening::UtteranceId, transcript::{Caption, Order, Quality}};
/// # let caption = |n: u64, begins: u64| Caption { utterance: UtteranceId(n), speaker: "ada".into(), name: None,
/// #     track: "t".into(), begins: Duration::from_secs(begins), ends: Duration::from_secs(begins + 1), quality: Quality::Final,
/// #     text: String::new(), words: vec![], engine: None, missing: Duration::ZERO, continues: false };
/// let mut order = Order::default();
/// order.begin(UtteranceId(0));
/// order.begin(UtteranceId(1));
/// order.end(caption(1, 12));
/// assert!(order.next().is_none(), "0 began earlier and goes on");
/// order.end(caption(0, 10));
/// assert_eq!(order.next().unwrap().utterance, UtteranceId(0));
/// assert_eq!(order.next().unwrap().utterance, UtteranceId(1));
/// ```
#[derive(Debug, Default)]
pub struct Order {
    open: BTreeSet<UtteranceId>,
    waiting: BTreeMap<(UtteranceId, Duration), Caption>,
}

impl Order {
    /// An utterance began.
    pub fn begin(&mut self, id: UtteranceId) {
        self.open.insert(id);
    }

    /// An utterance is over, with what was understood of it.
    pub fn end(&mut self, caption: Caption) {
        self.open.remove(&caption.utterance);
        self.waiting.insert((caption.utterance, caption.begins), caption);
    }

    /// The next caption, if nothing can come before it any more.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Caption> {
        let (id, _) = self.waiting.first_key_value()?.0;
        match self.open.first().is_some_and(|open| open < id) {
            true => None,
            false => self.waiting.pop_first().map(|(_, caption)| caption),
        }
    }
}
