//! Sessions on platforms without sound, or whose sound is out of reach: the agent follows its room.

use std::time::Duration;

use futures_util::{StreamExt, future::BoxFuture};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::Instrument;

use super::{Watch, WatchEvent};
use crate::{
    agent::{
        Action, ActionError, Agent, AgentError, AudioRequirements, PendingAction, Request, RoomPort, Unread, room_link,
    },
    event::{End, Event, EventKind, LinkEvent, PeerEvent, PeerId, Place, Plane, RoomEvent, RoomId, Roster, Snapshot},
    session::{
        Counters, Ending, PendingSession, SessionEventKind, SessionHandle, SessionLink, SessionSummary, agent_failure,
        end_agent,
    },
};

/// What a session without sound is given of its platform.
pub struct Follow {
    /// The room.
    pub room: RoomId,
    /// The agent's peer.
    pub peer: PeerId,
    /// What is told of the rooms; begun before the first look at this one, so that nothing falls between.
    pub watch: Watch,
    /// Looks who is in the room: at the beginning, and whenever something may have been missed. `None` where that cannot be
    /// told now.
    pub look: Box<dyn Fn() -> BoxFuture<'static, Option<Snapshot>> + Send>,
    /// Does what the agent asks for beside speaking; `None` where the platform has nothing of that.
    pub act: Option<Act>,
    /// Takes the peer out of the room, and says whether it is gone.
    pub depart: BoxFuture<'static, bool>,
}

/// Does something on the platform for an agent.
pub type Act = Box<dyn Fn(Action) -> BoxFuture<'static, Result<(), ActionError>> + Send>;

/// Runs an agent that follows its room and wants this of it: what is told reaches the agent in the order that every agent can
/// rely on, beginning with those who are there. What it says goes nowhere. It ends as every session does: when the agent
/// returns, the room closes, the peer is removed, or it is told to leave.
pub fn follow(mut agent: Box<dyn Agent>, wants: &AudioRequirements, given: Follow) -> SessionHandle {
    let Follow { room, peer, watch, look, act, depart } = given;
    let (pending, link) = PendingSession::new(room.clone(), peer.clone(), None);
    // What it says goes nowhere, and nothing is to sound beside it.
    let wants = AudioRequirements { background_rate: None, ..wants.clone() };
    let (mut agent_room, port) = room_link(room.clone(), peer.clone(), &wants);
    let span = tracing::info_span!("agent", %room, %peer);
    let running = async move { agent.run(&mut agent_room).await };
    let agent = tokio::spawn(running.instrument(span.clone()));
    let roster = Roster::new(peer.clone());
    let follower =
        Follower { roster, room, peer, port, link, look, act, missed: true, is_down: false, agent_has_ended: false };
    pending.spawn(follower.run(agent, watch, depart).instrument(span))
}

struct Follower {
    room: RoomId,
    peer: PeerId,
    roster: Roster,
    port: RoomPort,
    link: SessionLink,
    look: Box<dyn Fn() -> BoxFuture<'static, Option<Snapshot>> + Send>,
    act: Option<Act>,
    /// Something may have been missed since the last look.
    missed: bool,
    is_down: bool,
    agent_has_ended: bool,
}

type AgentTask = JoinHandle<Result<(), AgentError>>;

impl Follower {
    async fn run(mut self, mut agent: AgentTask, watch: Watch, depart: BoxFuture<'static, bool>) -> SessionSummary {
        self.link.tell_joined();
        let ending = match self.look_again().await {
            Ok(()) => self.until_the_end(&mut agent, watch).await,
            Err(stuck) => stuck,
        };
        self.finish(agent, ending, depart).await
    }

    /// Looks who is there, where something may have been missed. What cannot be told now is looked for again later.
    async fn look_again(&mut self) -> Result<(), Ending> {
        if !self.missed {
            return Ok(());
        }
        let asked = self.roster.begin_snapshot();
        match timeout(LOOK, (self.look)()).await {
            Ok(Some(present)) => {
                self.missed = false;
                let events = self.roster.reconcile(asked, present);
                self.tell_all(events)
            }
            Ok(None) | Err(_) => {
                self.roster.on_snapshot_dropped();
                Ok(())
            }
        }
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
                        self.on_watch(WatchEvent::Refused { reason: "nothing more is told".into() })
                    }
                },
                // Also where nothing is told any more: what is missed is found by looking.
                () = sleep(LOOK), if self.missed => Ok(()),
            };
            let told = match told {
                Ok(()) => self.look_again().await,
                Err(ending) => Err(ending),
            };
            if let Err(ending) = told {
                return ending;
            }
        }
    }

    fn on_drain(&mut self, within: Option<Duration>) -> Result<(), Ending> {
        let Some(within) = within else { return Ok(()) };
        self.link.tell(SessionEventKind::Draining { within });
        self.port.drain(within).map_err(stuck)
    }

    fn on_request(&mut self, request: Request) -> Result<(), Ending> {
        match request {
            Request::Note(note) => self.link.tell(SessionEventKind::Note(note)),
            Request::Act(asked) => self.on_action(asked),
            // Refused by being dropped.
            Request::Capture(_) => {}
        }
        Ok(())
    }

    fn on_action(&self, asked: PendingAction) {
        let PendingAction { action, reply } = asked;
        let Some(act) = &self.act else {
            reply.send(Err(ActionError::unsupported(&action, "this platform"))).ok();
            return;
        };
        let doing = act(action);
        // The session goes on meanwhile; whoever asked waits with a limit, and may have given up.
        tokio::spawn(async move { reply.send(doing.await).ok() });
    }

    fn on_watch(&mut self, said: WatchEvent) -> Result<(), Ending> {
        let (plane, me) = (Plane::Signal, Some(self.peer.clone()));
        match said {
            WatchEvent::Up if std::mem::take(&mut self.is_down) => {
                self.tell(Event::local(LinkEvent::Up { plane, me, after: None }))
            }
            // It is what an agent takes for granted.
            WatchEvent::Up => Ok(()),
            WatchEvent::Down { reason } | WatchEvent::Refused { reason } => {
                (self.missed, self.is_down) = (true, true);
                self.tell(Event::local(LinkEvent::Down { plane, reason: Some(reason) }))
            }
            WatchEvent::Event(event) if event.room() == Some(&self.room) => self.on_event(&event),
            WatchEvent::Event(_) | WatchEvent::Listing | WatchEvent::Listed(_) | WatchEvent::ListFailed => Ok(()),
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
        if matches!(said.kind, EventKind::Room(RoomEvent::Entered { roster: Some(_), .. } | RoomEvent::Roster { .. })) {
            self.missed = false;
        }
        let events = self.roster.apply(said);
        self.tell_all(events)
    }

    fn tell_all(&mut self, events: Vec<Event>) -> Result<(), Ending> {
        events.into_iter().try_for_each(|event| self.tell(event))
    }

    fn tell(&mut self, event: Event) -> Result<(), Ending> {
        let mut event = event.identified();
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
            match self.agent_has_ended {
                true => None,
                false => end_agent(&mut agent, GOODBYE).await,
            }
        });
        while let Ok(request) = self.port.requests.try_recv() {
            self.on_request(request).ok();
        }
        self.link.tell(SessionEventKind::Ended(ending.to_string()));
        let counters = Counters { depths: self.port.depths(), ..Counters::default() };
        self.link.sum_up(ending, agent_error, counters, !is_gone.unwrap_or(false))
    }
}

fn stuck(_: Unread) -> Ending {
    Ending::AgentStuck("it does not read what it is told".into())
}

/// How long the agent may take to return, and the platform to let its peer go.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long a look may take, and how long until the next one where it told nothing.
const LOOK: Duration = Duration::from_secs(10);
