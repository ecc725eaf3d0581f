//! What the agent does in its room beside speaking: a Fishjam has REST calls for some of it.

use tracing::Instrument;

use super::{Done, Driver};
use crate::agent::{Action, ActionError, PendingAction};

impl Driver {
    pub(super) fn on_action(&mut self, asked: PendingAction) {
        let PendingAction { action, reply } = asked;
        let (rest, room, me) = (self.rest.clone(), self.room.clone(), self.peer.clone());
        let act = async move {
            let called = match &action {
                Action::Remove { peer } => rest.delete_peer(&room, peer).await,
                Action::Subscribe { peer } => rest.subscribe_peer(&room, &me, peer).await,
                other => {
                    reply.send(Err(ActionError::unsupported(other, "a Fishjam"))).ok();
                    return Done::Acted;
                }
            };
            // Whoever asked may have given up.
            reply.send(called.map_err(|error| ActionError::refused(&action, error.to_string()))).ok();
            Done::Acted
        };
        self.sources.spawn(act.in_current_span());
    }
}
