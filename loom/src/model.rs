//! What is run, and what must hold.

use real_std::{
    panic,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Wake, Waker},
    time::Instant,
};

use loom::{sync::atomic::Ordering, thread};

use crate::{
    agent::voice_link,
    audio::{Hz, ring::ring},
};

/// Who orders what; one at a time can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    None,
    PublishRead,
    PublishWritten,
    SeeRead,
    SeeWritten,
    /// All of the counters beside the ring.
    Counters,
    /// Between the driver's making itself known and the agent's having work for it.
    Fences,
}

static WEAKENED: AtomicU8 = AtomicU8::new(Order::None as u8);

pub fn weakened(which: Order, order: Ordering) -> Ordering {
    if WEAKENED.load(Relaxed) == which as u8 { Ordering::Relaxed } else { order }
}

pub fn has_fences() -> bool {
    WEAKENED.load(Relaxed) != Order::Fences as u8
}

pub fn as_ordered(order: Ordering) -> Ordering {
    weakened(Order::Counters, order)
}

type Model = (&'static str, fn());

const MODELS: [Model; 5] = [
    ("ring of 2", || ring_hands_over(2)),
    ("ring of 3", || ring_hands_over(3)),
    ("voice", voice_hands_over),
    ("voice, interrupted", voice_is_interrupted),
    ("voice, waited for", voice_wakes_its_driver),
];

/// A writer that writes more than fits, a reader that reads and skips across the wrap.
fn ring_hands_over(capacity: usize) {
    let (mut writer, mut reader) = ring(capacity);
    let writes = thread::spawn(move || {
        let (mut next, total) = (0i16, capacity as i16 * 2);
        for chunk in [1, 2, 3] {
            let chunk: Vec<i16> = (next..total.min(next + chunk)).collect();
            let free = writer.free();
            let wrote = writer.write(&chunk);
            assert!(wrote >= free.min(chunk.len()));
            next += wrote as i16;
        }
        (writer, next)
    });
    let (mut next, mut out) = (0i16, [0; 8]);
    for step in 0..3 {
        let waits = reader.waiting();
        let got = if step == 1 {
            reader.skip(1)
        } else {
            let got = reader.read(&mut out[..2]);
            assert!(out[..got].iter().copied().eq(next..next + got as i16));
            got
        };
        assert!(got >= waits.min(if step == 1 { 1 } else { 2 }));
        next += got as i16;
    }
    let (writer, written) = writes.join().unwrap();
    drop(writer);
    let got = reader.read(&mut out);
    assert!(out[..got].iter().copied().eq(next..next + got as i16));
    assert_eq!(next + got as i16, written);
}

/// Samples through the ring, a piece beside it, and through the ring again.
fn voice_hands_over() {
    let (mut voice, mut port) = voice_link(RING_OF_2);
    let agent = thread::spawn(move || {
        for piece in [&[0, 1][..], &[2, 3, 4], &[5]] {
            assert_eq!(voice.play(piece), piece.len());
        }
        voice
    });
    let mut out = Vec::new();
    for most in [1, 4] {
        let (waits, before) = (port.waiting(), out.len());
        let got = port.fetch(most, &mut out);
        assert!(got as u64 >= waits.min(most as u64), "what is counted is there");
        assert_eq!(out.len() - before, got);
    }
    assert!(out.iter().copied().eq(0..out.len() as i16));
    let voice = agent.join().unwrap();
    port.fetch(9, &mut out);
    assert!(out.iter().copied().eq(0..6));
    assert_eq!((voice.written(), port.position(), port.waiting()), (6, 6, 0));
    port.settle(6);
    assert!(voice.is_silent());
}

/// What was said before an interrupt is never heard after it was noticed; what was said after it is not heard before.
fn voice_is_interrupted() {
    let (mut voice, mut port) = voice_link(RING_OF_2);
    let agent = thread::spawn(move || {
        voice.play(&[0, 1]);
        voice.interrupt();
        voice.play(&[2]);
        voice
    });
    let (mut out, mut noticed) = (Vec::new(), false);
    for _ in 0..2 {
        noticed |= port.take_interrupt();
        assert!(!noticed || port.position() >= 2);
        let from = port.position();
        out.clear();
        port.fetch(3, &mut out);
        assert!(out.iter().copied().eq(from as i16..from as i16 + out.len() as i16));
        assert!(noticed || port.position() <= 2, "what is new must wait");
    }
    let _voice = agent.join().unwrap();
    assert!(noticed || port.take_interrupt());
    port.fetch(3, &mut out);
    assert_eq!(port.position(), 3);
}

/// Whatever comes after the driver's last look wakes it, be that its first look or its second.
fn voice_wakes_its_driver() {
    let (mut voice, mut port) = voice_link(RING_OF_2);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let agent = thread::spawn(move || {
        voice.play(&[0]);
        voice.play(&[1]);
    });
    let (mut seen, mut before) = (0, 0);
    for _ in 0..2 {
        // What wakes it during the look makes it look again.
        before = wakes.0.load(Ordering::Acquire);
        if port.poll_work(&mut Context::from_waker(&waker)).is_ready() {
            seen = port.waiting();
        }
    }
    agent.join().unwrap();
    assert!(seen == 2 || wakes.0.load(Ordering::Acquire) > before, "{seen} seen, and it sleeps on");
}

/// How often the driver was woken. As of a task, what was done before a wake is seen after it.
#[derive(Default)]
struct Wakes(loom::sync::atomic::AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Wakes>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// 200 ms of it are what the voice's ring holds.
const RING_OF_2: Hz = Hz(10);

fn run(model: fn()) -> usize {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    RUNS.store(0, Relaxed);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = real_std::env::var("LOOM_MAX_PREEMPTIONS").ok().and_then(|n| n.parse().ok());
    builder.check(move || {
        RUNS.fetch_add(1, Relaxed);
        model();
    });
    RUNS.load(Relaxed)
}

pub fn check() -> ExitCode {
    for (name, model) in MODELS {
        let started = Instant::now();
        let runs = run(model);
        println!("{name}: {runs} executions, {:.1} s", started.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}

/// Takes away one order at a time, and sees which models notice.
pub fn find_weakened() -> ExitCode {
    let mut missed = false;
    panic::set_hook(Box::new(|_| ()));
    use Order::{Counters, Fences, PublishRead, PublishWritten, SeeRead, SeeWritten};
    for order in [PublishRead, PublishWritten, SeeRead, SeeWritten, Counters, Fences] {
        WEAKENED.store(order as u8, Relaxed);
        let found: Vec<_> = MODELS
            .iter()
            .filter_map(|(name, model)| {
                let error = panic::catch_unwind(|| run(*model)).err()?;
                let said = error.downcast_ref::<String>().cloned();
                let said = said.or(error.downcast_ref::<&str>().map(|said| (*said).to_owned())).unwrap_or_default();
                Some(format!("{name}: {}", said.lines().next().unwrap_or_default()))
            })
            .collect();
        println!("without {order:?}: {found:#?}");
        missed |= found.is_empty();
    }
    ExitCode::from(u8::from(missed))
}
