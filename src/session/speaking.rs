//! From the agent to the wire: fetch, resample, cut into packets, encode, pace.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::{
    agent::VoicePort,
    audio::{
        BLOCK, Pacer, Resampler,
        codec::{CodecError, Encoder},
    },
    dialect::fishjam::VoiceTrack,
};

/// The outgoing half of the path.
pub(crate) struct Speaking {
    resampler: Resampler,
    encoder: Encoder,
    pacer: Pacer,
    /// Samples at the wire's rate that wait to fill a packet.
    staged: Vec<i16>,
    /// Agent samples inside the resampler and `staged`.
    staged_agent_samples: u64,
    /// When the agent last gave something.
    last_fetch: Option<Instant>,
    /// The position at which the voice was cut off, until something new is heard.
    cut_at: u64,
    packet_samples: usize,
    fetched: Vec<i16>,
    encoded: BytesMut,
    counters: SpeakingCounters,
}

/// What was said, since the agent joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpeakingCounters {
    /// Packets sent.
    pub packets: u64,
    /// Samples sent, at the wire's rate.
    pub samples: u64,
    /// Samples of silence that filled up the last packet of an utterance.
    pub padding_samples: u64,
    /// Times the agent cut its own voice off.
    pub interrupts: u64,
    /// Samples that had been sent and were never heard, by interrupts and broken links.
    pub unheard_samples: u64,
}

impl Speaking {
    /// A path for a voice that plays at the port's rate onto `track`, `lead` ahead of what is heard.
    pub(crate) fn new(port: &VoicePort, track: &VoiceTrack, lead: Duration) -> Result<Speaking, CodecError> {
        Ok(Speaking {
            resampler: Resampler::new(port.rate(), track.rate()),
            encoder: Encoder::new(track.encoding(), track.rate())?,
            pacer: Pacer::new(track.rate(), lead.clamp(BLOCK, LONGEST_LEAD)),
            staged: Vec::new(),
            staged_agent_samples: 0,
            last_fetch: None,
            cut_at: 0,
            packet_samples: track.rate().block_samples(),
            fetched: Vec::new(),
            encoded: BytesMut::new(),
            counters: SpeakingCounters::default(),
        })
    }

    /// The next packet that is due at `now`.
    pub(crate) fn poll_packet(&mut self, now: Instant, port: &mut VoicePort) -> Option<Bytes> {
        if !self.pacer.may_send(now) {
            return None;
        }
        self.fill(now, port);
        if self.staged.len() < self.packet_samples {
            if self.partial_due().is_none_or(|due| now < due) {
                return None;
            }
            self.complete_partial();
        }
        // A partial packet that was completed is at least one long; see `complete_partial`.
        let encoded = self.encoder.encode_into(&self.staged[..self.packet_samples], &mut self.encoded);
        self.staged.drain(..self.packet_samples);
        self.count_staged();
        // A block that the encoder refuses is dropped: it would be refused again.
        encoded.ok()?;
        self.pacer.on_sent(now, self.packet_samples as u64);
        self.counters.packets += 1;
        self.counters.samples += self.packet_samples as u64;
        Some(self.encoded.split().freeze())
    }

    /// Looks whether the agent cut its voice off. If so, all that waited is gone, and so many samples at the server must
    /// be dropped too.
    pub(crate) fn take_interrupt(&mut self, now: Instant, port: &mut VoicePort) -> Option<u64> {
        let heard = self.heard(now, port);
        if !port.take_interrupt() {
            return None;
        }
        let unheard = self.pacer.on_interrupt(now);
        self.counters.interrupts += 1;
        self.counters.unheard_samples += unheard;
        self.forget(heard);
        Some(unheard)
    }

    /// The link broke: what the server had not played is lost.
    pub(crate) fn on_link_down(&mut self, now: Instant, port: &VoicePort) {
        let heard = self.heard(now, port);
        self.counters.unheard_samples += self.pacer.on_interrupt(now);
        self.cut_at = heard;
    }

    /// Tells the agent how far its voice has been heard.
    pub(crate) fn report(&self, now: Instant, port: &VoicePort) {
        let heard = self.heard(now, port);
        port.report(
            heard,
            if self.is_done(now, port) { port.position() } else { heard.min(port.position().saturating_sub(1)) },
        );
    }

    /// Whether everything that the agent said has been heard, or dropped.
    pub(crate) fn is_done(&self, now: Instant, port: &VoicePort) -> bool {
        self.staged_agent_samples == 0 && port.waiting() == 0 && self.pacer.ahead(now) == 0
    }

    /// When `poll_packet` or `report` will have something new, if the agent does nothing.
    pub(crate) fn poll_timeout(&self, now: Instant, port: &VoicePort) -> Option<Instant> {
        let has_more = port.waiting() > 0 || self.staged.len() >= self.packet_samples;
        let next = match (has_more, self.partial_due()) {
            (true, _) => Some(self.pacer.next_send().unwrap_or(now)),
            (false, partial) => partial.map(|due| self.pacer.next_send().map_or(due, |send| send.max(due))),
        };
        let dry = self.pacer.runs_dry_at().filter(|dry| *dry > now);
        // While something is being heard, the agent's view of it is renewed every block.
        let report = dry.map(|dry| dry.min(now + BLOCK));
        next.into_iter().chain(report).min()
    }

    /// What was said so far.
    pub(crate) fn counters(&self) -> SpeakingCounters {
        self.counters
    }

    fn fill(&mut self, now: Instant, port: &mut VoicePort) {
        while self.staged.len() < self.packet_samples {
            self.fetched.clear();
            let got = port.fetch(self.resampler.from().block_samples(), &mut self.fetched);
            if got == 0 {
                return;
            }
            self.last_fetch = Some(now);
            self.staged_agent_samples += got as u64;
            self.resampler.push(&self.fetched, &mut self.staged);
        }
    }

    /// When less than a packet must leave: the agent has stopped, and the server is about to run dry.
    fn partial_due(&self) -> Option<Instant> {
        let last = self.last_fetch.filter(|_| self.staged_agent_samples > 0)?;
        let dry = self.pacer.runs_dry_at().and_then(|dry| dry.checked_sub(PARTIAL_AHEAD));
        Some((last + PARTIAL_WAIT).max(dry.unwrap_or(last)))
    }

    /// Brings out the resampler's rest and fills it up with silence: the server plays whole packets only.
    fn complete_partial(&mut self) {
        self.resampler.flush(&mut self.staged);
        let whole = self.staged.len().div_ceil(self.packet_samples).max(1) * self.packet_samples;
        self.counters.padding_samples += (whole - self.staged.len()) as u64;
        self.staged.resize(whole, 0);
    }

    /// After a packet left: how many agent samples are still here.
    fn count_staged(&mut self) {
        let here = self.resampler.to().convert(self.staged.len() as u64, self.resampler.from());
        let pending = self.resampler.pending();
        self.staged_agent_samples = here + pending;
    }

    /// The agent's position that is being heard at `now`.
    fn heard(&self, now: Instant, port: &VoicePort) -> u64 {
        let ahead = self.resampler.to().convert(self.pacer.ahead(now), self.resampler.from());
        let sent = port.position().saturating_sub(self.staged_agent_samples);
        match self.pacer.runs_dry_at() {
            Some(_) => sent.saturating_sub(ahead).max(self.cut_at),
            None => self.cut_at,
        }
    }

    fn forget(&mut self, heard: u64) {
        self.staged.clear();
        self.staged_agent_samples = 0;
        self.resampler.reset();
        self.last_fetch = None;
        self.cut_at = heard;
    }
}

/// More than this would be a recording.
const LONGEST_LEAD: Duration = Duration::from_secs(10);
/// How long the agent must have been silent before less than a packet leaves. A Fishjam carries a run on over 100 ms.
const PARTIAL_WAIT: Duration = Duration::from_millis(80);
/// How long before the server runs dry less than a packet leaves.
const PARTIAL_AHEAD: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::{Room, RoomPort, Wants, room_link},
        audio::{Hz, pcm16},
    };

    const MS: Duration = Duration::from_millis(1);

    fn voice(rate: Hz, track: VoiceTrack) -> (Room, RoomPort, Speaking) {
        let (room, port) = room_link("r".into(), "me".into(), &Wants { speak_rate: Some(rate), ..Wants::default() });
        let speaking = Speaking::new(&port.voice, &track, 200 * MS).unwrap();
        (room, port, speaking)
    }

    /// Runs the path for `length`, waking only when it asks to be woken or every `look`, and collects what it sends.
    fn run(port: &mut RoomPort, speaking: &mut Speaking, start: Instant, length: Duration) -> Vec<(Duration, Bytes)> {
        let (mut sent, mut now) = (Vec::new(), start);
        while now <= start + length {
            while let Some(packet) = speaking.poll_packet(now, &mut port.voice) {
                sent.push((now - start, packet));
            }
            speaking.report(now, &port.voice);
            now += MS;
        }
        sent
    }

    #[test]
    fn equal_rates_pass_sample_for_sample() {
        let (mut room, mut port, mut speaking) = voice(Hz::K24, VoiceTrack::pcm16(Hz::K24).unwrap());
        let said: Vec<i16> = (0..24_000).map(|n| n as i16).collect();
        said.chunks(700).for_each(|piece| assert_eq!(room.voice.play(piece), piece.len()));
        let sent = run(&mut port, &mut speaking, Instant::now(), 1_100 * MS);
        let (mut decoder, mut heard) = (pcm16::Decoder::default(), Vec::new());
        sent.iter().for_each(|(_, packet)| decoder.decode_into(packet, &mut heard));
        assert_eq!(heard, said);
        assert!(room.voice.is_silent());
        assert_eq!(room.voice.played(), 24_000);
        assert_eq!(speaking.counters().padding_samples, 0);
    }

    #[test]
    fn the_end_of_an_utterance_leaves_before_the_server_runs_dry() {
        let (mut room, mut port, mut speaking) = voice(Hz::K16, VoiceTrack::pcm16(Hz::K24).unwrap());
        room.voice.play(&[1_000; 16_000 / 2 + 100]);
        let sent = run(&mut port, &mut speaking, Instant::now(), 900 * MS);
        assert_eq!(sent.len(), 26);
        let (last, _) = sent.last().unwrap();
        assert!((480 * MS..=500 * MS).contains(last), "{last:?}");
        assert!(room.voice.is_silent());
    }

    #[test]
    fn an_interrupt_drops_what_was_said_before_and_keeps_what_comes_after() {
        let (mut room, mut port, mut speaking) = voice(Hz::K16, VoiceTrack::pcm16(Hz::K16).unwrap());
        let start = Instant::now();
        room.voice.play(&[1; 32_000]);
        run(&mut port, &mut speaking, start, 100 * MS);
        room.voice.interrupt();
        room.voice.play(&[2; 1_600]);
        let now = start + 100 * MS;
        assert!(speaking.take_interrupt(now, &mut port.voice).is_some_and(|unheard| unheard >= 3_200));
        assert_eq!(speaking.take_interrupt(now, &mut port.voice), None);
        speaking.report(now, &port.voice);
        assert_eq!(room.voice.played(), 1_600);
        let sent = run(&mut port, &mut speaking, now, 300 * MS);
        assert_eq!(sent.len(), 5);
        assert!(sent.iter().all(|(_, packet)| packet.iter().step_by(2).all(|low| *low == 2)));
        assert_eq!(room.voice.played(), 33_600);
        assert!(room.voice.is_silent());
    }
}
