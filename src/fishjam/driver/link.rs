//! The driver's sockets: what the session wants done, and what comes in.

use std::time::Instant;

use bytes::Bytes;
use tokio::{task::JoinError as TaskEnd, time::timeout};
use tracing::Instrument;

use super::{Done, Driver, outbox::Outbox, ready_set::ReadySource};
use crate::{
    audio::codec::Encoding,
    event::{Event, LinkEvent, Plane},
    fishjam::{
        rest::RestErrorKind,
        socket::{Socket, SocketEvent},
    },
    net::limits,
    protocol::fishjam::{
        decode_response, message_of, peek_track_data,
        wire::{
            AgentRequest,
            agent_response::{Content, TrackData},
        },
    },
    session::{Input, Output, Refusal, Report, Session, SessionEventKind, TokenFault},
    signal::IncomingSound,
    trouble::times,
};

/// The link to the server: what is to be done about it, the socket there is, and what leaves on it.
pub(super) struct Link {
    url: String,
    pub(super) session: Session,
    pub(super) socket: Option<Box<Socket>>,
    /// Tells the connection that is wanted from those that were given up.
    number: u64,
    pub(super) outbox: Outbox,
    /// How often it was mended.
    pub(super) reconnects: u64,
}

impl Link {
    pub(super) fn new(url: String, session: Session) -> Link {
        Link { url, session, socket: None, number: 0, outbox: Outbox::default(), reconnects: 0 }
    }
}

impl Driver {
    pub(super) fn carry_out(&mut self, now: Instant, output: Output) {
        match output {
            Output::Connect => self.connect(),
            Output::Send(command) => {
                self.link.outbox.send(self.link.socket.as_deref_mut(), &AgentRequest::of(&command))
            }
            Output::Disconnect => self.disconnect(),
            Output::RefreshToken => {
                let (rest, room, peer) = (self.rest.clone(), self.room.clone(), self.peer.clone());
                let refresh = async move { Done::Token(rest.refresh_token(&room, &peer).await) };
                self.sources.spawn(refresh.in_current_span());
            }
            Output::Answer(id, result) => {
                if let Some(reply) = self.captures.remove(&id) {
                    reply.send(result).ok();
                }
            }
            Output::Report(report) => self.on_report(now, report),
            Output::End(ending) => self.ended = Some(ending),
        }
    }

    fn connect(&mut self) {
        self.link.socket = None;
        self.link.number += 1;
        let (url, trust, number) = (self.link.url.clone(), self.rest.trust().clone(), self.link.number);
        self.sources.spawn(async move {
            let connected = timeout(limits::OPEN, Socket::connect(&url, &trust)).await;
            let late = || Err(Refusal::Unreachable(format!("no connection within {} s", limits::OPEN.as_secs())));
            Done::Connected(number, connected.unwrap_or_else(|_| late()).map(Box::new))
        });
    }

    fn disconnect(&mut self) {
        match &mut self.link.socket {
            Some(socket) => socket.close(),
            // A connection that opens from now on is not wanted.
            None => self.link.number += 1,
        }
    }

    fn on_report(&mut self, now: Instant, report: Report) {
        match &report {
            Report::Lost { reason } => {
                self.link.socket = None;
                self.inbound.on_link_down(&mut self.port);
                self.on_voice_down(now);
                let reason = Some(reason.clone());
                self.tell(Event::local(LinkEvent::Down { plane: Plane::Signal, reason }));
            }
            Report::Restored { after } => {
                self.link.reconnects += 1;
                self.watch.roster.request_snapshot();
                let me = Some(self.peer.clone());
                self.tell(Event::local(LinkEvent::Up { plane: Plane::Signal, me, after: Some(*after) }));
            }
            Report::Retrying { .. } => self.link.socket = None,
            Report::Joined { .. } => {
                self.observers.tell_joined();
            }
            Report::Published { .. } => {
                self.on_published(now);
            }
            _ => {}
        }
        let line = report.to_string();
        let links = &self.rest.troubles.links;
        match report {
            // One server that goes away is one fact, however many links it had.
            Report::Lost { .. } | Report::Retrying { .. } => {
                links.begins(self.peer.as_str(), &line);
                tracing::debug!("{line}");
            }
            Report::Malformed { .. } => {
                if let Some(count) = self.rest.troubles.malformed.happens() {
                    tracing::warn!("{line}{}", times(count));
                }
            }
            Report::Restored { .. } | Report::Joined { .. } => {
                links.ends(self.peer.as_str());
                tracing::info!("{line}");
            }
            _ => tracing::debug!("{line}"),
        }
        self.observers.tell(SessionEventKind::Link(line));
    }

    pub(super) fn on_socket(&mut self, now: Instant, event: SocketEvent) {
        match event {
            SocketEvent::Closed(reason) => {
                self.link.socket = None;
                self.link.session.handle_input(now, Input::Closed(reason));
            }
            SocketEvent::Message(bytes) => self.on_message(now, bytes),
        }
    }

    /// Takes a message that is sound, and says whether it was.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Heard {
        match peek_track_data(bytes) {
            Some(sound) => self.on_sound(Instant::now(), sound),
            None => Heard::NoSound,
        }
    }

    fn on_sound(&mut self, now: Instant, sound: IncomingSound<'_>) -> Heard {
        if !self.link.session.is_live() {
            return Heard::Passed;
        }
        if self.is_tapped && self.inbound.encoding() == Encoding::Pcm16 {
            self.observers.monitor.measure(sound.peer, sound.track, sound.data);
        }
        let at = now - self.begun;
        let passed = self.inbound.try_deliver(at, &sound, &mut self.port);
        if let Some(at) = self.held_until() {
            self.sources.wake_by(at);
        }
        if passed {
            return Heard::Passed;
        }
        match self.inbound.on_first_chunk(at, sound, &mut self.watch.roster, &mut self.port) {
            Ok(false) => {}
            Ok(true) => self.observers.tell(SessionEventKind::FirstHeard(sound.peer.into())),
            Err(error) => self.give_up(now, error.to_string()),
        }
        Heard::First
    }

    /// Takes a message that is no sound, or sound in a form that only the generated code reads.
    fn on_message(&mut self, now: Instant, bytes: Bytes) {
        match decode_response(bytes) {
            Err(_) => self.link.session.handle_input(now, Input::Malformed),
            Ok(message) => match message.content {
                Some(Content::TrackData(TrackData { peer_id, track: Some(track), data })) => {
                    self.on_sound(now, IncomingSound { peer: &peer_id, track: &track.id, data: &data });
                }
                Some(Content::TrackData(TrackData { track: None, .. })) => {}
                _ => self.link.session.handle_input(now, Input::Message(message_of(message))),
            },
        }
    }

    pub(super) fn on_work(&mut self, now: Instant, done: Result<Done, TaskEnd>) {
        match done {
            Ok(Done::Connected(number, result)) if number == self.link.number => match result {
                Ok(socket) => {
                    self.link.socket = Some(socket);
                    self.sources.ready.open(ReadySource::Socket);
                    self.link.session.handle_input(now, Input::Opened);
                }
                Err(refusal) => self.link.session.handle_input(now, Input::Refused(refusal)),
            },
            Ok(Done::Token(Ok(token))) => {
                self.link.session.set_token(token);
                self.link.session.handle_input(now, Input::Token(Ok(())));
            }
            Ok(Done::Token(Err(error))) => {
                let fault = match error.kind {
                    RestErrorKind::NotFound => TokenFault::Gone,
                    RestErrorKind::Unauthorized => TokenFault::Refused(error.to_string()),
                    _ => TokenFault::Later(error.to_string()),
                };
                self.link.session.handle_input(now, Input::Token(Err(fault)));
            }
            Ok(Done::Snapshot(asked, result)) => self.on_snapshot(now, asked, result),
            Ok(Done::Subscribed(peer, result)) => self.on_subscribed(&peer, result),
            // A connection that was given up, dropped here; or a task that the runtime ended.
            _ => {}
        }
    }
}

/// What became of a message, as far as it was sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It went straight to the agent, or to nobody; nothing else is to be done.
    Passed,
    /// It was of a track that is not being passed on: a new one, one that is not announced yet, one that has ended. Who is in
    /// the room may have to be looked up.
    First,
    /// It is something else.
    NoSound,
}
