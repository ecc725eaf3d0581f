//! Sessions on platforms without sound, or whose sound is out of reach: the agent follows its room.

use futures_util::{StreamExt, future::BoxFuture};
use tokio::{task::JoinHandle, time::timeout};
use tracing::Instrument;

use super::{Watch, WatchEvent};
use crate::{
    agent::{Agent, AgentError, Request, RoomPort, Unread, room_link},
    event::{End, Event, EventKind, LinkEvent, PeerEvent, PeerId, Place, Plane, RoomEvent, RoomId, Roster, Snapshot},
    session::{
        Counters, Ending, PendingSession, SessionEventKind, SessionHandle, SessionLink, SessionSummary, agent_failure,
    },
};

/// Runs an agent that is `peer` in `room`: what `watch` tells of that room reaches it in the order that every agent can rely
/// on, beginning with those who are there by `present`. What it says goes nowhere. It ends as every session does: when the
/// agent returns, the room closes, the peer is removed, or it is told to leave; `depart` then takes the peer out of the room,
/// and says whether it is gone.
pub fn follow(
    mut agent: Box<dyn Agent>,
    (room, peer): (RoomId, PeerId),
    present: Snapshot,
    watch: Watch,
    depart: BoxFuture<'static, bool>,
) -> SessionHandle {
    let (pending, link) = PendingSession::new(room.clone(), peer.clone(), None);
    let (mut agent_room, port) = room_link(room.clone(), peer.clone(), &agent.requirements());
    let span = tracing::info_span!("agent", %room, %peer);
    let running = async move { agent.run(&mut agent_room).await };
    let agent = tokio::spawn(running.instrument(span.clone()));
    let follower = Follower { roster: Roster::new(peer.clone()), room, peer, port, link, agent_has_ended: false };
    pending.spawn(follower.run(agent, present, watch, depart).instrument(span))
}

struct Follower {
    room: RoomId,
    peer: PeerId,
    roster: Roster,
    port: RoomPort,
    link: SessionLink,
    agent_has_ended: bool,
}

type AgentTask = JoinHandle<Result<(), AgentError>>;

impl Follower {
    async fn run(
        mut self,
        mut agent: AgentTask,
        present: Snapshot,
        watch: Watch,
        depart: BoxFuture<'static, bool>,
    ) -> SessionSummary {
        self.link.tell_joined();
        let asked = self.roster.begin_snapshot();
        let there = self.roster.reconcile(asked, present);
        let ending = match self.tell_all(there) {
            Ok(()) => self.until_the_end(&mut agent, watch).await,
            Err(stuck) => stuck,
        };
        self.finish(agent, ending, depart).await
    }

    async fn until_the_end(&mut self, agent: &mut AgentTask, mut watch: Watch) -> Ending {
        let (leave, mut drain) = (self.link.leave.clone(), self.link.drain.clone());
        let mut is_told = true;
        loop {
            let told = tokio::select! {
                () = leave.cancelled() => return Ending::Left,
                end = &mut *agent => {
                    self.agent_has_ended = true;
                    return agent_failure(end).map_or(Ending::AgentDone, Ending::AgentFailed);
                }
                Ok(()) = drain.changed() => self.on_drain(*drain.borrow_and_update()),
                Some(request) = self.port.requests.recv() => self.on_request(request),
                said = watch.next(), if is_told => match said {
                    Some(said) => self.on_watch(said),
                    None => {
                        is_told = false;
                        Ok(())
                    }
                },
            };
            if let Err(ending) = told {
                return ending;
            }
        }
    }

    fn on_drain(&mut self, within: Option<std::time::Duration>) -> Result<(), Ending> {
        let Some(within) = within else { return Ok(()) };
        self.link.tell(SessionEventKind::Draining { within });
        self.port.drain(within).map_err(stuck)
    }

    fn on_request(&mut self, request: Request) -> Result<(), Ending> {
        // A picture is refused by being dropped.
        if let Request::Note(note) = request {
            self.link.tell(SessionEventKind::Note(note));
        }
        Ok(())
    }

    fn on_watch(&mut self, said: WatchEvent) -> Result<(), Ending> {
        let (plane, me) = (Plane::Signal, Some(self.peer.clone()));
        match said {
            WatchEvent::Up => self.tell(Event::local(LinkEvent::Up { plane, me, after: None })),
            WatchEvent::Down { reason } | WatchEvent::Refused { reason } => {
                self.tell(Event::local(LinkEvent::Down { plane, reason: Some(reason) }))
            }
            WatchEvent::Event(event) if event.room() == Some(&self.room) => self.on_event(&event),
            // Those who are there are known from the beginning, and what happens is not lost on the way.
            WatchEvent::Event(_) | WatchEvent::Listing | WatchEvent::Listed(_) => Ok(()),
        }
    }

    fn on_event(&mut self, said: &Event) -> Result<(), Ending> {
        match &said.kind {
            EventKind::Room(RoomEvent::Opened { .. }) => return Ok(()),
            EventKind::Room(RoomEvent::Closed { end }) => {
                self.tell(said.clone())?;
                return Err(Ending::RoomEnded { crashed: matches!(end, End::Failed { .. }) });
            }
            EventKind::Peer(PeerEvent::Removed { peer }) if peer.id == self.peer => return Err(Ending::PeerRemoved),
            _ => {}
        }
        let events = self.roster.apply(said);
        self.tell_all(events)
    }

    fn tell_all(&mut self, events: Vec<Event>) -> Result<(), Ending> {
        events.into_iter().try_for_each(|event| self.tell(event))
    }

    fn tell(&mut self, mut event: Event) -> Result<(), Ending> {
        event.place.get_or_insert_with(|| Place::Room(self.room.clone()));
        self.link.tell(SessionEventKind::Room(event.clone()));
        self.port.tell(event).map_err(stuck)
    }

    /// Lets the agent return, takes its peer out of the room, and says how it was.
    async fn finish(
        mut self,
        mut agent: AgentTask,
        ending: Ending,
        depart: BoxFuture<'static, bool>,
    ) -> SessionSummary {
        self.port.end();
        let (is_gone, agent_error) = tokio::join!(timeout(GOODBYE, depart), async {
            if self.agent_has_ended {
                return None;
            }
            match timeout(GOODBYE, &mut agent).await {
                Ok(end) => agent_failure(end),
                Err(_) => {
                    tracing::warn!("the agent did not return in time and was ended");
                    agent.abort();
                    None
                }
            }
        });
        while let Ok(request) = self.port.requests.try_recv() {
            self.on_request(request).ok();
        }
        self.link.tell(SessionEventKind::Ended(ending.to_string()));
        let counters = Counters { depths: self.port.depths(), ..Counters::default() };
        self.link.monitor.publish(counters);
        SessionSummary {
            ending,
            agent_error,
            stayed: self.link.begun.elapsed(),
            counters,
            leaves_peer: !is_gone.unwrap_or(false),
            unread_events: self.link.unread_events(),
        }
    }
}

fn stuck(_: Unread) -> Ending {
    Ending::AgentStuck("it does not read what it is told".into())
}

/// How long the agent may take to return, and the platform to let its peer go.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(1);
