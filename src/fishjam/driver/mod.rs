//! The driver of one agent in one room: it owns the sockets, the timers and the rings' far ends, and runs none of the
//! agent's code. Its loop is the straight line: receive, deliver, fetch, send.

mod acting;
mod deadlines;
mod link;
mod outbox;
mod ready_set;
mod room;
mod shutdown;
mod sources;
mod subscribing;
mod voice;

use std::{
    collections::HashMap,
    future::poll_fn,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::JoinError as TaskEnd};
use tracing::Instrument;

use super::{
    notifier::Notifier,
    rest::{
        Client, RestError,
        model::{Admission, Room as RestRoom},
    },
    socket::{Socket, SocketEvent},
};
use crate::{
    agent::{Agent, AgentError, AudioRequirements, CaptureError, Image, Request, RoomPort, Unread, room_link},
    audio::{Hz, codec::CodecError},
    event::{Event, PeerId, Place, RoomId},
    platform::JoinOptions,
    session::{
        Counters, Ending, InboundAudio, Input, Refusal, RoomWatch, Session, SessionEventKind, SessionLink,
        SessionOptions, SessionSummary, agent_failure,
    },
};
use link::{Heard, Link};
use ready_set::ReadySource;
use sources::{DriverEvent, EventSources};
use subscribing::Subscribing;
use voice::OutgoingVoice;

/// See the module's head.
pub(super) struct Driver {
    rest: Client,
    room: RoomId,
    peer: PeerId,
    begun: Instant,
    /// To the server.
    link: Link,
    /// On the room.
    watch: RoomWatch,
    /// From the room to the agent.
    inbound: InboundAudio,
    /// From the agent to the room.
    voice: OutgoingVoice,
    /// What sounds beside it.
    background: Option<Box<OutgoingVoice>>,
    /// To the agent.
    port: RoomPort,
    /// To whoever follows the session.
    observers: SessionLink,
    sources: EventSources,
    subscribing: Subscribing,
    captures: HashMap<u64, oneshot::Sender<Result<Image, CaptureError>>>,
    next_capture: u64,
    /// Somebody wanted levels when that was looked at last.
    is_tapped: bool,
    next_check: Instant,
    /// When something is due, apart from the voice and sound that is held.
    due: Instant,
    ended: Option<Ending>,
}

/// Work that has come to its end.
enum Done {
    Connected(u64, Result<Box<Socket>, Refusal>),
    Token(Result<String, RestError>),
    Snapshot(u64, Result<RestRoom, RestError>),
    Subscribed(PeerId, Result<(), RestError>),
    /// What the agent asked for was answered.
    Acted,
}

/// What the loop wakes up for.
enum Wake {
    Socket(SocketEvent),
    DriverEvent(DriverEvent),
    /// The agent has played something, or interrupted.
    Voice,
}

impl Driver {
    #[allow(clippy::too_many_arguments)] // Called once, by `join`, which has just made each of them.
    pub(super) fn new(
        rest: Client,
        options: &JoinOptions,
        session: SessionOptions,
        requirements: &AudioRequirements,
        wire_rate: Hz,
        admission: Admission,
        notifier: Notifier,
        observers: SessionLink,
        mut agent: Box<dyn Agent>,
    ) -> Result<Driver, CodecError> {
        let (room, peer) = (options.room.clone(), admission.peer.id.clone());
        let (mut agent_room, port) = room_link(room.clone(), peer.clone(), requirements);
        // One clock for both: what the agent sees and what its frames say.
        let now = port.begun();
        let voice = OutgoingVoice::new(&port.voice, session.voice.as_ref(), options.lead, now)?;
        let background = port.background.as_deref().zip(session.background.as_ref());
        let background =
            background.map(|(port, track)| OutgoingVoice::background(port, track, options.lead, now)).transpose()?;
        let url = rest.address().agent_socket(admission.peer_websocket_url.as_deref());
        let inbound = InboundAudio::new(requirements.hear, options.incoming, wire_rate).of(options.filter.clone());
        let agent = tokio::spawn(async move { agent.run(&mut agent_room).await }.in_current_span());
        Ok(Driver {
            link: Link::new(url, Session::new(session, admission.token, now)),
            watch: RoomWatch::new(peer.clone(), now),
            inbound: inbound.live(requirements.most_behind).telling_pauses(requirements.pause_after),
            voice,
            background: background.map(Box::new),
            rest,
            room,
            peer,
            begun: now,
            port,
            observers,
            sources: EventSources::new(now, notifier, agent),
            subscribing: Subscribing::new(options),
            captures: HashMap::new(),
            next_capture: 0,
            is_tapped: false,
            next_check: now,
            due: now,
            ended: None,
        })
    }

    pub(super) async fn run(mut self) -> SessionSummary {
        self.sources.leave_on(self.observers.leave.clone());
        self.sources.drain_on(self.observers.drain.clone());
        let mut now = Instant::now();
        loop {
            self.drive(now);
            if let Some(ending) = self.ended.take() {
                // Boxed: the task would have room for it all the time.
                return Box::pin(self.finish(ending)).await;
            }
            self.set_alarm(now);
            // Sound goes straight through: it touches nothing that it does not need.
            let wake = loop {
                match poll_fn(|cx| self.poll_wake(cx)).await {
                    Wake::Socket(SocketEvent::Message(bytes)) => match self.hear(&bytes) {
                        Heard::Passed => {}
                        Heard::First => break None,
                        Heard::NoSound => break Some(DriverEvent::Socket(SocketEvent::Message(bytes))),
                    },
                    Wake::Voice => self.on_voice(Instant::now()),
                    Wake::DriverEvent(DriverEvent::Time) if self.is_voices_time(Instant::now()) => {}
                    Wake::Socket(event) => break Some(DriverEvent::Socket(event)),
                    Wake::DriverEvent(event) => break Some(event),
                }
            };
            now = Instant::now();
            if let Some(event) = wake {
                self.on_event(now, event);
            }
        }
    }

    /// The socket comes last: it may always have something, and must not hold up the rest.
    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        self.sources.ready.serve(cx.waker());
        if let Poll::Ready(event) = self.sources.poll(&mut self.port.requests) {
            return Poll::Ready(Wake::DriverEvent(event));
        }
        if self.poll_voice(cx).is_ready() {
            return Poll::Ready(Wake::Voice);
        }
        let Some(socket) = &mut self.link.socket else { return Poll::Pending };
        if !socket.flush_now() {
            self.sources.ready.open(ReadySource::Socket);
        }
        self.sources.ready.poll(ReadySource::Socket, |cx| socket.poll(cx)).map(Wake::Socket)
    }

    fn on_event(&mut self, now: Instant, event: DriverEvent) {
        match event {
            DriverEvent::Work(done) => self.on_work(now, done),
            DriverEvent::Notifier(event) => self.on_notifier(now, event),
            DriverEvent::Agent(result) => self.on_agent(now, result),
            DriverEvent::Request(Request::Capture(capture)) => self.on_capture(now, capture),
            DriverEvent::Request(Request::Act(asked)) => self.on_action(asked),
            DriverEvent::Request(Request::Note(note)) => self.observers.tell(SessionEventKind::Note(note)),
            DriverEvent::Drain(within) => self.tell_of_drain(within),
            DriverEvent::Socket(event) => self.on_socket(now, event),
            DriverEvent::Time => self.on_time(now),
            DriverEvent::Leave => self.link.session.handle_input(now, Input::Leave(Ending::Left)),
        }
    }

    /// Does all that can be done at `now` without waiting.
    fn drive(&mut self, now: Instant) {
        self.port.flush();
        self.inbound.on_time(now - self.begun, &mut self.port);
        self.take_in_unannounced(now);
        // Before the voice: a track must be there before its first packet.
        self.carry_out_all(now);
        self.speak(now);
        self.look_into_room(now);
        self.end_where_due(now);
    }

    fn look_into_room(&mut self, now: Instant) {
        if let Some(asked) = self.watch.poll_ask(now) {
            self.ask_for_snapshot(asked);
        }
    }

    /// Ends the session whose peer was removed, or whose agent is done and was heard out.
    fn end_where_due(&mut self, now: Instant) {
        let is_done = self.sources.agent_is_done();
        let ending = if self.watch.poll_removed(now) {
            Ending::PeerRemoved
        } else if is_done && self.voice.has_been_heard_out(now, &self.port.voice) {
            Ending::AgentDone
        } else {
            return;
        };
        self.link.session.handle_input(now, Input::Leave(ending));
        self.carry_out_all(now);
    }

    fn carry_out_all(&mut self, now: Instant) {
        while let Some(output) = self.link.session.poll_output() {
            self.carry_out(now, output);
        }
    }

    fn on_agent(&mut self, now: Instant, result: Result<Result<(), AgentError>, TaskEnd>) {
        // What an agent that is done has said is still to be heard; `drive` looks for the end of it.
        let Some(failure) = agent_failure(result) else { return };
        self.link.session.handle_input(now, Input::Leave(Ending::AgentFailed(failure)));
    }

    fn tell(&mut self, event: impl Into<Event>) {
        let mut event = event.into().identified();
        event.place.get_or_insert_with(|| Place::Room(self.room.clone()));
        self.observers.tell(SessionEventKind::Room(event.clone()));
        let told = self.port.tell(event);
        self.give_up_if_unread(told);
    }

    fn tell_of_drain(&mut self, within: Duration) {
        self.observers.tell(SessionEventKind::Draining { within });
        let told = self.port.drain(within);
        self.give_up_if_unread(told);
    }

    fn give_up_if_unread(&mut self, told: Result<(), Unread>) {
        if told.is_err() {
            self.give_up(Instant::now(), "it does not read what it is told".into());
        }
    }

    fn give_up(&mut self, now: Instant, why: String) {
        self.link.session.handle_input(now, Input::Leave(Ending::AgentStuck(why)));
    }

    fn counters(&self) -> Counters {
        Counters {
            inbound: self.inbound.counters(),
            outbound: self.voice.counters(),
            background: self.background.as_ref().map(|background| background.counters()).unwrap_or_default(),
            depths: self.port.depths(),
            unsent_messages: self.link.outbox.unsent_messages(),
            reconnects: self.link.reconnects,
            to_agent: self.port.reached.counts(),
            to_socket: self.voice.to_socket.counts(),
        }
    }
}

/// Who sent sound so short a while ago is in the room, whatever a list says.
const STILL_HEARD: Duration = Duration::from_secs(5);
/// How long the agent, and the server, may take over the end. With the session's second it makes two.
const GOODBYE: Duration = Duration::from_millis(900);
