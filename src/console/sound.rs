//! The thread that moves sound between a card and a session: it wakes each 5 ms, cleans what the microphone heard, and hands
//! on what the agent says. Both sides are shown to whoever draws them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    card::{Card, CardFigures},
    device::Direction,
    echo::{Canceller, Processing},
};
use crate::audio::{Hz, pcm16};

/// What the driver asks of the sound thread.
#[derive(Debug)]
pub(super) enum Order {
    /// A packet of the voice, at its rate.
    Play(Vec<i16>),
    /// What has not been heard is dropped.
    Cut,
}

/// Both ends of the way between them.
pub(super) struct Wires {
    pub(super) orders: mpsc::Sender<Order>,
    /// Blocks of 20 ms of the microphone.
    pub(super) heard: mpsc::Receiver<Vec<i16>>,
}

/// What is shared with whoever looks on: switches, figures, and the newest of both sides.
#[derive(Debug, Clone, Default)]
pub struct Desk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_muted: AtomicBool,
    lost_blocks: AtomicU64,
    figures: Mutex<CardFigures>,
    heard: Mutex<Trail>,
    said: Mutex<Trail>,
    /// Devices that are to be gone on with.
    chosen: Mutex<Vec<(Direction, String)>>,
}

/// The newest sound of one side.
#[derive(Debug, Default)]
struct Trail {
    rate: Option<Hz>,
    samples: VecDeque<i16>,
}

impl Desk {
    /// Whether the microphone is off.
    pub fn is_muted(&self) -> bool {
        self.0.is_muted.load(Acquire)
    }

    /// Turns the microphone off, or on again.
    pub fn mute(&self, is_muted: bool) {
        self.0.is_muted.store(is_muted, Release);
    }

    /// Goes on with another microphone or speaker, by its id or a part of its name. One that cannot be had is warned of, and the one
    /// before stays. Files stay what they are.
    pub fn choose(&self, direction: Direction, device: &str) {
        self.0.chosen.lock().expect("no holder panics").push((direction, device.to_owned()));
    }

    /// How the devices do.
    pub fn figures(&self) -> CardFigures {
        self.figures_now().clone()
    }

    /// Blocks of 20 ms that the session did not take in time.
    pub fn lost_blocks(&self) -> u64 {
        self.0.lost_blocks.load(Relaxed)
    }

    /// The last 100 ms of the microphone, as the agent hears it, and of the speaker, with their rates.
    pub fn newest(&self) -> [(Option<Hz>, Vec<i16>); 2] {
        [&self.0.heard, &self.0.said].map(|trail| {
            let trail = trail.lock().expect("no holder panics");
            (trail.rate, trail.samples.iter().copied().collect())
        })
    }

    fn figures_now(&self) -> MutexGuard<'_, CardFigures> {
        self.0.figures.lock().expect("no holder panics")
    }
}

impl Trail {
    fn add(&mut self, rate: Hz, samples: &[i16]) {
        self.rate = Some(rate);
        let longest = rate.samples_in(SHOWN);
        self.samples.extend(samples);
        let surplus = self.samples.len().saturating_sub(longest);
        self.samples.drain(..surplus);
    }
}

/// See the module's head. Made without a thread, it can be moved on by hand.
pub(super) struct Sound {
    card: Box<dyn Card>,
    canceller: Canceller,
    rate: Hz,
    voice_rate: Hz,
    desk: Desk,
    orders: mpsc::Receiver<Order>,
    session: mpsc::Sender<Vec<i16>>,
    voice: Vec<f32>,
    /// Of each side, what does not make a block yet.
    heard: Vec<f32>,
    played: Vec<f32>,
    cleaned: Vec<f32>,
}

impl Sound {
    /// What moves sound of `card`, whose microphone is wanted at the first of these rates, and which plays a voice of the other.
    pub(super) fn new(
        card: Box<dyn Card>,
        [rate, voice_rate]: [Hz; 2],
        processing: Processing,
        desk: Desk,
    ) -> (Sound, Wires) {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let (session, heard) = mpsc::channel(BLOCKS);
        *desk.figures_now() = card.figures();
        let sound = Sound {
            card,
            canceller: Canceller::new(rate, processing),
            rate,
            voice_rate,
            desk,
            orders: ordered,
            session,
            voice: Vec::new(),
            heard: Vec::new(),
            played: Vec::new(),
            cleaned: Vec::new(),
        };
        (sound, Wires { orders, heard })
    }

    /// Moves on what there is at `now`. Says whether the session goes on.
    pub(super) fn step(&mut self, now: Instant) -> bool {
        for (direction, device) in std::mem::take(&mut *self.desk.0.chosen.lock().expect("no holder panics")) {
            self.card.choose(direction, device);
        }
        self.card.look(now);
        self.carry_out_orders();
        self.card.take_played(&mut self.played);
        self.card.take_heard(&mut self.heard);
        self.clean_heard();
        self.hand_on_heard();
        *self.desk.figures_now() = self.card.figures();
        !self.session.is_closed()
    }

    fn carry_out_orders(&mut self) {
        let mut voice = std::mem::take(&mut self.voice);
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Play(packet) => voice.extend(packet.iter().copied().map(pcm16::to_float)),
                Order::Cut => {
                    voice.clear();
                    self.card.cut();
                }
            }
        }
        if !voice.is_empty() {
            if self.card.is_dry() {
                // Who speaks as it hears is never ahead: its packets come as evenly as the machine lets them.
                let missing = self.voice_rate.samples_in(CUSHION).saturating_sub(voice.len());
                self.card.play(&vec![0.0; missing]);
            }
            self.card.play(&voice);
        }
        voice.clear();
        self.voice = voice;
    }

    /// Both sides in turns, each block of what was played first: the microphone cannot have heard it earlier. Where the thread
    /// stood still, both have piled up, and the canceller would take what comes of one side alone for a change of the room.
    fn clean_heard(&mut self) {
        let block = self.canceller.block_samples();
        let played_whole = self.played.len() / block * block;
        let heard_whole = self.heard.len() / block * block;
        let mut played = self.played[..played_whole].chunks(block);
        for heard in self.heard[..heard_whole].chunks(block) {
            if let Some(played) = played.next() {
                self.canceller.on_played(played);
            }
            self.canceller.clean(heard, &mut self.cleaned);
        }
        played.for_each(|played| self.canceller.on_played(played));
        let said: Vec<i16> = self.played[..played_whole].iter().copied().map(pcm16::from_float).collect();
        self.desk.0.said.lock().expect("no holder panics").add(self.rate, &said);
        self.played.drain(..played_whole);
        self.heard.drain(..heard_whole);
    }

    fn hand_on_heard(&mut self) {
        let block = self.rate.block_samples();
        let whole = self.cleaned.len() / block * block;
        if self.desk.is_muted() {
            // The canceller goes on hearing, so that it has forgotten nothing when the microphone is on again.
            self.cleaned[..whole].fill(0.0);
        }
        for block in self.cleaned[..whole].chunks(block) {
            let samples: Vec<i16> = block.iter().copied().map(pcm16::from_float).collect();
            self.desk.0.heard.lock().expect("no holder panics").add(self.rate, &samples);
            let is_taken = self.session.try_send(samples).is_ok();
            self.desk.0.lost_blocks.fetch_add(u64::from(!is_taken && !self.session.is_closed()), Relaxed);
        }
        self.cleaned.drain(..whole);
    }

    /// Moves sound until the session is over and its last word was heard.
    pub(super) fn run(mut self) {
        while self.step(Instant::now()) {
            std::thread::sleep(LOOK);
        }
        let over = Instant::now() + LONGEST_END;
        while !self.card.is_dry() && Instant::now() < over {
            std::thread::sleep(LOOK);
            self.step(Instant::now());
        }
        // What the device has taken it has not played yet.
        let buffered = Instant::now() + BUFFERED;
        while Instant::now() < buffered {
            std::thread::sleep(LOOK);
            self.step(Instant::now());
        }
    }
}

/// How often the thread looks.
const LOOK: Duration = Duration::from_millis(5);
/// How long the last words may take: no more than that is ever queued.
const LONGEST_END: Duration = super::LONGEST_QUEUE;
/// What devices hold themselves.
const BUFFERED: Duration = Duration::from_millis(60);
/// How much is queued at least before a voice begins: four packets, of which the device takes two at once.
const CUSHION: Duration = Duration::from_millis(80);
/// How much of each side is shown.
const SHOWN: Duration = Duration::from_millis(100);
/// Packets that may wait for the thread: two seconds of them.
const ORDERS: usize = 128;
/// Blocks that may wait for the session: a second of them.
const BLOCKS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::files::Files;

    /// An agent that speaks for 20 s into a room that echoes; from the tenth second on the thread stands still for so long at a
    /// time. What is left of its voice in each second of the last nine, in dB below full scale.
    fn left_db(stands_still: Duration) -> Vec<f32> {
        let card = Files::open(None, None, Some(-6.0), [Hz::K16, Hz::K16]).unwrap();
        let processing = Processing { echo: true, noise: false, gain: false };
        let (mut sound, mut wires) = Sound::new(Box::new(card), [Hz::K16, Hz::K16], processing, Desk::default());
        let (mut now, mut heard) = (Instant::now(), Vec::new());
        let begun = now;
        let mut step = |sound: &mut Sound, now| {
            sound.step(now);
            while let Ok(block) = wires.heard.try_recv() {
                heard.extend(block);
            }
        };
        let mut packets = crate::speech::sentence().chunks_exact(320).cycle();
        for packet in 0..1_000 {
            wires.orders.try_send(Order::Play(packets.next().unwrap().to_vec())).unwrap();
            if packet % 50 == 0 && packet >= 500 {
                now += stands_still;
            }
            for _ in 0..4 {
                step(&mut sound, now);
                now += LOOK;
            }
        }
        assert!(now - begun >= Duration::from_secs(20));
        let from = heard.len() - 9 * 16_000;
        let power = |second: &[i16]| second.iter().map(|sample| pcm16::to_float(*sample).powi(2)).sum::<f32>();
        heard[from..].chunks_exact(16_000).map(|second| 10.0 * (power(second) / 16_000.0 + 1e-12).log10()).collect()
    }

    #[test]
    fn a_thread_that_stood_still_has_not_forgotten_the_room() {
        for stands_still in [0, 200, 900] {
            let left_db = left_db(Duration::from_millis(stands_still));
            println!("{stands_still} ms: {left_db:.0?}");
            assert!(left_db.iter().all(|left| *left < -60.0), "{stands_still} ms: {left_db:.0?}");
        }
    }
}
