//! What has been said in a conversation, by whom, and what of it was heard.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::event::PeerId;

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The agent itself.
    Agent,
    /// A person, to the agent.
    Person(PeerId),
    /// A person, to somebody else.
    Bystander(PeerId),
}

/// Something that was said.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// By whom.
    pub role: Role,
    /// What they are called, where the room knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The words: of the agent's those that were heard.
    pub text: String,
    /// When it began, on the clock of the agent's frames.
    #[serde(rename = "begin_s", with = "crate::event::seconds")]
    pub begins: Duration,
    /// How sure that is.
    pub heard: Heard,
}

/// How sure it is that an entry is what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// All of it.
    Whole,
    /// An engine failed; this is what had been understood before.
    StoodIn,
    /// The agent was interrupted; these are the words that were heard.
    Cut,
    /// The same, where the engine does not tell when it says which word.
    CutAbout,
}

/// The entries of one conversation, the oldest first; of more than it holds the oldest go.
#[derive(Debug, Clone, Default)]
pub struct Context {
    entries: VecDeque<Entry>,
}

impl Context {
    /// Adds what was said last.
    pub fn push(&mut self, entry: Entry) {
        if self.entries.len() == MOST_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Takes back what this person said to the agent last.
    pub fn take_back(&mut self, peer: &PeerId) -> Option<Entry> {
        let is_theirs = |entry: &Entry| matches!(&entry.role, Role::Person(who) if who == peer);
        let at = self.entries.iter().rposition(is_theirs)?;
        self.entries.remove(at)
    }

    /// All entries.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// A copy for whoever prepares a reply.
    pub fn view(&self) -> Arc<[Entry]> {
        self.entries.iter().cloned().collect()
    }
}

impl Entry {
    /// What whoever said it is called: a name, or an id.
    pub fn who(&self) -> &str {
        match (&self.role, &self.name) {
            (Role::Agent, _) => "agent",
            (_, Some(name)) => name,
            (Role::Person(peer) | Role::Bystander(peer), None) => peer.as_str(),
        }
    }
}

impl fmt::Debug for Entry {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?}, {} bytes, {:?})", self.role, self.text.len(), self.heard)
    }
}

/// An hour of talk.
const MOST_ENTRIES: usize = 1_000;
