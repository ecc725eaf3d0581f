//! The driver of an agent at a console: blocks of the microphone go to the agent, packets of its voice to the speaker.

use std::{
    future::poll_fn,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{self, sleep_until, timeout},
};
use tracing::Instrument;

use super::sound::{Order, Wires};
use crate::{
    agent::{Agent, AgentError, AudioRequirements, Request, RoomPort, Unread, room_link},
    audio::{
        Hz,
        codec::{CodecError, Encoding},
        pcm16, scratch,
    },
    event::{ChatEvent, Event, Peer, PeerEvent, PeerId, PeerKind, Place, RoomId, Roster, Track, TrackEvent, TrackKind},
    session::{
        Counters, Ending, InboundAudio, OutboundAudio, PendingSession, SessionEventKind, SessionLink, SessionSummary,
        agent_failure, end_agent,
    },
    signal::{IncomingSound, PublishedTrack},
};

/// See the module's head.
pub(super) struct Driver {
    room: RoomId,
    person: PeerId,
    begun: Instant,
    port: RoomPort,
    roster: Roster,
    inbound: InboundAudio,
    outbound: Option<OutboundAudio>,
    orders: mpsc::Sender<Order>,
    heard: mpsc::Receiver<Vec<i16>>,
    typed: Typed,
    lines_typed: u64,
    observers: SessionLink,
    agent: Option<JoinHandle<Result<(), AgentError>>>,
    last_spoke: Option<Instant>,
    next_report: Instant,
}

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) room: RoomId,
    pub(super) me: PeerId,
    pub(super) wants: AudioRequirements,
    pub(super) voice: Option<PublishedTrack>,
    /// The rate at which the microphone's blocks come.
    pub(super) rate: Hz,
    pub(super) lead: Duration,
    pub(super) observers: SessionLink,
}

/// What it hears by, and what it speaks and is told through.
pub(super) struct Ends {
    pub(super) wires: Wires,
    pub(super) typed: Typed,
}

/// What comes from the keyboard.
pub(super) struct Typed {
    pub(super) lines: mpsc::Receiver<String>,
    /// Changes when the agent is to fall silent.
    pub(super) interrupts: watch::Receiver<u64>,
}

/// What the loop wakes up for.
enum Wake {
    Heard(Option<Vec<i16>>),
    Typed(String),
    Silence,
    Voice,
    Request(Request),
    Agent(Ending),
    Drain(Option<Duration>),
    Leave,
    Time,
}

impl Parts {
    /// Those of a session of an agent that wants this, and what is held of it from outside.
    pub(super) fn new(wants: AudioRequirements, lead: Duration) -> (Parts, PendingSession) {
        // One speaker plays one voice.
        let wants = AudioRequirements { background_rate: None, ..wants };
        let voice = wants.speak_rate.map(PublishedTrack::for_voice);
        let rate = if wants.hear_rate == Hz::K16 { Hz::K16 } else { Hz::K48 };
        let (room, me) = (RoomId::from(super::ROOM), PeerId::from(AGENT));
        let (pending, observers) = PendingSession::new(room.clone(), me.clone(), voice.clone());
        (Parts { room, me, wants, voice, rate, lead, observers }, pending)
    }

    /// The rate of what is to be heard of it.
    pub(super) fn voice_rate(&self) -> Hz {
        self.voice.as_ref().map_or(Hz::K16, PublishedTrack::rate)
    }

    pub(super) fn span(&self) -> tracing::Span {
        tracing::info_span!("agent", room = %self.room, peer = %self.me)
    }
}

impl Driver {
    pub(super) fn new(parts: Parts, ends: Ends, mut agent: Box<dyn Agent>) -> Result<Driver, CodecError> {
        let Parts { room, me, wants, voice, rate, lead, observers } = parts;
        let Ends { wires, typed } = ends;
        let (mut agent_room, port) = room_link(room.clone(), me.clone(), &wants);
        let begun = port.begun();
        let outbound = voice.as_ref().map(|track| OutboundAudio::new(&port.voice, track, lead)).transpose()?;
        // The speaker swings out by itself.
        let outbound = outbound.map(OutboundAudio::without_fades);
        let inbound = InboundAudio::new(wants.hear, Encoding::Pcm16, rate)
            .live(wants.most_behind)
            .telling_pauses(wants.pause_after);
        let agent = tokio::spawn(async move { agent.run(&mut agent_room).await }.in_current_span());
        Ok(Driver {
            roster: Roster::new(me),
            room,
            person: super::PERSON.into(),
            begun,
            port,
            inbound,
            outbound,
            orders: wires.orders,
            heard: wires.heard,
            typed,
            lines_typed: 0,
            observers,
            agent: Some(agent),
            last_spoke: None,
            next_report: begun,
        })
    }

    pub(super) async fn run(mut self) -> SessionSummary {
        self.observers.tell_joined();
        let mut told = self.welcome();
        loop {
            let now = clock();
            if let Err(stuck) = told {
                return self.finish(stuck).await;
            }
            self.inbound.on_time(now - self.begun, &mut self.port);
            self.port.flush();
            self.speak(now);
            self.report(now);
            if self.agent.is_none() && self.outbound.as_ref().is_none_or(|voice| voice.is_done(now, &self.port.voice)) {
                return self.finish(Ending::AgentDone).await;
            }
            told = match self.wait(now).await {
                Wake::Heard(Some(block)) => self.hear(clock(), &block),
                Wake::Heard(None) => return self.finish(Ending::RoomEnded { crashed: true }).await,
                Wake::Typed(line) => self.on_typed(line),
                Wake::Silence => self.on_silence(),
                Wake::Request(request) => {
                    self.on_request(request);
                    Ok(())
                }
                Wake::Agent(Ending::AgentDone) => Ok(()),
                Wake::Agent(failure) => Err(failure),
                Wake::Drain(within) => self.on_drain(within),
                Wake::Leave => return self.finish(Ending::Left).await,
                Wake::Voice | Wake::Time => Ok(()),
            };
        }
    }

    /// The one person is there from the beginning.
    fn welcome(&mut self) -> Result<(), Ending> {
        let person = Peer::new(self.person.clone(), PeerKind::Person);
        self.tell(PeerEvent::Joined { peer: person, state: None })?;
        let track = Track::new(MICROPHONE.into(), TrackKind::Audio);
        self.tell(TrackEvent::added(&self.person.clone(), track))
    }

    async fn wait(&mut self, now: Instant) -> Wake {
        let due = self.next_due(now);
        let (leave, drain) = (&self.observers.leave, &mut self.observers.drain);
        let (voice, requests) = (&mut self.port.voice, &mut self.port.requests);
        tokio::select! {
            biased;
            () = leave.cancelled() => Wake::Leave,
            ended = async { match &mut self.agent {
                Some(agent) => agent.await,
                None => std::future::pending().await,
            } } => {
                self.agent = None;
                Wake::Agent(agent_failure(ended).map_or(Ending::AgentDone, Ending::AgentFailed))
            }
            Ok(()) = drain.changed() => Wake::Drain(*drain.borrow_and_update()),
            Some(request) = requests.recv() => Wake::Request(request),
            Some(line) = self.typed.lines.recv() => Wake::Typed(line),
            Ok(()) = self.typed.interrupts.changed() => Wake::Silence,
            () = poll_fn(|cx| voice.poll_work(cx)) => Wake::Voice,
            block = self.heard.recv() => Wake::Heard(block),
            () = sleep_until(due.into()) => Wake::Time,
        }
    }

    fn next_due(&self, now: Instant) -> Instant {
        let voice = self.outbound.as_ref().and_then(|voice| voice.poll_timeout(now, &self.port.voice));
        let inbound = self.inbound.poll_timeout().map(|due| self.begun + due);
        voice.into_iter().chain(inbound).fold(self.next_report, Instant::min)
    }

    fn hear(&mut self, now: Instant, block: &[i16]) -> Result<(), Ending> {
        scratch::with_bytes(|data| {
            pcm16::encode_into(block, data);
            self.deliver(now, data)
        })
    }

    fn deliver(&mut self, now: Instant, data: &[u8]) -> Result<(), Ending> {
        let sound = IncomingSound { peer: self.person.as_str(), track: MICROPHONE, data };
        if self.observers.monitor.is_tapped() {
            self.observers.monitor.measure(self.person.as_str(), MICROPHONE, data);
        }
        let at = now - self.begun;
        if self.inbound.try_deliver(at, &sound, &mut self.port) {
            return Ok(());
        }
        let first = self.inbound.on_first_chunk(at, sound, &mut self.roster, &mut self.port);
        if first.map_err(|error| Ending::AgentStuck(error.to_string()))? {
            self.observers.tell(SessionEventKind::FirstHeard(self.person.clone()));
        }
        Ok(())
    }

    fn on_typed(&mut self, line: String) -> Result<(), Ending> {
        self.lines_typed += 1;
        let author = Box::new(Peer::new(self.person.clone(), PeerKind::Person));
        self.tell(ChatEvent::Said { id: self.lines_typed.to_string(), author, text: line.as_str().into() })
    }

    /// Whoever sits here wants to hear no more of it.
    fn on_silence(&mut self) -> Result<(), Ending> {
        self.port.voice.interrupt();
        self.port.silence().map_err(|stuck| stuck_agent(&stuck))
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Note(note) => self.observers.tell(SessionEventKind::Note(note)),
            // Nobody can be removed or muted here, and there is no camera: refused by being dropped.
            Request::Act(_) | Request::Capture(_) => {}
        }
    }

    fn on_drain(&mut self, within: Option<Duration>) -> Result<(), Ending> {
        let Some(within) = within else { return Ok(()) };
        self.observers.tell(SessionEventKind::Draining { within });
        self.port.drain(within).map_err(|stuck| stuck_agent(&stuck))
    }

    /// Hands the speaker what is due.
    fn speak(&mut self, now: Instant) {
        let Some(voice) = &mut self.outbound else { return };
        let cut = voice.take_interrupt(now, &mut self.port.voice);
        if cut.is_some() {
            self.orders.try_send(Order::Cut).ok();
        }
        let mut speaks = false;
        let monitor = &self.observers.monitor;
        voice.poll_packets(now, &mut self.port.voice, |packet| {
            if monitor.is_tapped() {
                monitor.measure(AGENT, AGENT, packet);
            }
            let samples = packet.as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
            // A sound thread that stands still has two seconds of room.
            self.orders.try_send(Order::Play(samples)).ok();
            speaks = true;
        });
        voice.announce_end(now, &self.port.voice);
        if cut.is_some() {
            self.observers.tell(SessionEventKind::Interrupts);
        }
        if speaks && self.last_spoke.replace(now).is_none_or(|last| now > last + SILENCE) {
            self.observers.tell(SessionEventKind::Speaks);
        }
    }

    fn report(&mut self, now: Instant) {
        if now >= self.next_report {
            self.next_report = now + REPORT;
            self.port.stamp(now);
            self.observers.monitor.publish(self.counters());
        }
    }

    fn tell(&mut self, event: impl Into<Event>) -> Result<(), Ending> {
        let mut event = event.into().identified();
        event.place.get_or_insert_with(|| Place::Room(self.room.clone()));
        for event in self.roster.apply(&event) {
            self.observers.tell(SessionEventKind::Room(event.clone()));
            self.port.tell(event).map_err(|stuck| stuck_agent(&stuck))?;
        }
        Ok(())
    }

    fn counters(&self) -> Counters {
        Counters {
            inbound: self.inbound.counters(),
            outbound: self.outbound.as_ref().map(OutboundAudio::counters).unwrap_or_default(),
            depths: self.port.depths(),
            to_agent: self.port.reached.counts(),
            ..Counters::default()
        }
    }

    /// Lets the agent return, and says how it was.
    async fn finish(mut self, ending: Ending) -> SessionSummary {
        self.inbound.end(&mut self.port);
        self.port.end();
        if ending != Ending::AgentDone {
            self.orders.try_send(Order::Cut).ok();
        }
        let agent_error = self.end_agent().await;
        while let Ok(request) = self.port.requests.try_recv() {
            self.on_request(request);
        }
        // Then the sound thread ends, once the last word was heard.
        self.heard.close();
        timeout(GOODBYE, self.orders.closed()).await.ok();
        self.observers.tell(SessionEventKind::Ended(ending.to_string()));
        self.observers.sum_up(ending, agent_error, self.counters(), false)
    }

    /// What it could not finish; it may still write things down meanwhile.
    async fn end_agent(&mut self) -> Option<String> {
        let mut agent = self.agent.take()?;
        let ended = end_agent(&mut agent, GOODBYE);
        tokio::pin!(ended);
        loop {
            tokio::select! {
                error = &mut ended => return error,
                Some(request) = self.port.requests.recv() => self.on_request(request),
            }
        }
    }
}

/// The session's time, which may be made up.
fn clock() -> Instant {
    time::Instant::now().into_std()
}

fn stuck_agent(unread: &Unread) -> Ending {
    Ending::AgentStuck(unread.to_string())
}

/// The track of the person.
const MICROPHONE: &str = "microphone";
/// The agent's peer, and its track.
pub(super) const AGENT: &str = "agent";
/// How often counters are published.
const REPORT: Duration = Duration::from_secs(1);
/// After how long without a packet the voice counts as silent.
const SILENCE: Duration = Duration::from_secs(1);
/// How long the agent may take to return, and then its last words.
const GOODBYE: Duration = Duration::from_secs(1);
