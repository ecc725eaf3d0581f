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
/// order.begin(UtteranceId(0), Duration::from_secs(10));
/// order.begin(UtteranceId(1), Duration::from_secs(12));
/// order.end(caption(1, 12));
/// assert!(order.next().is_none(), "0 began earlier and goes on");
/// order.end(caption(0, 10));
/// assert_eq!(order.next().unwrap().utterance, UtteranceId(0));
/// assert_eq!(order.next().unwrap().utterance, UtteranceId(1));
/// ```
#[derive(Debug, Default)]
pub struct Order {
    /// When each began that goes on, and those moments in their order.
    open: BTreeMap<UtteranceId, Duration>,
    begun: BTreeSet<(Duration, UtteranceId)>,
    waiting: BTreeMap<(Duration, UtteranceId), Caption>,
}

impl Order {
    /// An utterance goes on that began at this time.
    pub fn begin(&mut self, id: UtteranceId, begins: Duration) {
        self.open.insert(id, begins);
        self.begun.insert((begins, id));
    }

    /// An utterance is over, with what was understood of it.
    pub fn end(&mut self, caption: Caption) {
        let id = caption.utterance;
        let begins = self.open.remove(&id).unwrap_or(caption.begins);
        self.begun.remove(&(begins, id));
        self.waiting.insert((begins, id), caption);
    }

    /// The next caption, if nothing that is known of can come before it any more.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Caption> {
        let first = self.waiting.first_key_value()?.0;
        match self.begun.first().is_some_and(|open| open < first) {
            true => None,
            false => self.waiting.pop_first().map(|(_, caption)| caption),
        }
    }
}
