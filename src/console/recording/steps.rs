//! The session itself, step by step, on a runtime of its own whose time is made up.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot, watch},
    time::{Instant, advance, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    RecordingError,
    files::Witness,
    idle::Idle,
    inputs::{Inputs, Step, end_of},
};
use crate::{
    agent::Agent,
    audio::Hz,
    console::{
        driver::{Driver, Ends, Parts, Typed},
        sound::{Order, Wires},
    },
    session::{SessionLink, SessionSummary},
    speech::Answers,
};

/// A session that goes by the clock of its sound.
pub(super) struct Session {
    pub(super) parts: Parts,
    pub(super) ends: Ends,
    pub(super) span: tracing::Span,
    pub(super) agent: Box<dyn Agent>,
    pub(super) answers: Answers,
    pub(super) seed: u64,
    pub(super) inputs: Inputs,
    pub(super) witness: Arc<Mutex<dyn Witness>>,
    /// Where the agent's voice goes beside that.
    pub(super) speaker: Option<mpsc::Sender<Order>>,
    pub(super) outside: Outside,
}

/// The outside of a session's ends.
pub(super) struct Outside {
    /// Gone once no more sound comes.
    pub(super) heard: Option<mpsc::Sender<Vec<i16>>>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) typed: mpsc::Sender<String>,
    pub(super) interrupts: watch::Sender<u64>,
    pub(super) leave: CancellationToken,
    pub(super) drain: watch::Sender<Option<Duration>>,
}

/// What a session is told by step by step, and shows its events to.
pub(super) fn ends(link: &mut SessionLink, witness: &Arc<Mutex<dyn Witness>>) -> (Ends, Outside) {
    let (heard_in, heard) = mpsc::channel(BLOCKS);
    let (orders_in, orders) = mpsc::channel(ORDERS);
    let (typed_in, typed) = mpsc::channel(BLOCKS);
    let (interrupts_in, interrupts) = watch::channel(0);
    let (drain_in, drain) = watch::channel(None);
    let leave = CancellationToken::new();
    (link.leave, link.drain) = (leave.clone(), drain);
    let witness = witness.clone();
    link.follow(move |event| witness.lock().unwrap_or_else(PoisonError::into_inner).on_event(event));
    let ends = Ends { wires: Wires { orders: orders_in, heard }, typed: Typed { lines: typed, interrupts } };
    let outside =
        Outside { heard: Some(heard_in), orders, typed: typed_in, interrupts: interrupts_in, leave, drain: drain_in };
    (ends, outside)
}

/// Lets it run on a thread of its own. Its summary comes when it is over, and nothing if it panicked.
///
/// # Errors
/// The machine gives no thread, or the voice cannot be encoded.
pub(super) fn begin(session: Session) -> Result<oneshot::Receiver<SessionSummary>, RecordingError> {
    let (told, begun) = std::sync::mpsc::sync_channel(1);
    let (finished, summary) = oneshot::channel();
    let run = move || {
        // It has the threads of its blocking calls, and no other.
        let idle = Idle::default();
        let at_park = idle.clone();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .on_thread_park(move || at_park.on_park())
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(told.send(Err(RecordingError(format!("the machine gives no thread: {error}"))))),
        };
        let answers = session.answers.clone();
        let _entered = answers.enter();
        fastrand::seed(session.seed);
        let span = session.span.clone();
        let summary = runtime.block_on(session.run(told, idle).instrument(span));
        // What the agent left running ends here.
        runtime.shutdown_background();
        if let Err(error) = answers.flush() {
            tracing::warn!("the recording is not whole: {error}");
        }
        if let Some(summary) = summary {
            finished.send(summary).ok();
        }
    };
    let spawned = std::thread::Builder::new().name("console session".into()).spawn(run);
    spawned.map_err(|error| RecordingError(format!("the machine gives no thread: {error}")))?;
    begun.recv().unwrap_or_else(|_| Err(RecordingError("the session broke off".into())))?;
    Ok(summary)
}

/// Whether it has begun.
type Told = std::sync::mpsc::SyncSender<Result<(), RecordingError>>;

impl Session {
    async fn run(self, told: Told, idle: Idle) -> Option<SessionSummary> {
        let Session { mut parts, ends, agent, answers, inputs, witness, speaker, outside, .. } = self;
        let begun = Instant::now();
        parts.observers.begun = begun;
        // What is asked from here on is answered at the beginning of a step.
        if let Err(trouble) = answers.begin_step(0) {
            told.send(Err(RecordingError(trouble.to_string()))).ok();
            return None;
        }
        let voice_rate = parts.voice.as_ref().map(|voice| voice.rate());
        let driver = match Driver::new(parts, ends, agent) {
            Ok(driver) => driver,
            Err(error) => {
                told.send(Err(RecordingError(error.to_string()))).ok();
                return None;
            }
        };
        told.send(Ok(())).ok();
        let mouth = Mouth { rate: voice_rate.unwrap_or(Hz::K16), queue: Vec::new(), speaker };
        let steps = Steps { begun, idle, answers, inputs, witness, outside, mouth };
        // Tasks both: what is polled first is then a matter of what was woken first.
        let (driver, steps) =
            (tokio::spawn(driver.run().in_current_span()), tokio::spawn(steps.run().in_current_span()));
        steps.await.ok()?;
        driver.await.ok()
    }
}

/// See the module's head.
struct Steps {
    begun: Instant,
    idle: Idle,
    answers: Answers,
    inputs: Inputs,
    witness: Arc<Mutex<dyn Witness>>,
    outside: Outside,
    mouth: Mouth,
}

impl Steps {
    async fn run(mut self) {
        self.idle.reached().await;
        while !self.is_over() {
            let step = self.inputs.next().await;
            let due = self.begun + end_of(step.step);
            self.witness(|witness| witness.on_step(&step));
            if let Err(trouble) = self.answers.begin_step(step.step) {
                self.witness(|witness| witness.on_trouble(&trouble));
            }
            self.hand_in(step);
            // All that is due up to then happens first, in its order: time moves on when nothing else is left to do.
            pass_to(due, self.idle.clone(), self.inputs.patience()).await;
            self.mouth.take(&mut self.outside.orders);
            let said = self.mouth.play();
            self.witness(|witness| {
                witness.on_said(&said);
                witness.flush();
            });
        }
        self.mouth.take(&mut self.outside.orders);
        let rest = std::mem::take(&mut self.mouth.queue);
        self.witness(|witness| {
            witness.on_said(&rest);
            witness.flush();
        });
    }

    /// The driver has closed its ear, or has ended where there is nothing to be heard.
    fn is_over(&self) -> bool {
        self.outside.heard.as_ref().map_or_else(|| self.outside.orders.is_closed(), mpsc::Sender::is_closed)
    }

    fn hand_in(&mut self, step: Step) {
        for line in step.lines {
            // One that waits behind so many others is lost, here as in a replay.
            self.outside.typed.try_send(line).ok();
        }
        if step.interrupts {
            self.outside.interrupts.send_modify(|interrupts| *interrupts += 1);
        }
        if let Some(within) = step.drains {
            self.outside.drain.send_replace(Some(within));
        }
        if step.leaves {
            self.outside.leave.cancel();
        }
        if let (Some(block), Some(heard)) = (step.block, &self.outside.heard) {
            heard.try_send(block).ok();
        }
        if step.sound_ends {
            self.outside.heard = None;
        }
    }

    fn witness(&self, show: impl FnOnce(&mut dyn Witness)) {
        show(&mut *self.witness.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Lets time pass, each moment of it when nothing is left to do at the one before. tokio does not move made-up time on while a
/// blocking call runs; an agent that makes a long one must not stop the session, so time is moved on by hand then.
async fn pass_to(due: Instant, idle: Idle, patience: Duration) {
    let is_stuck = tokio::select! {
        biased;
        () = sleep_until(due) => false,
        () = idle.stuck(patience) => true,
    };
    idle.reached().await;
    while is_stuck && Instant::now() < due {
        advance(MOMENT.min(due - Instant::now())).await;
        idle.reached().await;
    }
}

/// What is heard of the agent, on the clock of the steps, and the way to the speaker that is heard in truth.
struct Mouth {
    rate: Hz,
    queue: Vec<i16>,
    speaker: Option<mpsc::Sender<Order>>,
}

impl Mouth {
    fn take(&mut self, orders: &mut mpsc::Receiver<Order>) {
        while let Ok(order) = orders.try_recv() {
            match &order {
                Order::Play(packet) => self.queue.extend(packet),
                Order::Cut => self.queue.clear(),
            }
            if let Some(speaker) = &self.speaker {
                speaker.try_send(order).ok();
            }
        }
    }

    /// What a speaker plays in one step.
    fn play(&mut self) -> Vec<i16> {
        let block = self.rate.block_samples();
        let mut said: Vec<i16> = self.queue.drain(..block.min(self.queue.len())).collect();
        said.resize(block, 0);
        said
    }
}

/// How finely tokio's timers count.
const MOMENT: Duration = Duration::from_millis(1);
/// Blocks that may wait for the session, and lines.
const BLOCKS: usize = 50;
/// Packets that may wait: two seconds of them.
const ORDERS: usize = 128;
