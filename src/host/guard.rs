//! An agent under its host's eyes.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::{runtime::Handle, task::block_in_place};

use super::{reconciler::Key, watchdog::Watchdog};
use crate::agent::{Agent, AgentError, AudioRequirements, Room};

/// Passes on what the agent does; the watchdog sees when it computes, unless it has a thread of its own.
pub(super) struct Guarded {
    pub(super) agent: Box<dyn Agent>,
    pub(super) id: u64,
    pub(super) key: Key,
    pub(super) own_thread: bool,
    pub(super) watchdog: Arc<Watchdog>,
}

#[async_trait]
impl Agent for Guarded {
    fn requirements(&self) -> AudioRequirements {
        self.agent.requirements()
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        match self.own_thread {
            // The runtime gives this thread's other work to another one.
            true => block_in_place(|| Handle::current().block_on(self.agent.run(room))),
            false => self.watchdog.watch(self.id, self.key.clone(), self.agent.run(room)).await,
        }
    }
}
