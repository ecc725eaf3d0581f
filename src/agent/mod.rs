//! Agents: what they are, what they are told, what they can do.
//!
//! The life of an agent:
//!
//! 1. It is made from its options, by a line in a [`Registry`] or by hand.
//! 2. [`Agent::requirements`] says what it wants to hear and at which rate it speaks.
//! 3. [`Agent::run`] is called once in the room, in a task of the agent's own. It loops over [`Room::next`], which
//!    gives sound and events in one order: a peer joins before its first frame and leaves after its last.
//! 4. It ends when `next` gives `None` (left, told to leave, room deleted), or earlier if it returns. Either way the
//!    agent then leaves the room.
//!
//! An agent may sleep, wait for its own sockets in a `select!`, or panic: the speech it has queued still plays, and no
//! other room notices. What it does not fetch in time is lost, counted, and shows as an [`Input::Gap`].
//!
//! ```
//! use async_trait::async_trait;
//! use roomtone::agent::{Agent, AgentError, Input, Room};
//!
//! struct Echo;
//!
//! #[async_trait]
//! impl Agent for Echo {
//!     async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
//!         while let Some(input) = room.next().await {
//!             if let Input::Audio(frame) = input {
//!                 room.voice.play(frame.samples());
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//! ```

mod action;
mod blocks;
mod camera;
mod frame;
mod inbox;
mod notes;
mod port;
mod registry;
mod room;
pub mod testing;
mod updates;
mod voice;

use std::time::Duration;

use async_trait::async_trait;

pub(crate) use action::PendingAction;
pub use action::{Action, ActionError, Actions};
pub use blocks::{Block, Blocks};
pub(crate) use camera::Capture;
pub use camera::{Camera, CaptureError, Image};
pub use frame::{AudioFrame, Gap, Pause, Source};
pub use inbox::{Inbox, Input};
pub(crate) use notes::Request;
pub use notes::{Note, Notes};
pub use port::Depths;
pub(crate) use port::{RoomPort, TrackPort, Unread, room_link};
pub use registry::{Builtin, Limit, Maker, OptionsError, Registry, options};
pub use room::{Peers, Room};
pub use voice::Voice;
pub(crate) use voice::VoicePort;

use crate::audio::Hz;

/// Something that lives in a room: hears, speaks, follows what happens.
#[async_trait]
pub trait Agent: Send {
    /// What the agent wants to hear and how it speaks. PendingAction once, before it joins.
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements::default()
    }

    /// The agent's whole life in one room. Called once, in a task of its own. It may wait, allocate and compute; what
    /// takes longer than a block of sound only costs the agent itself. When it returns, the agent leaves.
    ///
    /// # Errors
    /// Whatever the agent cannot go on from. The session ends with it, and its text is logged.
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError>;
}

/// Why an agent gave up. Any error fits, so `?` works on all of them.
pub type AgentError = Box<dyn std::error::Error + Send + Sync>;

/// What an agent wants of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioRequirements {
    /// Whose sound it gets. Events come of everyone.
    pub hear: Hear,
    /// The rate of the frames it gets. 16 and 24 kHz cost no resampling.
    pub hear_rate: Hz,
    /// How much silence stands in for missing sound at most, right behind the [`Input::Gap`] that tells of it: a
    /// transcriber's clock then runs on. Zero for none; the index jumps over what is not filled.
    pub fill_gaps: Duration,
    /// How far behind the present what it hears may be: sound that a stall held up for longer is left out, the oldest
    /// first, and the rest is caught up with at a pause, as [`Input::Gap`]s. `None` for an agent that wants all of it,
    /// however late: one that records or writes down.
    pub most_behind: Option<Duration>,
    /// After how long without sound of somebody the agent is told so, by an [`Input::Pause`], at the clock's word and not
    /// when the next frame comes: what waits for the end of an utterance cannot wait for the next one. `None` for agents
    /// that need not know. Less than 60 ms would take a network's jitter for a pause.
    pub pause_after: Option<Duration>,
    /// The rate of the samples it plays; `None` for an agent that never speaks and needs no track.
    pub speak_rate: Option<Hz>,
    /// The rate of what sounds beside its voice, on a track of its own: music, an office, keys while it thinks. It is paced
    /// like the voice, goes on when that is interrupted, and ends when the agent returns. `None` for an agent that needs no such
    /// track.
    pub background_rate: Option<Hz>,
}

impl AudioRequirements {
    /// A rate among them that no sound has: below 8 kHz, or above 192 kHz.
    pub fn senseless_rate(&self) -> Option<Hz> {
        let rates = [Some(self.hear_rate), self.speak_rate, self.background_rate];
        rates.into_iter().flatten().find(|rate| !(8_000..=192_000).contains(&rate.0))
    }
}

impl Default for AudioRequirements {
    /// People, at 16 kHz, gaps left open, a second behind the present at the most; a voice at 16 kHz.
    fn default() -> AudioRequirements {
        AudioRequirements {
            hear: Hear::People,
            hear_rate: Hz::K16,
            fill_gaps: Duration::ZERO,
            most_behind: Some(Duration::from_secs(1)),
            pause_after: None,
            speak_rate: Some(Hz::K16),
            background_rate: None,
        }
    }
}

/// Whose sound an agent gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hear {
    /// Everyone but programs (other agents, Vapi's voice bots), so that two of them cannot talk each other into a loop.
    #[default]
    People,
    /// Everyone, programs too.
    Everyone,
}

/// The README's example, held to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
