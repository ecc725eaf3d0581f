//! The driver of one agent in one room: it owns the sockets, the timers and the rings' far ends, and runs none of the
//! agent's code. Its loop is the straight line: receive, deliver, fetch, send.

mod deadlines;
mod link;
mod outbox;
mod ready_set;
mod room;
mod shutdown;
mod sources;
mod subscribing;

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
    audio::{
        Hz,
        codec::{CodecError, Encoding},
    },
    event::{Event, PeerId, Place, RoomId, Roster},
    platform::JoinOptions,
    protocol::fishjam::wire::AgentRequest,
    session::{
        Counters, Cut, Ending, InboundAudio, Input, OutboundAudio, Refusal, Session, SessionEventKind, SessionLink,
        SessionOptions, SessionSummary, agent_failure,
    },
    stats::Latency,
};
use outbox::Outbox;
use ready_set::ReadySource;
use sources::{DriverEvent, EventSources};
use subscribing::Subscribing;

/// See the module's head.
pub(super) struct Driver {
    rest: Client,
    room: RoomId,
    peer: PeerId,
    url: String,
    begun: Instant,
    session: Session,
    socket: Option<Box<Socket>>,
    inbound: InboundAudio,
    outbound: Option<OutboundAudio>,
    roster: Roster,
    port: RoomPort,
    sources: EventSources,
    /// Tells the connection that is wanted from those that were given up.
    connection: u64,
    snapshot_under_way: bool,
    next_snapshot: Instant,
    /// Grows while snapshots explain nothing.
    snapshot_pause: Duration,
    /// The server socket tells what happens; while it does not, the room is looked at now and then.
    notifier_is_up: bool,
    notifier_was_down: bool,
    next_check: Instant,
    /// When something is due, apart from the voice and sound that is held.
    due: Instant,
    captures: HashMap<u64, oneshot::Sender<Result<Image, CaptureError>>>,
    next_capture: u64,
    link: SessionLink,
    /// Somebody wanted levels when that was looked at last.
    is_tapped: bool,
    /// The levels of the voice can be measured.
    speaks_pcm: bool,
    to_socket: Latency,
    reconnects: u64,
    subscribing: Subscribing,
    outbox: Outbox,
    /// The server has removed the agent's peer; when that is taken for the end, if nothing else says what ended.
    removed_at: Option<Instant>,
    /// When the server has surely played all that an agent that is done had said.
    heard_out_at: Option<Instant>,
    /// The agent has been told that the room is over.
    room_end_told: bool,
    /// When the voice may speak: its track is wired then.
    voice_opens: Instant,
    /// The server has said that the voice's track is wired.
    voice_is_wired: bool,
    /// When the last packet of the voice left.
    last_spoke: Option<Instant>,
    ended: Option<Ending>,
}

/// Work that has come to its end.
enum Done {
    Connected(u64, Result<Box<Socket>, Refusal>),
    Token(Result<String, RestError>),
    Snapshot(u64, Result<RestRoom, RestError>),
    Subscribed(PeerId, Result<(), RestError>),
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
        link: SessionLink,
        mut agent: Box<dyn Agent>,
    ) -> Result<Driver, CodecError> {
        let (room, peer) = (options.room.clone(), admission.peer.id.clone());
        let (mut agent_room, port) = room_link(room.clone(), peer.clone(), requirements);
        // One clock for both: what the agent sees and what its frames say.
        let now = port.begun();
        let outbound =
            session.voice.as_ref().map(|track| OutboundAudio::new(&port.voice, track, options.lead)).transpose()?;
        let speaks_pcm = session.voice.as_ref().is_some_and(|track| track.encoding() == Encoding::Pcm16);
        let url = rest.address().agent_socket(admission.peer_websocket_url.as_deref());
        let inbound = InboundAudio::new(requirements.hear, options.incoming, wire_rate).of(options.filter.clone());
        let agent = tokio::spawn(async move { agent.run(&mut agent_room).await }.in_current_span());
        Ok(Driver {
            url,
            session: Session::new(session, admission.token, now),
            inbound: inbound.live(requirements.most_behind).telling_pauses(requirements.pause_after),
            roster: Roster::new(peer.clone()),
            rest,
            room,
            peer,
            begun: now,
            socket: None,
            outbound,
            port,
            sources: EventSources::new(now, notifier, agent),
            connection: 0,
            snapshot_under_way: false,
            next_snapshot: now,
            snapshot_pause: SNAPSHOT_PAUSE,
            notifier_is_up: false,
            notifier_was_down: false,
            next_check: now,
            due: now,
            captures: HashMap::new(),
            next_capture: 0,
            link,
            is_tapped: false,
            speaks_pcm,
            to_socket: Latency::default(),
            reconnects: 0,
            subscribing: Subscribing::new(options),
            outbox: Outbox::default(),
            removed_at: None,
            heard_out_at: None,
            room_end_told: false,
            voice_opens: now,
            voice_is_wired: false,
            last_spoke: None,
            ended: None,
        })
    }

    pub(super) async fn run(mut self) -> SessionSummary {
        self.sources.leave_on(self.link.leave.clone());
        self.sources.drain_on(self.link.drain.clone());
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
                    Wake::Socket(SocketEvent::Message(bytes)) if self.try_deliver(&bytes) => {}
                    Wake::Voice => self.on_voice(Instant::now()),
                    Wake::DriverEvent(DriverEvent::Time) if self.is_voices_time(Instant::now()) => {}
                    Wake::Socket(event) => break DriverEvent::Socket(event),
                    Wake::DriverEvent(event) => break event,
                }
            };
            now = Instant::now();
            self.on_event(now, wake);
        }
    }

    /// The socket comes last: it may always have something, and must not hold up the rest.
    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        self.sources.ready.serve(cx.waker());
        if let Poll::Ready(event) = self.sources.poll(&mut self.port.requests) {
            return Poll::Ready(Wake::DriverEvent(event));
        }
        if self.port.voice.poll_work(cx).is_ready() {
            return Poll::Ready(Wake::Voice);
        }
        let Some(socket) = &mut self.socket else { return Poll::Pending };
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
            DriverEvent::Request(Request::Note(note)) => self.link.tell(SessionEventKind::Note(note)),
            DriverEvent::Drain(within) => self.tell_of_drain(within),
            DriverEvent::Socket(event) => self.on_socket(now, event),
            DriverEvent::Time => self.on_time(now),
            DriverEvent::Leave => self.session.handle_input(now, Input::Leave(Ending::Left)),
        }
    }

    /// The agent has said something.
    fn on_voice(&mut self, now: Instant) {
        self.speak(now);
        if let Some(delay) = self.port.voice.take_delay() {
            self.to_socket.note(delay);
        }
        if let Some(next) = self.next_of_voice(now) {
            self.sources.wake_by(next);
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
        if self.wants_snapshot() && now >= self.next_snapshot {
            self.ask_for_snapshot(now);
        }
        if self.removed_at.take_if(|at| now >= *at).is_some() {
            self.session.handle_input(now, Input::Leave(Ending::PeerRemoved));
            self.carry_out_all(now);
        }
        if self.sources.agent_is_done() && self.has_been_heard_out(now) {
            self.session.handle_input(now, Input::Leave(Ending::AgentDone));
            self.carry_out_all(now);
        }
    }

    fn carry_out_all(&mut self, now: Instant) {
        while let Some(output) = self.session.poll_output() {
            self.carry_out(now, output);
        }
    }

    /// Sends what the agent has to say and is due.
    fn speak(&mut self, now: Instant) {
        let Some(outbound) = &mut self.outbound else { return };
        let voice = &mut self.port.voice;
        // First of all: what the agent drops is dropped whether the link is up or not.
        let cut = outbound.take_interrupt(now, voice);
        let Some(track) = self.session.voice_track().filter(|_| now >= self.voice_opens) else { return };
        // A track that is not wired yet would not survive an interrupt.
        let wired = self.voice_is_wired || now > self.voice_opens + WIRED_FOR_SURE;
        if wired && cut == Some(Cut::ByServer) {
            self.outbox.send(self.socket.as_deref_mut(), &AgentRequest::interrupt(track));
        }
        let mut speaks = false;
        outbound.poll_packets(now, voice, |packet| {
            self.outbox.send_sound(self.socket.as_deref_mut(), track, packet);
            if self.speaks_pcm && self.is_tapped {
                self.link.monitor.measure(self.peer.as_str(), track.as_str(), packet);
            }
            speaks = true;
        });
        outbound.announce_end(now, voice);
        let begins = speaks && self.last_spoke.is_none_or(|last| now > last + SILENCE);
        if speaks {
            self.last_spoke = Some(now);
        }
        if cut.is_some() {
            self.link.tell(SessionEventKind::Interrupts);
        }
        if begins {
            self.link.tell(SessionEventKind::Speaks);
        }
    }

    /// Whether the room has heard all that the agent said. The server began to play a little after we sent, so it is
    /// given a little more than the pacer thinks it needs.
    fn has_been_heard_out(&mut self, now: Instant) -> bool {
        let Some(outbound) = &self.outbound else { return true };
        if !outbound.is_done(now, &self.port.voice) {
            self.heard_out_at = None;
            return false;
        }
        let spoke = self.last_spoke.is_some();
        now >= *self.heard_out_at.get_or_insert(if spoke { now + NETWORK } else { now })
    }

    fn on_agent(&mut self, now: Instant, result: Result<Result<(), AgentError>, TaskEnd>) {
        // What an agent that is done has said is still to be heard; `drive` looks for the end of it.
        let Some(failure) = agent_failure(result) else { return };
        self.session.handle_input(now, Input::Leave(Ending::AgentFailed(failure)));
    }

    fn tell(&mut self, event: impl Into<Event>) {
        let mut event = event.into();
        event.place.get_or_insert_with(|| Place::Room(self.room.clone()));
        self.link.tell(SessionEventKind::Room(event.clone()));
        let told = self.port.tell(event);
        self.give_up_if_unread(told);
    }

    fn tell_of_drain(&mut self, within: Duration) {
        self.link.tell(SessionEventKind::Draining { within });
        let told = self.port.drain(within);
        self.give_up_if_unread(told);
    }

    fn give_up_if_unread(&mut self, told: Result<(), Unread>) {
        if told.is_err() {
            self.give_up(Instant::now(), "it does not read what it is told".into());
        }
    }

    fn give_up(&mut self, now: Instant, why: String) {
        self.session.handle_input(now, Input::Leave(Ending::AgentStuck(why)));
    }

    fn counters(&self) -> Counters {
        Counters {
            inbound: self.inbound.counters(),
            outbound: self.outbound.as_ref().map(OutboundAudio::counters).unwrap_or_default(),
            depths: self.port.depths(),
            unsent_messages: self.outbox.unsent_messages(),
            reconnects: self.reconnects,
            to_agent: self.port.reached.counts(),
            to_socket: self.to_socket.counts(),
        }
    }
}

/// Who sent sound so short a while ago is in the room, whatever a list says.
const STILL_HEARD: Duration = Duration::from_secs(5);
/// How long the sockets have to say why the agent's peer was removed.
const FAREWELL: Duration = Duration::from_millis(300);
/// Within what time the agents of one process look into their rooms once the server socket is back.
const SPREAD: Duration = Duration::from_secs(1);
/// The longest time between two questions that explained nothing.
const LONGEST_SNAPSHOT_PAUSE: Duration = Duration::from_secs(10);
/// The shortest time between two questions for who is in the room.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);
/// How much later than we sent may a server begin to play.
const NETWORK: Duration = Duration::from_millis(200);
/// How long after that a track is wired for sure.
const WIRED_FOR_SURE: Duration = Duration::from_secs(3);
/// How long a socket may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a new track may take to be wired, unless the server says that it is: until then it drops sound.
const WIRING: Duration = Duration::from_millis(500);
/// After how long without a packet the voice counts as silent.
const SILENCE: Duration = Duration::from_secs(1);
/// How long the agent, and the server, may take over the end. With the session's second it makes two.
const GOODBYE: Duration = Duration::from_millis(900);
