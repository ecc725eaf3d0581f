//! The scene that the demo plays: a sandbox, a room, a person who speaks, an agent who hears.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    timeline::{Event, Witness},
    transcript::{self, Subtitles},
    turns,
};
use crate::{
    agent::{Agent, AudioRequirements},
    audio::{Hz, Resampler, Sound, codec::Encoding},
    cli::{ErrorCode, Failure},
    conversation::transcript::Caption,
    dialogue::TurnFigures,
    event::{PeerId, RoomId},
    fishjam::{Fishjam, Notifier, NotifierEvent, Scope, rest::model::RoomConfig, wire_rate},
    platform::JoinOptions,
    sandbox::{PeopleError, Person, Sandbox, SandboxOptions},
    session::{SessionEvent, SessionEventKind, SessionHandle, SessionSummary},
};

/// What the person says, and when: when both have been quiet, or so long after the agent has begun to speak.
pub(super) struct Cue {
    pub(super) sound: Sound,
    pub(super) into: Option<Duration>,
}

/// What came of it.
pub(super) struct Scene {
    /// What the person said, on the room's clock.
    pub(super) person: Sound,
    /// Who the agent is.
    pub(super) agent_id: PeerId,
    /// What the agent said, on the same clock, at the same rate.
    pub(super) agent: Sound,
    /// How long the person spoke.
    pub(super) said: Duration,
    /// From asking for the agent to the agent in the room.
    pub(super) joined_after: Option<Duration>,
    /// From the person's first sample to the agent's first frame.
    pub(super) heard_after: Option<Duration>,
    /// How long the filters between the room's rates and the agent's keep sound, in and out together.
    pub(super) filters: Duration,
    /// Everything, in the order of time.
    pub(super) events: Vec<Event>,
    /// What the agent understood, for good, on the room's clock.
    pub(super) captions: Vec<Caption>,
    /// What the time before each answer was made of, on the room's clock.
    pub(super) turns: Vec<TurnFigures>,
    /// How the agent left.
    pub(super) summary: SessionSummary,
}

impl Scene {
    /// Whether the agent said that.
    pub(super) fn is_agents(&self, caption: &Caption) -> bool {
        caption.speaker == self.agent_id
    }
}

/// Plays the scene to its end. Takes as long as the recording and a second or two.
pub(super) async fn play(agent: Box<dyn Agent>, cues: Vec<Cue>, subtitles: Subtitles) -> Result<Scene, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(ErrorCode::Platform, format!("the sandbox: {error}"));
    let sandbox = Sandbox::start(SandboxOptions::default())
        .await
        .map_err(|error| Failure::new(ErrorCode::Port, error.to_string()))?;
    let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
    let origin = Instant::now();
    let server = Watch::start(fishjam.notifier(Scope::AllRooms), origin).await;
    let room = fishjam.rest().create_room(&RoomConfig::default()).await.map_err(|error| wrong(&error))?.id;
    let person = sandbox.add_person(&room, Person::default()).await.map_err(|error| wrong(&error))?.peer;
    let asked = Instant::now();
    let AudioRequirements { hear_rate, speak_rate, .. } = agent.requirements();
    let handle = fishjam.join(agent, JoinOptions::new(room.clone())).await.map_err(|error| wrong(&error))?;
    let rate = match &handle.voice {
        Some(track) if track.encoding() == Encoding::Pcm16 => track.rate(),
        Some(_) => Hz::K48,
        None => Hz::K24,
    };
    let out = handle.voice.as_ref().zip(speak_rate).map(|(track, rate)| Resampler::new(rate, track.rate()));
    let filters = [Some(Resampler::new(wire_rate(hear_rate), hear_rate)), out];
    let filters = filters.iter().flatten().map(Resampler::delay).sum();
    let agent = handle.peer.clone();
    let mut stage = Stage {
        sandbox,
        room,
        person,
        agent,
        origin,
        events: Vec::new(),
        captions: Vec::new(),
        turns: Vec::new(),
        subtitles,
        heard: None,
    };
    stage.direct("the agent is asked for");
    stage.record(rate);
    let said = cues.iter().map(|cue| cue.sound.duration()).sum();
    let (mut handle, joined_after) = stage.until_joined(handle, asked).await;
    let began = stage.perform(&mut handle, cues).await.map_err(|error| wrong(&error))?;
    let heard = stage.heard;
    let recordings = stage.recordings(rate);
    stage.direct("the agent is told to leave");
    handle.leave();
    while let Some(event) = handle.events.recv().await {
        stage.on_event(handle.begun, &event);
    }
    let summary = handle.ended().await;
    sleep(STRAGGLERS).await;
    stage.events.extend(server.end().await);
    stage.name_peers();
    stage.events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    // Nobody listens to a server that goes.
    drop(fishjam);
    sleep(STRAGGLERS).await;
    stage.sandbox.stop().await;
    let (person, agent) = recordings;
    let heard_after = heard.map(|at| at.saturating_duration_since(began));
    let Stage { agent: agent_id, events, mut captions, turns, .. } = stage;
    captions.sort_by_key(|caption| (caption.begins, caption.utterance));
    Ok(Scene { person, agent_id, agent, said, joined_after, heard_after, filters, events, captions, turns, summary })
}

/// The room while the scene plays.
struct Stage {
    sandbox: Sandbox,
    room: RoomId,
    person: PeerId,
    agent: PeerId,
    origin: Instant,
    events: Vec<Event>,
    captions: Vec<Caption>,
    turns: Vec<TurnFigures>,
    subtitles: Subtitles,
    /// When the agent first heard the person.
    heard: Option<Instant>,
}

impl Stage {
    /// Has the person say everything, and waits until both are quiet. Gives the moment at which the person began.
    async fn perform(&mut self, handle: &mut SessionHandle, cues: Vec<Cue>) -> Result<Instant, PeopleError> {
        self.direct("the person takes a breath");
        self.watch(handle, BREATH, |stage| stage.is_speaking()).await;
        let (mut began, mut spoke_until) = (None, self.agent_quiet_since());
        for cue in cues {
            match cue.into.filter(|_| began.is_some()) {
                // Into what it says now, and not into what it said before.
                Some(into) => {
                    let is_new = |stage: &Stage| stage.is_speaking() && stage.agent_quiet_since() > spoke_until;
                    self.watch(handle, LONGEST_REPLY, is_new).await;
                    self.watch(handle, into, |_| false).await;
                }
                None => self.until_quiet(handle).await,
            }
            spoke_until = self.agent_quiet_since();
            let lasts = cue.sound.duration();
            self.sandbox.say(&self.room, &self.person, cue.sound, Duration::ZERO).await?;
            began.get_or_insert_with(Instant::now);
            self.direct("the person speaks");
            self.watch(handle, lasts, |_| false).await;
            if handle.voice.is_some() {
                // It may think about whether that was all.
                let until_now = self.agent_quiet_since();
                self.watch(handle, ANSWER, |stage| stage.agent_quiet_since() > until_now).await;
            }
        }
        self.until_quiet(handle).await;
        Ok(began.unwrap_or_else(Instant::now))
    }

    /// Follows what the agent does, until something is so or a time is over.
    async fn watch(&mut self, handle: &mut SessionHandle, within: Duration, is_over: impl Fn(&Stage) -> bool) {
        let latest = tokio::time::Instant::now() + within;
        while tokio::time::Instant::now() < latest && !is_over(self) {
            let look = latest.min(tokio::time::Instant::now() + LOOK);
            let Ok(event) = tokio::time::timeout_at(look, handle.events.recv()).await else { continue };
            let Some(event) = event else { return };
            if matches!(event.kind, SessionEventKind::FirstHeard(_)) {
                self.heard.get_or_insert(handle.begun + event.at);
            }
            self.on_event(handle.begun, &event);
        }
    }

    fn on_event(&mut self, begun: Instant, event: &SessionEvent) {
        if let SessionEventKind::Note(note) = &event.kind {
            self.turns.extend(turns::of_note(note, begun.saturating_duration_since(self.origin)));
        }
        if let SessionEventKind::Note(note) = &event.kind
            && let Some(mut caption) = Caption::of_note(note)
        {
            transcript::shift(&mut caption, begun.saturating_duration_since(self.origin));
            caption.name.get_or_insert_with(|| "person".into());
            self.subtitles.show(&caption);
            if caption.is_partial() {
                return;
            }
            self.captions.push(caption);
        }
        self.events.push(Event::from_session(self.origin, begun, event));
    }

    fn direct(&mut self, what: &str) {
        self.events.push(Event::new(self.origin.elapsed(), Witness::Demo, what, String::new()));
    }

    /// Ids tell a reader nothing: says who is meant.
    fn name_peers(&mut self) {
        for event in &mut self.events {
            let named = event.detail.replace(&format!("peer {}", self.person), "the person");
            let named = named.replace(&format!("peer {}", self.agent), "the agent");
            event.detail = named.replace(self.person.as_str(), "the person").replace(self.agent.as_str(), "the agent");
        }
    }

    fn record(&self, rate: Hz) {
        for peer in [&self.person, &self.agent] {
            // An agent that has ended already is told of at the end.
            self.sandbox.record(&self.room, peer, rate, self.origin).ok();
        }
    }

    fn recordings(&self, rate: Hz) -> (Sound, Sound) {
        let nothing = || Sound { rate, samples: Vec::new() };
        let of = |peer| self.sandbox.recording(&self.room, peer).unwrap_or_else(|_| nothing());
        (of(&self.person), of(&self.agent))
    }

    /// Waits until the agent is in the room and knows the person, or has failed to.
    async fn until_joined(&mut self, mut handle: SessionHandle, asked: Instant) -> (SessionHandle, Option<Duration>) {
        let (mut joined, mut knows) = (None, false);
        let deadline = tokio::time::Instant::now() + JOIN;
        while joined.is_none() || !knows {
            let Ok(Some(event)) = tokio::time::timeout_at(deadline, handle.events.recv()).await else { break };
            match &event.kind {
                SessionEventKind::Joined => joined = Some((handle.begun + event.at).saturating_duration_since(asked)),
                SessionEventKind::Room(_) => knows = true,
                _ => {}
            }
            self.on_event(handle.begun, &event);
        }
        (handle, joined)
    }

    /// Waits until both have been quiet for a while; who is asked something is given time to begin.
    async fn until_quiet(&mut self, handle: &mut SessionHandle) {
        loop {
            self.watch(handle, LONGEST_REPLY, |stage| stage.is_quiet()).await;
            if !self.is_speaking() || self.origin.elapsed() > LONGEST_SCENE {
                return;
            }
        }
    }

    /// Up to when the agent was heard; nothing if it never was.
    fn agent_quiet_since(&self) -> Option<Instant> {
        self.sandbox.quiet_since(&self.room, &self.agent).ok().flatten()
    }

    fn is_speaking(&self) -> bool {
        self.agent_quiet_since().is_some_and(|since| since.elapsed() < SPEAKING)
    }

    fn is_quiet(&self) -> bool {
        let person_is_done = self.sandbox.is_silent(&self.room, &self.person).unwrap_or(true);
        let quiet = [&self.person, &self.agent].iter().all(|peer| {
            let since = self.sandbox.quiet_since(&self.room, peer).ok().flatten();
            since.is_none_or(|since| since.elapsed() > QUIET)
        });
        person_is_done && quiet
    }
}

/// Listens to the server socket beside the scene, so that each notification has the time at which it came.
struct Watch(Arc<Mutex<Vec<Event>>>, tokio::task::JoinHandle<()>);

impl Watch {
    async fn start(mut notifier: Notifier, origin: Instant) -> Watch {
        notifier.next().await; // It is up.
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = seen.clone();
        let listening = tokio::spawn(async move {
            while let Some(event) = notifier.next().await {
                if let NotifierEvent::Event(notification) = event {
                    let event = Event::from_notification(origin.elapsed(), &notification);
                    shared.lock().expect("no holder panics").push(event);
                }
            }
        });
        Watch(seen, listening)
    }

    /// What was heard; nobody listens any more.
    async fn end(self) -> Vec<Event> {
        self.1.abort();
        self.1.await.ok();
        self.0.lock().expect("no holder panics").clone()
    }
}

/// The person takes a breath before speaking.
const BREATH: Duration = Duration::from_millis(300);
/// How long the agent may take to come in.
const JOIN: Duration = Duration::from_secs(5);
/// How long both must be quiet for the scene to end.
const QUIET: Duration = Duration::from_millis(800);
/// How long it is given to begin an answer before the scene goes on.
const ANSWER: Duration = Duration::from_millis(1_800);
/// How long the agent may take to reply.
const LONGEST_REPLY: Duration = Duration::from_secs(6);
const LOOK: Duration = Duration::from_millis(20);
/// Who was heard so lately speaks.
const SPEAKING: Duration = Duration::from_millis(100);
/// An agent that goes on for ever is left.
const LONGEST_SCENE: Duration = Duration::from_secs(600);
/// How long the last notifications may take.
const STRAGGLERS: Duration = Duration::from_millis(50);
