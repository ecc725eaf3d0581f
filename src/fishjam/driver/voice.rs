//! The outgoing voice: fetched from the agent, paced, sent on the track that is there now, and followed until it was heard. And what
//! sounds beside it, on a track of its own.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{Driver, link::Link};
use crate::{
    agent::VoicePort,
    audio::codec::{CodecError, Encoding},
    event::TrackId,
    protocol::fishjam::wire::AgentRequest,
    session::{Cut, OutboundAudio, OutboundCounters, Session, SessionEventKind, VoiceWiring},
    signal::{Command, PublishedTrack},
    stats::Latency,
};

/// See the module's head.
pub(super) struct OutgoingVoice {
    /// `None` for an agent that never speaks.
    pub(super) outbound: Option<OutboundAudio>,
    /// The track that takes it now.
    track: fn(&Session) -> Option<&TrackId>,
    pub(super) wiring: VoiceWiring,
    /// How long what the agent played took to be looked at.
    pub(super) to_socket: Latency,
    /// Its levels can be measured.
    is_pcm: bool,
    /// When the last packet left.
    last_spoke: Option<Instant>,
    /// When the server has surely played all that an agent that is done had said.
    pub(super) heard_out_at: Option<Instant>,
}

/// What became of one look at the voice.
struct Spoke {
    /// It begins to speak, after a silence.
    begins: bool,
    /// It was cut off.
    is_cut: bool,
}

impl OutgoingVoice {
    /// What the agent says.
    pub(super) fn new(
        port: &VoicePort,
        track: Option<&PublishedTrack>,
        lead: Duration,
        now: Instant,
    ) -> Result<OutgoingVoice, CodecError> {
        Ok(OutgoingVoice {
            outbound: track.map(|track| OutboundAudio::new(port, track, lead)).transpose()?,
            track: Session::voice_track,
            wiring: VoiceWiring::new(now),
            to_socket: Latency::default(),
            is_pcm: track.is_some_and(|track| track.encoding() == Encoding::Pcm16),
            last_spoke: None,
            heard_out_at: None,
        })
    }

    /// What sounds beside that.
    pub(super) fn background(
        port: &VoicePort,
        track: &PublishedTrack,
        lead: Duration,
        now: Instant,
    ) -> Result<OutgoingVoice, CodecError> {
        let voice = OutgoingVoice::new(port, Some(track), lead.min(BACKGROUND_LEAD), now)?;
        Ok(OutgoingVoice { track: Session::background_track, ..voice })
    }

    pub(super) fn counters(&self) -> OutboundCounters {
        self.outbound.as_ref().map(OutboundAudio::counters).unwrap_or_default()
    }

    /// Sends what is due. `measure` is given each packet of PCM16, and its track.
    fn send_due(
        &mut self,
        now: Instant,
        port: &mut VoicePort,
        link: &mut Link,
        mut measure: impl FnMut(&str, &[u8]),
    ) -> Option<Spoke> {
        let outbound = self.outbound.as_mut()?;
        // First of all: what the agent drops is dropped whether the link is up or not.
        let cut = outbound.take_interrupt(now, port);
        let track = (self.track)(&link.session).filter(|_| self.wiring.is_open(now))?;
        if cut == Some(Cut::ByServer) && self.wiring.survives_interrupt(now) {
            let interrupt = Command::InterruptTrack { id: track.clone() };
            link.outbox.send(link.socket.as_deref_mut(), &AgentRequest::of(&interrupt));
        }
        let mut speaks = false;
        outbound.poll_packets(now, port, |packet| {
            link.outbox.send_sound(link.socket.as_deref_mut(), track, packet);
            if self.is_pcm {
                measure(track.as_str(), packet);
            }
            speaks = true;
        });
        outbound.announce_end(now, port);
        let begins = speaks && self.last_spoke.is_none_or(|last| now > last + SILENCE);
        if speaks {
            self.last_spoke = Some(now);
        }
        Some(Spoke { begins, is_cut: cut.is_some() })
    }

    /// When there is more to send.
    fn next_due(&self, now: Instant, port: &VoicePort, session: &Session) -> Option<Instant> {
        let outbound = self.outbound.as_ref().filter(|_| (self.track)(session).is_some())?;
        outbound.poll_timeout(now, port).map(|at| at.max(self.wiring.opens()))
    }

    fn on_link_down(&mut self, now: Instant, port: &VoicePort) {
        if let Some(outbound) = &mut self.outbound {
            outbound.on_link_down(now, port);
        }
    }

    /// The platform tells of a track.
    fn on_track(&mut self, now: Instant, track: &TrackId, session: &Session) {
        if (self.track)(session) == Some(track) {
            self.wiring.on_wired(now);
        }
    }

    /// Whether the room has heard all that the agent said. The server began to play a little after we sent, so it is
    /// given a little more than the pacer thinks it needs.
    pub(super) fn has_been_heard_out(&mut self, now: Instant, port: &VoicePort) -> bool {
        let Some(outbound) = &self.outbound else { return true };
        if !outbound.is_done(now, port) {
            self.heard_out_at = None;
            return false;
        }
        let spoke = self.last_spoke.is_some();
        now >= *self.heard_out_at.get_or_insert(if spoke { now + NETWORK } else { now })
    }
}

impl Driver {
    /// The agent has said something.
    pub(super) fn on_voice(&mut self, now: Instant) {
        self.speak(now);
        if let Some(delay) = self.port.voice.take_delay() {
            self.voice.to_socket.note(delay);
        }
        if let Some(next) = self.next_of_voice(now) {
            self.sources.wake_by(next);
        }
    }

    /// Sends what the agent has to say and is due.
    pub(super) fn speak(&mut self, now: Instant) {
        let (is_tapped, monitor, me) = (self.is_tapped, &self.observers.monitor, self.peer.as_str());
        let measure = |track: &str, packet: &[u8]| {
            if is_tapped {
                monitor.measure(me, track, packet);
            }
        };
        let spoke = self.voice.send_due(now, &mut self.port.voice, &mut self.link, measure);
        if let Some((background, port)) = self.background.as_mut().zip(self.port.background.as_deref_mut()) {
            background.send_due(now, port, &mut self.link, |_, _| {});
        }
        let Some(Spoke { begins, is_cut }) = spoke else { return };
        if is_cut {
            self.observers.tell(SessionEventKind::Interrupts);
        }
        if begins {
            self.observers.tell(SessionEventKind::Speaks);
        }
    }

    pub(super) fn next_of_voice(&self, now: Instant) -> Option<Instant> {
        let session = &self.link.session;
        let voice = self.voice.next_due(now, &self.port.voice, session);
        let background = self.background.as_ref().zip(self.port.background.as_deref());
        let background = background.and_then(|(background, port)| background.next_due(now, port, session));
        voice.into_iter().chain(background).min()
    }

    /// The platform was asked for new tracks.
    pub(super) fn on_published(&mut self, now: Instant) {
        self.outgoing().for_each(|outgoing| outgoing.wiring.on_published(now));
    }

    pub(super) fn on_voice_down(&mut self, now: Instant) {
        self.voice.on_link_down(now, &self.port.voice);
        if let Some((background, port)) = self.background.as_mut().zip(self.port.background.as_deref()) {
            background.on_link_down(now, port);
        }
    }

    /// The platform has these tracks.
    pub(super) fn on_tracks<'a>(&mut self, now: Instant, tracks: impl IntoIterator<Item = &'a TrackId>) {
        let session = &self.link.session;
        for track in tracks {
            self.voice.on_track(now, track, session);
            if let Some(background) = &mut self.background {
                background.on_track(now, track, session);
            }
        }
    }

    fn outgoing(&mut self) -> impl Iterator<Item = &mut OutgoingVoice> {
        std::iter::once(&mut self.voice).chain(self.background.as_deref_mut())
    }

    /// Whether there is more to send of what the agent lets sound.
    pub(super) fn poll_voice(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(background) = &mut self.port.background
            && background.poll_work(cx).is_ready()
        {
            return Poll::Ready(());
        }
        self.port.voice.poll_work(cx)
    }
}

/// How far ahead of what is heard the background is sent: it comes and goes as soon as it is told to.
const BACKGROUND_LEAD: Duration = Duration::from_millis(100);
/// How much later than we sent may a server begin to play.
const NETWORK: Duration = Duration::from_millis(200);
/// After how long without a packet the voice counts as silent.
const SILENCE: Duration = Duration::from_secs(1);
