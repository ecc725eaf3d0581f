//! The scene that the demo plays: a sandbox, a room, a person who speaks, an agent who hears.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::timeline::{Event, Witness};
use crate::{
    agent::Agent,
    audio::{Hz, Sound, codec::Encoding},
    cli::Failure,
    event::{PeerId, RoomId},
    fishjam::{Departure, Fishjam, JoinOptions, Notifier, NotifierEvent, Stay, What, rest::model::RoomConfig},
    sandbox::{Person, Sandbox, SandboxOptions},
};

/// What came of it.
pub(super) struct Scene {
    /// What the person said, on the room's clock.
    pub(super) person: Sound,
    /// What the agent said, on the same clock, at the same rate.
    pub(super) agent: Sound,
    /// How long the person spoke.
    pub(super) said: Duration,
    /// From asking for the agent to the agent in the room.
    pub(super) joined_after: Option<Duration>,
    /// From the person's first sample to the agent's first frame.
    pub(super) heard_after: Option<Duration>,
    /// Everything, in the order of time.
    pub(super) events: Vec<Event>,
    /// How the agent left.
    pub(super) departure: Departure,
}

/// Plays the scene to its end. Takes as long as the recording and a second or two.
pub(super) async fn play(agent: Box<dyn Agent>, sound: Sound) -> Result<Scene, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Fishjam(format!("the sandbox: {error}"));
    let sandbox = Sandbox::start(SandboxOptions::default()).await.map_err(|error| Failure::Input(error.to_string()))?;
    let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
    let origin = Instant::now();
    let mut notifier = Notifier::start(fishjam.rest(), None);
    notifier.next().await;
    let room = fishjam.rest().create_room(&RoomConfig::default()).await.map_err(|error| wrong(&error))?.id;
    let person = sandbox.add_person(&room, Person::default()).await.map_err(|error| wrong(&error))?.peer;
    let asked = Instant::now();
    let stay = fishjam.join(agent, JoinOptions::new(room.clone())).await.map_err(|error| wrong(&error))?;
    let rate = match &stay.voice {
        Some(track) if track.encoding() == Encoding::Pcm16 => track.rate(),
        Some(_) => Hz::K48,
        None => Hz::K24,
    };
    let mut stage = Stage { sandbox, room, person, agent: stay.peer.clone(), origin, events: Vec::new() };
    stage.direct("the agent is asked for");
    stage.record(rate).map_err(|error| wrong(&error))?;
    let said = sound.duration();
    let joined = stage.until_joined(stay, asked, &mut notifier).await;
    let began = Instant::now() + BREATH;
    stage.sandbox.say(&stage.room, &stage.person, sound, BREATH).await.map_err(|error| wrong(&error))?;
    stage.direct("the person speaks");
    let (mut stay, joined_after) = joined;
    let heard = stage.until_quiet(&mut stay, &mut notifier, said).await;
    let recordings = stage.recordings().map_err(|error| wrong(&error))?;
    stage.direct("the agent is told to leave");
    stay.leave();
    while let Some(happening) = stay.happenings.recv().await {
        stage.events.push(Event::from_happening(origin, stay.begun, &happening));
    }
    let departure = stay.ended().await;
    while let Ok(Some(event)) = tokio::time::timeout(STRAGGLERS, notifier.next()).await {
        stage.on_notifier(event);
    }
    stage.events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    stage.sandbox.stop().await;
    let (person, agent) = recordings;
    let heard_after = heard.map(|at| at.saturating_duration_since(began));
    Ok(Scene { person, agent, said, joined_after, heard_after, events: stage.events, departure })
}

/// The room while the scene plays.
struct Stage {
    sandbox: Sandbox,
    room: RoomId,
    person: PeerId,
    agent: PeerId,
    origin: Instant,
    events: Vec<Event>,
}

impl Stage {
    fn direct(&mut self, what: &str) {
        self.events.push(Event::new(self.origin.elapsed(), Witness::Demo, what, String::new()));
    }

    fn on_notifier(&mut self, event: NotifierEvent) {
        if let NotifierEvent::Said(notification) = event {
            self.events.push(Event::from_notification(self.origin.elapsed(), &notification));
        }
    }

    fn record(&self, rate: Hz) -> Result<(), crate::sandbox::PeopleError> {
        self.sandbox.record(&self.room, &self.person, rate, self.origin)?;
        self.sandbox.record(&self.room, &self.agent, rate, self.origin)
    }

    fn recordings(&self) -> Result<(Sound, Sound), crate::sandbox::PeopleError> {
        let of = |peer| self.sandbox.recording(&self.room, peer);
        Ok((of(&self.person)?, of(&self.agent)?))
    }

    /// Waits until the agent is in the room and knows the person, or has failed to.
    async fn until_joined(
        &mut self,
        mut stay: Stay,
        asked: Instant,
        notifier: &mut Notifier,
    ) -> (Stay, Option<Duration>) {
        let mut joined = None;
        let deadline = sleep(JOIN);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                Some(event) = notifier.next() => self.on_notifier(event),
                happening = stay.happenings.recv() => {
                    let Some(happening) = happening else { return (stay, joined) };
                    self.events.push(Event::from_happening(self.origin, stay.begun, &happening));
                    match happening.what {
                        What::Link(_) => { joined.get_or_insert_with(|| asked.elapsed()); }
                        What::Room(_) => return (stay, joined),
                        _ => {}
                    }
                }
                () = &mut deadline => return (stay, joined),
            }
        }
    }

    /// Waits until both have been quiet for a while. Gives the moment at which the agent first heard the person.
    async fn until_quiet(&mut self, stay: &mut Stay, notifier: &mut Notifier, said: Duration) -> Option<Instant> {
        let mut heard = None;
        let latest = sleep(said + LONGEST_REPLY);
        tokio::pin!(latest);
        loop {
            tokio::select! {
                Some(event) = notifier.next() => self.on_notifier(event),
                happening = stay.happenings.recv() => {
                    let Some(happening) = happening else { return heard };
                    if matches!(happening.what, What::FirstHeard(_)) {
                        heard.get_or_insert(stay.begun + happening.at);
                    }
                    self.events.push(Event::from_happening(self.origin, stay.begun, &happening));
                }
                () = sleep(LOOK) => if self.is_quiet() { return heard },
                () = &mut latest => return heard,
            }
        }
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

/// The person takes a breath before speaking.
const BREATH: Duration = Duration::from_millis(300);
/// How long the agent may take to come in.
const JOIN: Duration = Duration::from_secs(5);
/// How long both must be quiet for the scene to end.
const QUIET: Duration = Duration::from_millis(800);
/// How long the agent may go on after the person.
const LONGEST_REPLY: Duration = Duration::from_secs(6);
const LOOK: Duration = Duration::from_millis(50);
/// How long the last notifications may take.
const STRAGGLERS: Duration = Duration::from_millis(50);
