//! From the agent to the wire: fetch, resample, cut into packets, encode, pace.
//!
//! ```text
//! agent's queue --fetch--> resampler --> staged --cut--> packet --> encoder --> wire
//!                          (its delay     |                ^
//!                           as silence)   | an interrupt   | not before the pacer lets it: at most a lead ahead of
//!                                         v stages a fade  | what the server is playing
//! ```
//!
//! A packet leaves when it is whole and the pacer allows it. When the agent stops within one, its rest waits until the
//! server is about to run dry, and leaves filled up with silence ([`OutboundAudio::poll_timeout`] says when). Positions
//! go back to the agent with each packet, so that it can tell what of its words was heard.

mod counters;
mod fade;
mod utterance;

use std::time::{Duration, Instant};

pub use counters::OutboundCounters;
use fade::{FADE, Fade};
use utterance::Utterance;

use crate::{
    agent::VoicePort,
    audio::{
        Pacer, Resampler,
        codec::{CodecError, Encoder},
        is_silent,
        pace::EARLY,
        scratch,
    },
    signal::PublishedTrack,
};

/// The outgoing half of the path.
pub(crate) struct OutboundAudio {
    resampler: Resampler,
    encoder: Encoder,
    pacer: Pacer,
    /// Samples at the wire's rate that wait to fill a packet. While packets are cut they are in a buffer of the
    /// thread's, and only what is left over comes back.
    staged: Vec<i16>,
    utterance: Utterance,
    /// When the agent last gave something.
    last_fetch: Option<Instant>,
    fade: Fade,
    /// `staged` is a fade, and goes out at once.
    fading: bool,
    /// The next packet was complete before it was due; this is when it is.
    waits_for: Option<Instant>,
    /// The agent knows that all it said was heard.
    end_announced: bool,
    packet_samples: usize,
    /// A voice that is cut within this is left to its fade.
    fades_within: Duration,
    counters: OutboundCounters,
}

/// How the agent's interruption is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// There is nothing to cut, or a fade that the next packet brings: all is still within [`FADES_WITHIN`].
    ByItself,
    /// The server must drop what it has.
    ByServer,
}

impl OutboundAudio {
    /// A path for a voice that plays at the port's rate onto `track`, at most `lead` ahead of what is heard.
    pub(crate) fn new(port: &VoicePort, track: &PublishedTrack, lead: Duration) -> Result<OutboundAudio, CodecError> {
        let packet_samples = track.rate().block_samples();
        // The lead holds the fade, too: an interrupt adds it to what the server has. And packets leave a little early.
        let lead = lead.clamp(SHORTEST_LEAD, LONGEST_LEAD) - FADE - EARLY;
        Ok(OutboundAudio {
            resampler: Resampler::new(port.rate(), track.rate()),
            encoder: Encoder::new(track.encoding(), track.rate(), track.opus_settings())?,
            pacer: Pacer::new(track.rate(), lead),
            staged: Vec::new(),
            utterance: Utterance::default(),
            last_fetch: None,
            fade: Fade::over(track.rate().samples_in(FADE)),
            fading: false,
            waits_for: None,
            end_announced: true,
            packet_samples,
            fades_within: FADES_WITHIN,
            counters: OutboundCounters::default(),
        })
    }

    /// The same for a receiver that can drop what it has at once and lets it swing out itself.
    #[cfg(feature = "console")]
    pub(crate) fn without_fades(self) -> OutboundAudio {
        OutboundAudio { fades_within: Duration::ZERO, ..self }
    }

    /// Gives `send` every packet that is due at `now`.
    pub(crate) fn poll_packets(&mut self, now: Instant, port: &mut VoicePort, mut send: impl FnMut(&[u8])) {
        self.counters.deepest_queue = self.counters.deepest_queue.max(port.waiting());
        if !self.fading && !self.pacer.may_send(now, self.packet_samples as u64) {
            self.note_wait(port);
            return;
        }
        scratch::with_samples(|staged| {
            staged.extend_from_slice(&self.staged);
            let mut from = 0;
            while let Some(packet) = self.next_packet(now, port, staged, from) {
                scratch::with_bytes(|encoded| {
                    // A block that the encoder refuses is a hole: it would be refused again.
                    if self.encoder.encode_into(packet, encoded).is_ok() {
                        send(encoded);
                    }
                });
                self.on_sent(now, packet, port);
                from += self.packet_samples;
            }
            self.staged.clear();
            // After the last of an utterance there may be a sample of padding too many.
            if self.utterance.pending() > 0 || self.utterance.is_on_the_wire() {
                self.staged.extend_from_slice(&staged[from..]);
            }
        });
        self.note_wait(port);
    }

    /// Notes when the next packet is due, if it is complete: the pacer alone says then when it leaves.
    fn note_wait(&mut self, port: &VoicePort) {
        let waiting = self.resampler.from().convert(port.waiting(), self.resampler.to());
        let is_complete = self.staged.len() as u64 + waiting >= self.packet_samples as u64;
        self.waits_for = self.next_send().filter(|_| is_complete);
    }

    /// The packet that begins at `from` of what is staged, if it is due and can be completed.
    fn next_packet<'a>(
        &mut self,
        now: Instant,
        port: &mut VoicePort,
        staged: &'a mut Vec<i16>,
        from: usize,
    ) -> Option<&'a [i16]> {
        let end = from + self.packet_samples;
        if !self.fading {
            if !self.pacer.may_send(now, self.packet_samples as u64) {
                return None;
            }
            self.fill(now, port, staged, end);
            if staged.len() < end {
                self.partial_due().filter(|due| *due <= now)?;
                self.complete_partial(staged, from);
            }
        }
        // A partial packet that was completed is at least one long; see `complete_partial`.
        Some(&staged[from..end])
    }

    /// Looks whether the agent cut its voice off, and how that is to be done. All that waited here is gone then.
    pub(crate) fn take_interrupt(&mut self, now: Instant, port: &mut VoicePort) -> Option<Cut> {
        if !port.take_interrupt() {
            return None;
        }
        self.counters.interrupts += 1;
        let ahead = self.pacer.ahead(now);
        self.forget();
        if ahead == 0 || self.pacer.rate().duration_of(ahead) + FADE <= self.fades_within {
            // A fade that still waits is as good as a new one.
            if ahead > 0 && !self.fading {
                self.stage_fade();
            }
            port.settle(port.position());
            return Some(Cut::ByItself);
        }
        self.fading = false;
        self.drop_sent(now, port);
        port.settle(port.position());
        Some(Cut::ByServer)
    }

    /// The link broke: what the server had not played is lost.
    pub(crate) fn on_link_down(&mut self, now: Instant, port: &VoicePort) {
        self.drop_sent(now, port);
        if std::mem::take(&mut self.fading) {
            self.staged.clear();
        }
        port.announce();
    }

    /// Lets an agent that waits for its voice know that all has been heard.
    pub(crate) fn announce_end(&mut self, now: Instant, port: &VoicePort) {
        if self.is_done(now, port) && !std::mem::replace(&mut self.end_announced, true) {
            port.announce();
        }
    }

    /// Whether everything that the agent said has been heard, or dropped.
    pub(crate) fn is_done(&self, now: Instant, port: &VoicePort) -> bool {
        !self.fading && self.utterance.pending() == 0 && port.waiting() == 0 && self.pacer.ahead(now) == 0
    }

    /// When there will be something to do, if the agent does nothing: a packet to send, or the end of what is heard.
    pub(crate) fn poll_timeout(&self, now: Instant, port: &VoicePort) -> Option<Instant> {
        if self.fading {
            return Some(now);
        }
        if self.has_packet(port) {
            return Some(self.next_look().unwrap_or(now));
        }
        match self.partial_due() {
            Some(due) => Some(self.next_look().map_or(due, |look| look.max(due))),
            None => self.pacer.runs_dry_at().filter(|dry| *dry > now),
        }
    }

    /// What was said so far.
    pub(crate) fn counters(&self) -> OutboundCounters {
        self.counters
    }

    fn next_send(&self) -> Option<Instant> {
        self.pacer.next_send(self.packet_samples as u64)
    }

    fn next_look(&self) -> Option<Instant> {
        self.pacer.look_at(self.packet_samples as u64)
    }

    fn has_packet(&self, port: &VoicePort) -> bool {
        port.waiting() > 0 || self.staged.len() >= self.packet_samples
    }

    /// Fetches until `staged` reaches `end`, or the agent has no more.
    fn fill(&mut self, now: Instant, port: &mut VoicePort, staged: &mut Vec<i16>, end: usize) {
        while staged.len() < end {
            let got = scratch::with_samples(|fetched| {
                let got = port.fetch(self.resampler.from().block_samples(), fetched);
                if got > 0 && self.utterance.is_new() {
                    let start = port.position() - got as u64;
                    self.begin(start, got as u64 + port.waiting(), staged, end);
                }
                self.resampler.push(fetched, staged);
                got
            });
            if got == 0 {
                return;
            }
            self.last_fetch = Some(now);
            self.utterance.on_fetched(got as u64);
        }
    }

    /// An utterance begins with as much silence as the resampler is late: so the packets are whole as soon as the
    /// agent's own blocks are, and not a block later. An agent that plays as it hears begins with a block that is short by the
    /// delay of the filter before its ear; that much is made good here, too.
    fn begin(&mut self, start: u64, waiting: u64, staged: &mut Vec<i16>, end: usize) {
        let delay = self.resampler.delay_samples();
        let whole = staged.len() + self.resampler.from().convert(waiting, self.resampler.to()) as usize;
        let short = end.saturating_sub(whole);
        let most = self.resampler.to().samples_in(SHORT_BEGINNING);
        let head = delay + if short <= most { short } else { 0 };
        self.utterance = Utterance::at(start, head as u64);
        staged.resize(staged.len() + head, 0);
        self.counters.padding_samples += head as u64;
    }

    /// When less than a packet must leave: the agent has stopped, and the server is about to run dry.
    fn partial_due(&self) -> Option<Instant> {
        let last = self.last_fetch.filter(|_| self.utterance.pending() > 0)?;
        let dry = self.pacer.runs_dry_at().and_then(|dry| dry.checked_sub(PARTIAL_AHEAD));
        Some((last + PARTIAL_WAIT).max(dry.unwrap_or(last)))
    }

    /// Brings out the resampler's rest and fills it up with silence: the server plays whole packets only.
    fn complete_partial(&mut self, staged: &mut Vec<i16>, from: usize) {
        self.resampler.flush(staged);
        let whole = from + (staged.len() - from).div_ceil(self.packet_samples).max(1) * self.packet_samples;
        self.counters.padding_samples += (whole - staged.len()) as u64;
        staged.resize(whole, 0);
    }

    /// A packet has left.
    fn on_sent(&mut self, now: Instant, samples: &[i16], port: &VoicePort) {
        let packet = samples.len() as u64;
        if let Some(due) = self.waits_for.take() {
            self.counters.count_pacing(now.max(due) - now.min(due));
        }
        self.end_announced = false;
        let begins = self.pacer.on_sent(now, packet);
        self.counters.underruns += u64::from(now.saturating_duration_since(begins) > HOLE);
        self.counters.packets += 1;
        self.counters.loud_packets += u64::from(!is_silent(samples));
        self.counters.samples += packet;
        self.fade.follow(samples);
        if std::mem::take(&mut self.fading) {
            self.fade.forget();
            return;
        }
        let left = self.utterance.on_sent(packet, &self.resampler);
        let begins = begins + self.pacer.rate().duration_of(left.silence);
        port.on_sent(now, begins, left.start, left.samples);
        if self.utterance.pending() == 0 {
            port.settle(self.utterance.finish(&self.resampler));
        }
    }

    /// What the server has and has not played is lost.
    fn drop_sent(&mut self, now: Instant, port: &VoicePort) {
        self.counters.unheard_samples += self.pacer.on_interrupt(now);
        port.on_cut(now);
        self.fade.forget();
    }

    /// Lets what was sent last swing out.
    fn stage_fade(&mut self) {
        self.counters.padding_samples += self.fade.stage(self.packet_samples, &mut self.staged) as u64;
        self.fading = true;
    }

    fn forget(&mut self) {
        if !self.fading {
            self.staged.clear();
        }
        self.utterance = Utterance::default();
        self.resampler.reset();
        self.last_fetch = None;
        self.waits_for = None;
    }
}

/// A first block that lacks no more than this of a packet is one that went through a filter: the longest, of 8 kHz, takes 3.75 ms.
const SHORT_BEGINNING: Duration = Duration::from_millis(4);
/// Less than this is the jitter of an agent that speaks as it hears, without a lead.
const HOLE: Duration = Duration::from_millis(5);
/// A packet, the fade, and a timer's rounding: with less the server would run dry each time.
const SHORTEST_LEAD: Duration = Duration::from_millis(40);
/// More than this would be a recording.
const LONGEST_LEAD: Duration = Duration::from_secs(10);
/// An interrupted voice that will have swung out within this is left to; a longer lead is dropped by the server.
const FADES_WITHIN: Duration = Duration::from_millis(60);
/// How long the agent must have been silent before less than a packet leaves. A Fishjam carries a run on over 100 ms.
const PARTIAL_WAIT: Duration = Duration::from_millis(80);
/// How long before the server runs dry less than a packet leaves.
const PARTIAL_AHEAD: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;
    use crate::{
        agent::{AudioRequirements, Room, RoomPort, room_link},
        audio::{Hz, pcm16},
    };

    const MS: Duration = Duration::from_millis(1);

    struct Line {
        room: Room,
        port: RoomPort,
        outbound: OutboundAudio,
        /// When each packet left, and what it held.
        sent: Vec<(Instant, Vec<i16>)>,
    }

    impl Line {
        fn new(rate: Hz, track: Hz, lead: Duration) -> Line {
            let requirements = AudioRequirements { speak_rate: Some(rate), ..AudioRequirements::default() };
            let (room, port) = room_link("r".into(), "me".into(), &requirements);
            let outbound = OutboundAudio::new(&port.voice, &PublishedTrack::pcm16(track).unwrap(), lead).unwrap();
            Line { room, port, outbound, sent: Vec::new() }
        }

        fn work(&mut self) {
            let now = now();
            self.outbound.poll_packets(now, &mut self.port.voice, |packet| {
                let mut samples = Vec::new();
                pcm16::Decoder::default().decode_into(packet, &mut samples);
                self.sent.push((now, samples));
            });
        }

        /// Runs the path for `length`, a millisecond at a time.
        async fn run(&mut self, length: Duration) {
            let end = now() + length;
            while now() <= end {
                self.work();
                advance(MS).await;
            }
        }

        fn heard(&self) -> Vec<i16> {
            self.sent.iter().flat_map(|(_, samples)| samples).copied().collect()
        }
    }

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn tone(rate: Hz, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (f32::sin(n as f32 * 900.0 / rate.0 as f32) * 12_000.0) as i16).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn equal_rates_pass_sample_for_sample() {
        let mut line = Line::new(Hz::K24, Hz::K24, 200 * MS);
        let said: Vec<i16> = (0..24_000).map(|n| n as i16).collect();
        said.chunks(700).for_each(|piece| assert_eq!(line.room.voice.play(piece), piece.len()));
        line.run(1_100 * MS).await;
        assert_eq!(line.heard(), said);
        assert!(line.room.voice.is_silent());
        assert_eq!(line.room.voice.played(), 24_000);
        let counters = line.outbound.counters();
        assert_eq!((counters.padding_samples, counters.underruns), (0, 0));
        assert_eq!((counters.paced_packets, counters.paced_within_2_ms), (41, 41));
    }

    /// As an echo hears it: the first block lacks what the filter before its ear holds back.
    #[tokio::test(start_paused = true)]
    async fn a_first_block_that_a_filter_made_short_leaves_at_once() {
        for (rate, wire, silence) in [(Hz(8_000), Hz::K16, 120), (Hz::K48, Hz::K16, 60), (Hz::K16, Hz::K16, 0)] {
            let mut line = Line::new(rate, wire, 200 * MS);
            let (mut ear, said) = (Resampler::new(wire, rate), tone(wire, 20 * wire.block_samples()));
            for block in said.chunks(wire.block_samples()) {
                let mut heard = Vec::new();
                ear.push(block, &mut heard);
                line.room.voice.play(&heard);
                line.work();
                advance(20 * MS).await;
            }
            assert_eq!(line.sent.len(), 20, "{rate}: a packet for each block");
            let (heard, edge) = (line.heard(), 2 * wire.block_samples());
            assert!(heard[..silence].iter().all(|sample| *sample == 0));
            let off = (edge..said.len() - silence).map(|n| (heard[n + silence] - said[n]).abs()).max().unwrap();
            assert!(off < 100, "{rate}: off by {off}");
            assert_eq!(line.outbound.counters().padding_samples, silence as u64);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_leaves_at_once_though_the_resampler_is_late() {
        let mut line = Line::new(Hz::K16, Hz::K24, 200 * MS);
        for block in tone(Hz::K16, 16_000).chunks(320) {
            line.room.voice.play(block);
            line.run(19 * MS).await;
        }
        line.run(300 * MS).await;
        let begun = line.sent[0].0;
        let times: Vec<u128> = line.sent.iter().map(|(at, _)| (*at - begun).as_millis()).collect();
        assert!(times[..50].iter().enumerate().all(|(n, at)| *at == n as u128 * 20), "{times:?}");
        // The delay's silence at the head, then the tone, where it belongs.
        let delay = Resampler::new(Hz::K16, Hz::K24).delay_samples();
        let (heard, expected) = (line.heard(), tone(Hz::K24, 24_000));
        assert!(heard[..delay].iter().all(|sample| *sample == 0));
        let worst = (500..23_000).map(|n| (heard[delay + n] - expected[n]).abs()).max().unwrap();
        assert!(worst < 60, "off by {worst}");
        assert_eq!(line.room.voice.played(), 16_000);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_an_utterance_leaves_before_the_server_runs_dry() {
        let mut line = Line::new(Hz::K16, Hz::K24, 200 * MS);
        let begun = now();
        line.room.voice.play(&[1_000; 16_000 / 2 + 100]);
        line.run(900 * MS).await;
        assert_eq!(line.sent.len(), 26);
        let last = line.sent.last().unwrap().0 - begun;
        assert!((480 * MS..=500 * MS).contains(&last), "{last:?}");
        assert!(line.room.voice.is_silent());
        assert_eq!(line.outbound.counters().underruns, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_long_lead_the_server_drops_what_was_said_before_an_interrupt() {
        let mut line = Line::new(Hz::K16, Hz::K16, 200 * MS);
        line.room.voice.play(&[1; 32_000]);
        line.run(99 * MS).await;
        line.room.voice.interrupt();
        line.room.voice.play(&[2; 1_600]);
        line.sent.clear();
        assert_eq!(line.outbound.take_interrupt(now(), &mut line.port.voice), Some(Cut::ByServer));
        assert_eq!(line.outbound.take_interrupt(now(), &mut line.port.voice), None);
        assert_eq!(line.room.voice.played(), 1_600);
        line.run(300 * MS).await;
        assert_eq!(line.heard(), [2; 1_600]);
        assert_eq!(line.room.voice.played(), 33_600);
        assert!(line.room.voice.is_silent());
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_short_lead_an_interrupted_voice_swings_out_in_time() {
        for after in 1..60 {
            let mut line = Line::new(Hz::K16, Hz::K24, 60 * MS);
            let said = tone(Hz::K16, 32_000);
            line.room.voice.play(&said);
            line.run(after * MS).await;
            let (at, begun) = (now(), line.sent[0].0);
            line.room.voice.interrupt();
            assert_eq!(line.outbound.take_interrupt(at, &mut line.port.voice), Some(Cut::ByItself));
            line.room.voice.play(&[0; 320]);
            line.work();
            let heard = line.heard();
            let last = heard.iter().rposition(|sample| *sample != 0).unwrap();
            let silent_at = begun + Hz::K24.duration_of(last as u64 + 1);
            assert!(silent_at <= at + 60 * MS, "{:?} after the interrupt", silent_at - at);
            let step = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
            // 2 % of full scale; the tone's own steps are 450.
            assert!(step <= 655, "a step of {step}");
            line.run(200 * MS).await;
            assert!(line.room.voice.is_silent());
            assert_eq!(line.room.voice.played(), 32_320);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_interrupts_at_random_moments_leave_nothing_stuck() {
        let mut line = Line::new(Hz::K24, Hz::K24, 60 * MS);
        let mut rng = fastrand::Rng::with_seed(11);
        for n in 0..1_000u32 {
            // Each time another level, so that what is heard of it can be counted.
            let (level, start) = (1_000 + n as i16, line.room.voice.written());
            line.sent.clear();
            line.room.voice.play(&vec![level; rng.usize(1..20_000)]);
            line.run(rng.u32(0..120) * MS).await;
            line.room.voice.interrupt();
            assert!(line.outbound.take_interrupt(now(), &mut line.port.voice).is_some());
            line.run(60 * MS).await;
            assert!(line.room.voice.is_silent(), "interrupt {n}");
            let heard = line.heard().iter().filter(|sample| **sample == level).count() as u64;
            let played = line.room.voice.played().saturating_sub(start);
            assert!(heard.abs_diff(played) <= 480, "interrupt {n}: {heard} heard, {played} by its own count");
        }
        assert_eq!(line.outbound.counters().interrupts, 1_000);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Play(usize),
        Interrupt,
        Wait(u32),
        Cut,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            4 => (1usize..9_000).prop_map(Act::Play),
            1 => Just(Act::Interrupt),
            4 => (1u32..300).prop_map(Act::Wait),
            1 => Just(Act::Cut),
        ];
        proptest::collection::vec(act, 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_interleaving_ends_in_silence_with_every_position_in_order(
            acts in acts(),
            rates in prop::sample::select(vec![(16_000, 24_000), (24_000, 24_000), (44_100, 16_000), (8_000, 24_000)]),
            lead_ms in prop::sample::select(vec![40u32, 60, 200]),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut line = Line::new(Hz(rates.0), Hz(rates.1), lead_ms * MS);
                let mut last = 0;
                for act in acts {
                    match act {
                        Act::Play(samples) => drop(line.room.voice.play(&vec![500; samples])),
                        Act::Interrupt => {
                            line.room.voice.interrupt();
                            line.outbound.take_interrupt(now(), &mut line.port.voice);
                        }
                        Act::Wait(ms) => line.run(ms * MS).await,
                        Act::Cut => line.outbound.on_link_down(now(), &line.port.voice),
                    }
                    let played = line.room.voice.played();
                    assert!(played >= last && played <= line.room.voice.written(), "{played} after {last}");
                    last = played;
                }
                line.run(5_000 * MS).await;
                line.run(line.room.voice.queued() + 1_000 * MS).await;
                assert!(line.room.voice.is_silent() && line.outbound.is_done(now(), &line.port.voice));
                assert_eq!(line.outbound.poll_timeout(now(), &line.port.voice), None);
                let (sent, counters) = (line.heard().len() as u64, line.outbound.counters());
                assert_eq!((counters.samples, counters.packets), (sent, line.sent.len() as u64));
            });
        }
    }
}
