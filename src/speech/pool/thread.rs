//! One thread of a pool.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Answer, EngineStats, Shared, Taken, Waiting, lock, queue::Next};
use crate::conversation::{EngineError, SpeechWorker, Spoken, Transcription};

/// Begins a thread that serves the pool until it ends.
pub(super) fn spawn(shared: Arc<Shared>) -> Result<(), EngineError> {
    let name = format!("stt-{}", shared.about.name);
    let run = || {
        // On a machine that is full, sound goes first.
        #[cfg(target_os = "linux")]
        rustix::process::nice(BEHIND_SOUND).ok();
        Thread { shared, worker: None, failed: None }.run();
    };
    let spawned = std::thread::Builder::new().name(name).spawn(run);
    spawned.map(drop).map_err(|error| EngineError::Unavailable(format!("the machine gives no thread: {error}")))
}

struct Thread {
    shared: Arc<Shared>,
    worker: Option<Box<dyn SpeechWorker>>,
    /// When making a worker failed last, and why.
    failed: Option<(Instant, EngineError)>,
}

impl Thread {
    fn run(mut self) {
        loop {
            // Before anybody waits for it: what loads for long would be late with the first utterance, and with the next.
            if self.worker.is_none() {
                self.worker = self.make().ok();
            }
            let Some(waiting) = self.next() else { return };
            let taken = waiting.taken.clone();
            let place = self.serve(waiting);
            let mut state = self.shared.lock();
            state.running.retain(|running| !Arc::ptr_eq(running, &taken));
            if place == Place::Taken {
                state.abandoned -= 1;
                return;
            }
        }
    }

    /// Waits for a job that is still wanted.
    fn next(&self) -> Option<Waiting> {
        let mut state = self.shared.lock();
        loop {
            if state.ends {
                return None;
            }
            let factor = state.factor;
            let Next { job, late, shed } = state.queue.pop(Instant::now(), factor);
            if !late.is_empty() {
                // One slow run must not make the rest look hopeless for ever.
                state.factor *= FORGETS;
            }
            late.into_iter().for_each(|waiting| drop(waiting.answer.send(Err(EngineError::Late))));
            shed.into_iter().for_each(|waiting| drop(waiting.answer.send(Err(EngineError::Shed))));
            if let Some(waiting) = job {
                let mut taken = lock(&waiting.taken);
                if *taken == Taken::Waits {
                    *taken = Taken::Runs(Instant::now());
                    drop(taken);
                    state.running.push(waiting.taken.clone());
                    return Some(waiting);
                }
                continue;
            }
            state = self.shared.wake.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn serve(&mut self, waiting: Waiting) -> Place {
        let Waiting { job, asked, answer, taken } = waiting;
        let begun = Instant::now();
        let queued = begun.saturating_duration_since(asked);
        let others_wait = self.shared.lock().queue.has_finals();
        let speech = Spoken {
            others_wait,
            samples: &job.samples,
            is_final: job.is_final,
            language: job.language.as_deref(),
            deadline: job.deadline,
        };
        let result = self.transcribe(&speech);
        let took = begun.elapsed();
        if *lock(&taken) == Taken::Replaced {
            return Place::Taken;
        }
        if result.is_ok() {
            let factor = took.as_secs_f64() / speech.duration().as_secs_f64().max(LEAST_S);
            let mut state = self.shared.lock();
            state.factor += (factor - state.factor) * NEWEST;
        }
        if let (false, Ok(heard)) = (job.is_trial, &result) {
            self.count(&speech, heard, queued, took);
        }
        answer.send(result.map(|heard| Answer { heard, nonsense: None, queued, took })).ok();
        Place::Kept
    }

    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => self.make()?,
        };
        if speech.time_left().is_zero() {
            self.worker = Some(worker);
            return Err(EngineError::Late);
        }
        let result = catch_unwind(AssertUnwindSafe(|| worker.transcribe(speech)));
        let result = result.unwrap_or_else(|_| Err(EngineError::Broken("the engine panicked".into())));
        match &result {
            Err(EngineError::Broken(why)) => {
                tracing::warn!(engine = %self.shared.about.name, "the engine is started anew: {why}");
                EngineStats::count(&self.shared.asked.stats().restarts, 1);
            }
            _ => self.worker = Some(worker),
        }
        result
    }

    /// One that cannot be made is not tried with every utterance.
    fn make(&mut self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        if let Some((at, error)) = &self.failed
            && at.elapsed() < RETRY
        {
            return Err(error.clone());
        }
        let made = catch_unwind(AssertUnwindSafe(|| self.shared.engine.worker()));
        let made =
            made.unwrap_or_else(|_| Err(EngineError::Unavailable("the engine panicked while it was loaded".into())));
        self.failed = made.as_ref().err().map(|error| (Instant::now(), error.clone()));
        made
    }

    fn count(&self, speech: &Spoken<'_>, heard: &Transcription, queued: Duration, took: Duration) {
        let stats = self.shared.asked.stats();
        stats.queue.note(queued);
        stats.engine.note(took);
        EngineStats::count(&stats.speech_us, speech.duration().as_micros() as u64);
        EngineStats::count(&stats.busy_us, took.as_micros() as u64);
        match speech.is_final {
            true => {
                EngineStats::count(&stats.finals, 1);
                EngineStats::count(&stats.words, heard.text.split_whitespace().count() as u64);
            }
            false => EngineStats::count(&stats.partials, 1),
        }
    }
}

/// Whether the thread still has its place in the pool.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Kept,
    Taken,
}

/// How much the newest run counts in what the engine takes, and what each utterance that is left out takes off it.
const NEWEST: f64 = 0.1;
const FORGETS: f64 = 0.98;
/// What an engine takes over less speech than this says nothing of how fast it is.
const LEAST_S: f64 = 1.0;
/// How much less of a full core an engine gets than sound; Linux counts that for each thread.
#[cfg(target_os = "linux")]
const BEHIND_SOUND: i32 = 5;
/// How long after a failure making a worker is tried again.
const RETRY: Duration = Duration::from_secs(1);
