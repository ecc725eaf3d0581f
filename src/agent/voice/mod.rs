//! The agent's voice: samples go in as fast as the agent makes them, and leave in real time.
//!
//! Between the agent and the room's driver stands a lock-free ring of 200 ms, enough for an agent that speaks
//! as it hears. What does not fit, a whole sentence from a speech engine, goes beside it as one piece of its own, which
//! knows its place. All positions count samples from the first that was ever played.

mod port;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release, SeqCst},
            fence,
        },
    },
    task::Waker,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::audio::{
    Hz, Playhead,
    overflow::{OverflowWriter, overflow},
    ring::{RingWriter, ring},
};
pub(crate) use port::VoicePort;

/// What an agent speaks with.
///
/// ```
/// # use roomtone::agent::{Room, AgentError};
/// # async fn example(room: &mut Room, hello: &[i16]) {
/// room.voice.play(hello);          // takes what the queue holds, returns at once
/// room.voice.finished().await;     // until everything was heard, or dropped
/// room.voice.interrupt();          // silence within 60 ms, or within the network's delay if the lead is longer
/// let heard = room.voice.played(); // in samples, from the first ever played
/// # let _ = heard;
/// # }
/// ```
pub struct Voice {
    rate: Hz,
    ring: RingWriter,
    overflow: OverflowWriter,
    shared: Arc<Shared>,
    /// 0 for an agent without a voice.
    limit_samples: u64,
    plays: u32,
}

/// What both ends see. Each number has one writer.
struct Shared {
    /// By the agent: samples taken from it.
    written: AtomicU64,
    /// By the agent: everything before this position is to be dropped.
    interrupt_at: AtomicU64,
    /// By the agent: how often it interrupted.
    interrupts: AtomicU64,
    /// By the agent: samples that found no room.
    refused: AtomicU64,
    /// By the agent, now and then: when it played, in microseconds since `begun`; 0 once the driver has sent that.
    played_us: AtomicU64,
    begun: std::time::Instant,
    /// By the driver: samples fetched or dropped.
    fetched: AtomicU64,
    /// By the driver: the position up to which all was sent or dropped.
    settled: AtomicU64,
    /// By the driver: what is heard when. Held for a look.
    playhead: Mutex<Playhead>,
    /// By the driver: the agent's time in the room is over.
    closed: AtomicBool,
    /// The driver has something to do,
    has_work: AtomicBool,
    /// and this is its task, once it has looked. It stays the same.
    driver: OnceLock<Waker>,
    /// The agent may have been waiting for this.
    progress: Notify,
}

impl Shared {
    fn wake_driver(&self) {
        // Work that is not taken yet has been told of, and what it stands for is looked at when it is taken.
        if self.has_work.swap(true, Release) {
            return;
        }
        // Either the driver is known here, or it sees the work when it has made itself known.
        fence(SeqCst);
        if let Some(driver) = self.driver.get() {
            driver.wake_by_ref();
        }
    }

    fn playhead(&self) -> MutexGuard<'_, Playhead> {
        self.playhead.lock().expect("no holder panics")
    }
}

pub(super) fn voice_link(rate: Option<Hz>) -> (Voice, VoicePort) {
    let limit_samples = rate.map_or(0, |rate| rate.samples_in(LONGEST_QUEUE) as u64);
    let rate = rate.unwrap_or(Hz::K16);
    let (writer, reader) = ring(if limit_samples > 0 { rate.samples_in(RING) } else { 1 });
    let (overflow_in, overflow_out) = overflow(PIECES);
    let shared = Arc::new(Shared {
        written: AtomicU64::new(0),
        interrupt_at: AtomicU64::new(0),
        interrupts: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        played_us: AtomicU64::new(0),
        begun: std::time::Instant::now(),
        fetched: AtomicU64::new(0),
        settled: AtomicU64::new(0),
        playhead: Mutex::new(Playhead::new(rate)),
        closed: AtomicBool::new(false),
        has_work: AtomicBool::new(false),
        driver: OnceLock::new(),
        progress: Notify::new(),
    });
    let voice = Voice { rate, ring: writer, overflow: overflow_in, shared: shared.clone(), limit_samples, plays: 0 };
    (voice, VoicePort::new(rate, reader, overflow_out, shared))
}

impl Voice {
    /// Queues samples of [`rate`](Self::rate) behind what is queued already, and returns how many were taken: all of
    /// them unless the queue is full (60 s, or 1,024 pieces beyond the ring) or the agent has no voice. The rest is
    /// dropped and counted.
    pub fn play(&mut self, samples: &[i16]) -> usize {
        let taken = samples.len().min(self.space());
        if taken < samples.len() {
            self.shared.refused.fetch_add((samples.len() - taken) as u64, Relaxed);
        }
        let samples = &samples[..taken];
        if samples.is_empty() {
            return 0;
        }
        if samples.len() <= self.ring.free() {
            self.ring.write(samples);
        } else {
            // `space` has seen room for it.
            self.overflow.push(self.written(), samples);
        }
        self.shared.written.store(self.written() + taken as u64, Release);
        self.stamp();
        self.shared.wake_driver();
        taken
    }

    /// Notes the time now and then, for the driver to see how late it is.
    fn stamp(&mut self) {
        self.plays = self.plays.wrapping_add(1);
        if self.plays.is_multiple_of(STAMPED) {
            self.shared.played_us.store(self.shared.begun.elapsed().as_micros() as u64 + 1, Relaxed);
        }
    }

    /// Drops everything that was played before this moment and has not been heard; what is played after it is heard.
    pub fn interrupt(&mut self) {
        self.shared.interrupt_at.store(self.written(), Release);
        self.shared.interrupts.fetch_add(1, Release);
        self.shared.wake_driver();
    }

    /// Waits until all that was played has been heard, or dropped by an interrupt, or the agent's time is over.
    pub async fn finished(&self) {
        self.wait_until(|| self.is_silent()).await;
    }

    /// Waits until there is [`space`](Self::space) for at least a block, for agents that stream something long.
    /// An agent without a voice waits until its time is over.
    pub async fn ready(&self) {
        let block = self.rate.block_samples();
        self.wait_until(|| self.space() >= block).await;
    }

    /// The rate of the samples that [`play`](Self::play) takes.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// How many samples `play` would take now.
    pub fn space(&self) -> usize {
        match self.overflow.has_room() {
            false => 0,
            true => (self.limit_samples - self.queued_samples().min(self.limit_samples)) as usize,
        }
    }

    /// How much is queued here and has not left for the room. What has left is heard within the lead.
    pub fn queued(&self) -> Duration {
        self.rate.duration_of(self.queued_samples())
    }

    /// Samples taken by `play` since the agent joined: the position of the next sample.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Acquire)
    }

    /// The position that is being heard in the room at this moment, as far as the server plays in real time what it
    /// got. After an interrupt it stays where the voice was cut off until something new is heard.
    pub fn played(&self) -> u64 {
        self.shared.playhead().heard(Instant::now().into_std())
    }

    /// Whether nothing is queued and nothing is on its way to be heard.
    pub fn is_silent(&self) -> bool {
        let settled = self.shared.settled.load(Acquire) >= self.written();
        settled && self.shared.playhead().silent_at().is_none_or(|at| at <= Instant::now().into_std())
    }

    /// Samples that `play` could not take.
    pub fn refused_samples(&self) -> u64 {
        self.shared.refused.load(Relaxed)
    }

    fn queued_samples(&self) -> u64 {
        self.written().saturating_sub(self.shared.fetched.load(Acquire))
    }

    async fn wait_until(&self, reached: impl Fn() -> bool) {
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            // Registered before the check, so a change between the check and the wait is not missed.
            progress.as_mut().enable();
            if reached() {
                return;
            }
            if self.shared.closed.load(Acquire) {
                // A loop that waits for nothing more must still be stoppable.
                tokio::task::yield_now().await;
                return;
            }
            progress.await;
        }
    }
}

/// What the ring holds; longer pieces go beside it.
const RING: Duration = Duration::from_millis(200);
/// One play of so many is timed.
const STAMPED: u32 = 50;
/// The most that may be queued; beyond it `play` takes no more.
const LONGEST_QUEUE: Duration = Duration::from_secs(60);
/// Pieces beside the ring that may be queued; beyond them `play` takes no more.
const PIECES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Play(usize),
        Fetch(usize),
        /// By a driver that has not looked for interrupts yet.
        FetchBlindly(usize),
        Interrupt,
        InboxMessage,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1usize..12_000).prop_map(Step::Play),
            (1usize..3_000).prop_map(Step::Fetch),
            (1usize..3_000).prop_map(Step::FetchBlindly),
            Just(Step::Interrupt),
            Just(Step::InboxMessage),
        ];
        proptest::collection::vec(step, 1..80)
    }

    proptest! {
        #[test]
        fn any_interleaving_gives_each_sample_once_in_order_and_none_from_before_an_interrupt(steps in steps()) {
            let (mut voice, mut port) = voice_link(Some(Hz::K16));
            let (mut next, mut last, mut barrier, mut pending, mut out) = (0u64, None, 0, false, Vec::new());
            for step in steps {
                match step {
                    Step::Play(samples) => {
                        // The low bits of its position tell each sample from its neighbours.
                        let chunk: Vec<i16> = (next..next + samples as u64).map(|n| (n % 32_000) as i16).collect();
                        next += voice.play(&chunk) as u64;
                    }
                    Step::Interrupt => {
                        voice.interrupt();
                        (barrier, pending) = (next, true);
                    }
                    Step::InboxMessage => {
                        port.take_interrupt();
                        pending = false;
                    }
                    Step::FetchBlindly(samples) => {
                        let from = port.position();
                        out.clear();
                        port.fetch(samples, &mut out);
                        prop_assert!(!pending || from + out.len() as u64 <= barrier, "what is new must wait");
                        last = (from + out.len() as u64).checked_sub(1).max(last);
                    }
                    Step::Fetch(samples) => {
                        let interrupted = port.take_interrupt();
                        pending = false;
                        let from = port.position();
                        prop_assert!(!interrupted || from >= barrier);
                        out.clear();
                        port.fetch(samples, &mut out);
                        for (n, sample) in (from..).zip(&out) {
                            prop_assert_eq!(*sample, (n % 32_000) as i16);
                            prop_assert!(last.is_none_or(|last| n > last) && n >= barrier);
                            last = Some(n);
                        }
                    }
                }
                prop_assert_eq!(voice.queued_samples(), next - port.position());
            }
            port.take_interrupt();
            out.clear();
            port.fetch(usize::MAX, &mut out);
            prop_assert_eq!(port.position(), next);
        }
    }

    #[test]
    fn a_full_queue_says_how_much_it_took() {
        let (mut voice, _port) = voice_link(Some(Hz::K16));
        assert_eq!(voice.play(&vec![0; 16_000 * 61]), 16_000 * 60);
        assert_eq!(voice.play(&[0]), 0);
        assert_eq!(voice.refused_samples(), 16_001);
        let (mut mute, _port) = voice_link(None);
        assert_eq!(mute.play(&[1, 2, 3]), 0);
    }
}
