//! The agents of a bench: one in every room there is, all in this process.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::{
    sync::mpsc,
    time::{interval, sleep, timeout},
};

use super::{
    machine,
    part::{self, Left, Said, Speech, rooms, tell},
    wrong,
};
use crate::{
    agent::{Agent, AgentError, AudioRequirements, Maker, OptionsError, Registry, Room},
    audio::Hz,
    cli::{ErrorCode, Failure, args::LoadArgs},
    event::RoomId,
    fishjam::Fishjam,
    platform::JoinOptions,
    session::{SessionEventKind, SessionHandle, SessionSummary},
    signal::PublishedTrack,
    speech,
    stats::LatencyCounts,
};

pub(super) async fn run(
    registry: &Registry,
    fishjam: Fishjam,
    seconds: u64,
    voice: PublishedTrack,
    load: &LoadArgs,
) -> Result<(), Failure> {
    let rooms = rooms(&fishjam).await?;
    let input = |error: OptionsError| Failure::new(ErrorCode::AgentOptions, error.to_string());
    let name = if load.scribes { "scribe" } else { "echo" };
    let options = crate::cli::agents::set(&load.set)?;
    let maker = registry.find(name).map_err(input)?.prepare(options).await.map_err(input)?;
    let voice = (!load.scribes).then_some(voice);
    let context = SessionContext { maker, fishjam, voice, speech: load.speech, notes: Arc::default() };
    let (mut stays, mut joins, mut first_rss_kib) = (Vec::new(), Vec::new(), 0);
    let (timed, others) = rooms.split_at(rooms.len().min(TIMED));
    for (n, room) in timed.iter().enumerate() {
        let (handle, took) = context.join(room).await?;
        stays.push(handle);
        joins.push(took);
        if n == 0 {
            // What all sessions share is there once the first has run for a moment.
            sleep(SETTLE).await;
            first_rss_kib = machine::resident_kib();
        }
    }
    let mut others = stream::iter(others).map(|room| context.join(room)).buffered(AT_ONCE);
    while let Some(joined) = others.next().await {
        stays.push(joined?.0);
    }
    part::be_measured(rooms.len(), &joins, first_rss_kib, seconds).await;
    let mut left = Left::default();
    let mut to_agent = LatencyCounts::default();
    // As they stand now: those who leave are no part of what was measured.
    left.speech = load.scribes.then(|| context.speech(rooms.len()));
    let ends = stays.into_iter().map(async |handle| {
        handle.leave();
        handle.ended().await
    });
    for summary in stream::iter(ends).buffer_unordered(LEAVE_AT_ONCE).collect::<Vec<_>>().await {
        count(&mut left, &summary);
        to_agent.add(&summary.counters.to_agent);
    }
    if let Some(speech) = &mut left.speech {
        speech.sound_p99_ms = ms(to_agent.within(0.99));
    }
    if let Some(room) = rooms.first().filter(|_| load.joins > 0) {
        left.churn_rss_kib = context.come_and_go(room, load.joins).await?;
    }
    tell(&Said::Left(left));
    Ok(())
}

/// What each agent of the bench is.
struct SessionContext {
    maker: Maker,
    fishjam: Fishjam,
    voice: Option<PublishedTrack>,
    speech: bool,
    /// Sessions that wrote something down.
    notes: Arc<Mutex<BTreeSet<RoomId>>>,
}

impl SessionContext {
    /// Brings one agent in, waits until it is there, and says how long that took.
    async fn join(&self, room: &RoomId) -> Result<(SessionHandle, Duration), Failure> {
        let agent: Box<dyn Agent> = match self.speech {
            true => Box::new(Speaker),
            false => self.maker.make(),
        };
        let options = JoinOptions { voice: self.voice.clone(), ..JoinOptions::new(room.clone()) };
        let begun = Instant::now();
        let mut handle = self.fishjam.join(agent, options).await.map_err(|error| wrong(&error))?;
        if !timeout(JOIN, handle.joined()).await.unwrap_or(false) {
            return Err(Failure::new(ErrorCode::Bench, format!("no agent came into room {room}")));
        }
        let took = begun.elapsed();
        match self.voice {
            // Nobody reads any further: what happens is counted elsewhere.
            Some(_) => handle.events.close(),
            None => self.follow(&mut handle),
        }
        Ok((handle, took))
    }

    /// Notes whether anything is written down.
    fn follow(&self, handle: &mut SessionHandle) {
        let (_, nobody) = mpsc::channel(1);
        let (mut events, room, notes) =
            (std::mem::replace(&mut handle.events, nobody), handle.room.clone(), self.notes.clone());
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if matches!(event.kind, SessionEventKind::Note(_)) {
                    notes.lock().unwrap_or_else(PoisonError::into_inner).insert(room.clone());
                }
            }
        });
    }

    /// What was understood so far.
    fn speech(&self, sessions: usize) -> Speech {
        let engine = speech::measures().into_iter().max_by_key(|engine| engine.finals).unwrap_or_default();
        let wrote = self.notes.lock().unwrap_or_else(PoisonError::into_inner).len();
        Speech {
            engine: engine.name.to_string(),
            capacity: engine.capacity,
            silent_sessions: sessions - wrote,
            finals: engine.finals,
            words: engine.words,
            lost: engine.lost.values().sum(),
            partials: engine.partials,
            shed_partials: engine.shed_partials,
            partial_interval_ms: ms(engine.partial_interval.mean()),
            final_mean_ms: ms(engine.to_final.mean()),
            final_p90_ms: ms(engine.to_final.within(0.9)),
            final_p99_ms: ms(engine.to_final.within(0.99)),
            queue_mean_ms: ms(engine.queue.mean()),
            real_time_factor: engine.real_time_factor().unwrap_or(0.0),
            sound_p99_ms: 0.0,
        }
    }

    /// Joins and leaves `times`, rounded up to whole tens that are in the room together, and gives the memory after each
    /// twentieth.
    async fn come_and_go(&self, room: &RoomId, times: u32) -> Result<Vec<u64>, Failure> {
        let mut resident = Vec::new();
        let step = times.div_ceil(STEPS).max(1);
        for done in (0..times).step_by(AT_ONCE) {
            let stays = futures_util::future::join_all((0..AT_ONCE).map(|_| self.join(room))).await;
            for handle in stays {
                let (handle, _) = handle?;
                handle.leave();
                handle.ended().await;
            }
            if (done + AT_ONCE as u32) / step != done / step {
                resident.push(machine::resident_kib());
            }
        }
        Ok(resident)
    }
}

fn ms(time: Option<Duration>) -> f64 {
    time.map_or(0.0, |time| (time.as_secs_f64() * 1e4).round() / 10.0)
}

/// An agent that speaks ten seconds at once, and waits until they were heard and a quarter as long again.
struct Speaker;

#[async_trait]
impl Agent for Speaker {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { speak_rate: Some(Hz::K16), ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let said: Vec<i16> = (0..160_000).map(|n| (f32::sin(n as f32 * 0.1) * 9_000.0) as i16).collect();
        let mut again = interval(SPEECH_AND_PAUSE);
        loop {
            tokio::select! {
                input = room.inbox.next() => if input.is_none() {
                    return Ok(());
                },
                _ = again.tick() => drop(room.voice.play(&said)),
            }
        }
    }
}

fn count(left: &mut Left, summary: &SessionSummary) {
    for (name, lost) in summary.counters.losses() {
        *left.losses.entry(name.to_owned()).or_default() += lost;
    }
    let said = &summary.counters.outbound;
    left.underruns += said.underruns;
    left.paced_packets += said.paced_packets;
    left.paced_within_2_ms += said.paced_within_2_ms;
    left.paced_worst_ms = left.paced_worst_ms.max(said.paced_worst.as_secs_f64() * 1e3);
}

/// How long the first session runs before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(1);
/// How long an agent may take to come in.
const JOIN: Duration = Duration::from_secs(20);
/// Ten seconds of speech are four fifths of it.
const SPEECH_AND_PAUSE: Duration = Duration::from_millis(12_500);
/// How many come in one after the other, and are timed; the others come at once.
const TIMED: usize = 400;
/// How many come in at once, and how many are in the room together while they come and go.
const AT_ONCE: usize = 10;
/// How many leave at once at the end.
const LEAVE_AT_ONCE: usize = 64;
/// How often memory is looked at while they come and go.
const STEPS: u32 = 20;
