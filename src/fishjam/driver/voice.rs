//! The outgoing voice: fetched from the agent, paced, sent on the track that is there now, and followed until it was heard.

use std::time::{Duration, Instant};

use super::{Driver, link::Link};
use crate::{
    agent::VoicePort,
    audio::codec::{CodecError, Encoding},
    protocol::fishjam::wire::AgentRequest,
    session::{Cut, OutboundAudio, SessionEventKind, VoiceWiring},
    signal::{Command, PublishedTrack},
    stats::Latency,
};

/// See the module's head.
pub(super) struct OutgoingVoice {
    /// `None` for an agent that never speaks.
    pub(super) outbound: Option<OutboundAudio>,
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
    pub(super) fn new(
        port: &VoicePort,
        track: Option<&PublishedTrack>,
        lead: Duration,
        now: Instant,
    ) -> Result<OutgoingVoice, CodecError> {
        Ok(OutgoingVoice {
            outbound: track.map(|track| OutboundAudio::new(port, track, lead)).transpose()?,
            wiring: VoiceWiring::new(now),
            to_socket: Latency::default(),
            is_pcm: track.is_some_and(|track| track.encoding() == Encoding::Pcm16),
            last_spoke: None,
            heard_out_at: None,
        })
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
        let track = link.session.voice_track().filter(|_| self.wiring.is_open(now))?;
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
        let Some(Spoke { begins, is_cut }) = spoke else { return };
        if is_cut {
            self.observers.tell(SessionEventKind::Interrupts);
        }
        if begins {
            self.observers.tell(SessionEventKind::Speaks);
        }
    }

    pub(super) fn next_of_voice(&self, now: Instant) -> Option<Instant> {
        let outbound = self.voice.outbound.as_ref().filter(|_| self.link.session.voice_track().is_some());
        let next = outbound.and_then(|outbound| outbound.poll_timeout(now, &self.port.voice));
        next.map(|at| at.max(self.voice.wiring.opens()))
    }
}

/// How much later than we sent may a server begin to play.
const NETWORK: Duration = Duration::from_millis(200);
/// After how long without a packet the voice counts as silent.
const SILENCE: Duration = Duration::from_secs(1);
