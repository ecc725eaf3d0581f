//! Drive an agent by hand, on a made-up clock: peers, sound and events in; what it played and when, out.
//!
//! The agent runs as it does in a real room, in a task of its own behind the same rings. Time is tokio's, so under
//! `start_paused` a minute passes in milliseconds, and the agent's own timers keep step with the sound.
//!
//! ```
//! # use async_trait::async_trait;
//! # use roomtone::agent::{Agent, AgentError, Input, Room};
//! # struct Echo;
//! # #[async_trait]
//! # impl Agent for Echo {
//! #     async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
//! #         while let Some(input) = room.next().await {
//! #             if let Input::Audio(frame) = input { room.voice.play(frame.samples()); }
//! #         }
//! #         Ok(())
//! #     }
//! # }
//! use std::time::Duration;
//! use roomtone::agent::testing::TestRoom;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let mut room = TestRoom::new(Echo);
//! let ada = room.join_person("ada");
//! room.say(&ada, &[1_000; 1_600]);           // 100 ms at 16 kHz
//! room.pass(Duration::from_millis(300)).await;
//! room.leave(&ada);
//! let life = room.end().await;
//! assert_eq!(life.heard_sound(), [1_000; 1_600]);
//! assert!(life.result.is_ok());
//! # });
//! ```

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::{task::JoinHandle, time::Instant};

use super::{
    Action, Agent, AgentError, AudioRequirements, CaptureError, Hear, Image, Input, Note, PendingAction, RoomPort,
    Source, TrackPort, VoicePort, camera::Capture, notes::Request, room_link,
};
use crate::{
    audio::{BLOCK, Hz, SampleClock},
    event::{Event, Metadata, Peer, PeerEvent, PeerId, PeerKind, Track, TrackEvent, TrackId, TrackKind},
};

/// A room with one agent in it, and you in charge of everything else.
pub struct TestRoom {
    port: RoomPort,
    agent: JoinHandle<Result<(), AgentError>>,
    requirements: AudioRequirements,
    begun: Instant,
    speakers: BTreeMap<PeerId, Speaker>,
    /// Fetched from the agent and not heard yet.
    /// What the room heard, block by block, from the start; silence where the agent was silent.
    heard: Vec<i16>,
    heard_background: Vec<i16>,
    image: Option<Image>,
    notes: Vec<Note>,
    actions: Vec<Action>,
}

/// A peer that has a track.
struct Speaker {
    kind: PeerKind,
    track: Track,
    port: Option<TrackPort>,
    clock: SampleClock,
    to_say: VecDeque<i16>,
    /// When it last said something, while the agent has not been told that it has paused.
    said_at: Option<Duration>,
}

/// A speaker by itself, for what takes inputs without an agent around it. Everything it says is one track, on a clock that
/// begins at zero.
///
/// ```
/// use std::time::Duration;
/// use roomtone::{agent::{Input, testing::Microphone}, audio::Hz};
/// let mut ada = Microphone::new("ada", Hz::K16);
/// let inputs = ada.say(&[1; 1_600]);
/// assert_eq!(inputs.len(), 5, "frames of 20 ms");
/// ada.miss(Duration::from_millis(40));
/// let Input::Audio(frame) = &ada.say(&[1; 320])[0] else { unreachable!() };
/// assert_eq!((frame.index(), frame.heard()), (2_240, Duration::from_millis(140)));
/// ```
#[derive(Debug)]
pub struct Microphone {
    source: Arc<Source>,
    rate: Hz,
    index: u64,
}

impl Microphone {
    /// A person of this name, who is heard at this rate on the track `NAME-audio`.
    pub fn new(name: &str, rate: Hz) -> Microphone {
        let track = format!("{name}-audio").as_str().into();
        Microphone { source: Arc::new(Source { peer: name.into(), kind: PeerKind::Person, track }), rate, index: 0 }
    }

    /// Says something: frames of 20 ms, and one that is shorter.
    pub fn say(&mut self, samples: &[i16]) -> Vec<Input> {
        let frame = |block: &[i16]| {
            let (index, heard) = (self.index, self.rate.duration_of(self.index));
            self.index += block.len() as u64;
            Input::Audio(super::AudioFrame::new(&self.source, index, heard, self.rate, block.to_vec()))
        };
        samples.chunks(self.rate.block_samples()).map(frame).collect()
    }

    /// So much is missing before what is said next.
    pub fn miss(&mut self, time: Duration) -> Input {
        let (source, index, rate) = (self.source.clone(), self.index, self.rate);
        let samples = rate.samples_in(time) as u64;
        self.index += samples;
        Input::Gap(super::Gap { source, index, samples, rate })
    }

    /// Nothing has come for a while.
    pub fn pause(&self) -> Input {
        let since = self.rate.duration_of(self.index);
        Input::Pause(super::Pause { source: self.source.clone(), index: self.index, since })
    }

    /// Who speaks, on which track.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The track goes.
    pub fn leave(&self) -> Input {
        let track = Track::new(self.source.track.clone(), TrackKind::Audio);
        Input::Event(TrackEvent::removed(&self.source.peer, track).into())
    }
}

/// What became of the agent.
#[derive(Debug)]
pub struct Life {
    /// How it ended.
    pub result: Result<(), AgentError>,
    /// What the room heard of it from the moment it joined, at the agent's own rate, silence included.
    pub heard: Vec<i16>,
    /// What it let sound [beside its voice](AudioRequirements::background_rate), likewise.
    pub heard_background: Vec<i16>,
    /// The rate of `heard`.
    pub rate: Hz,
    /// What the agent wrote down.
    pub notes: Vec<Note>,
    /// What it did beside speaking; each was answered that it is done.
    pub actions: Vec<Action>,
}

impl Life {
    /// What the room heard, without the silence before and after.
    pub fn heard_sound(&self) -> &[i16] {
        let silent = |sample: &i16| *sample == 0;
        let start = self.heard.iter().position(|sample| !silent(sample)).unwrap_or(self.heard.len());
        let end = self.heard.iter().rposition(|sample| !silent(sample)).map_or(start, |last| last + 1);
        &self.heard[start..end]
    }

    /// When the room first heard something.
    pub fn first_heard(&self) -> Option<Duration> {
        let first = self.heard.iter().position(|sample| *sample != 0)?;
        Some(self.rate.duration_of(first as u64))
    }
}

impl TestRoom {
    /// Starts the agent in an empty room. Must be called within a tokio runtime.
    pub fn new(mut agent: impl Agent + 'static) -> TestRoom {
        let requirements = agent.requirements();
        let (mut room, port) = room_link("test-room".into(), "agent".into(), &requirements);
        let begun = port.begun();
        let agent = tokio::spawn(async move { agent.run(&mut room).await });
        TestRoom {
            port,
            agent,
            requirements,
            begun: tokio::time::Instant::from_std(begun),
            speakers: BTreeMap::new(),
            heard: Vec::new(),
            heard_background: Vec::new(),
            image: None,
            notes: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// A person comes in with a microphone.
    pub fn join_person(&mut self, name: &str) -> PeerId {
        self.join(name, PeerKind::Person, Value::Null)
    }

    /// A peer of any kind comes in, described by `metadata`, with an audio track called `NAME-audio`.
    pub fn join(&mut self, name: &str, kind: PeerKind, metadata: Value) -> PeerId {
        let id = PeerId::from(name);
        let peer = Peer { metadata: Metadata::new(metadata), ..Peer::new(id.clone(), kind) };
        let track = Track::new(TrackId::from(format!("{name}-audio")), TrackKind::Audio);
        self.tell(PeerEvent::joined(peer));
        self.tell(TrackEvent::added(&id, track.clone()));
        let clock = SampleClock::new(self.requirements.hear_rate);
        self.speakers
            .insert(id.clone(), Speaker { kind, track, port: None, clock, to_say: VecDeque::new(), said_at: None });
        id
    }

    /// A peer leaves; what it has not said stays unsaid.
    pub fn leave(&mut self, peer: &PeerId) {
        let Some(speaker) = self.speakers.remove(peer) else { return };
        if let Some(port) = speaker.port {
            self.port.close(port).expect("the agent reads its inbox");
        }
        self.tell(TrackEvent::removed(peer, speaker.track));
        self.tell(PeerEvent::left(Peer::new(peer.clone(), speaker.kind)));
    }

    /// The peer says this, at the rate the agent hears, once it has said what it was given before. Sound moves when
    /// time [passes](Self::pass).
    pub fn say(&mut self, peer: &PeerId, samples: &[i16]) {
        let speaker = self.speakers.get_mut(peer).expect("a peer that joined");
        speaker.to_say.extend(samples);
    }

    /// Tells the agent any event.
    pub fn tell(&mut self, event: impl Into<Event>) {
        self.port.tell(event.into()).expect("the agent reads its inbox");
    }

    /// Tells the agent that its host is going to end.
    pub fn drain(&mut self, within: Duration) {
        self.port.drain(within).expect("the agent reads its inbox");
    }

    /// What the camera gives from now on; without one, it lets every deadline pass.
    pub fn set_image(&mut self, image: Option<Image>) {
        self.image = image;
    }

    /// Lets time pass, in blocks of 20 ms: peers speak, the agent works, the room hears it.
    pub async fn pass(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.speak_block();
            tokio::time::sleep(BLOCK).await;
            self.port.flush();
            self.answer_requests();
            self.hear();
        }
    }

    /// How long the room has been open.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What the room has heard so far, as in [`Life::heard`].
    pub fn heard(&self) -> &[i16] {
        &self.heard
    }

    /// Ends the agent's inbox and waits for the agent to return.
    ///
    /// # Panics
    /// If the agent panicked, or is still there after 5 s.
    pub async fn end(mut self) -> Life {
        self.port.end();
        let result =
            tokio::time::timeout(PATIENCE, self.agent).await.expect("the agent returns when next() gives None");
        let rate = self.port.voice.rate();
        while let Ok(request) = self.port.requests.try_recv() {
            self.notes.extend(match request {
                Request::Note(note) => Some(note),
                Request::Capture(_) | Request::Act(_) => None,
            });
        }
        Life {
            result: result.expect("the agent does not panic"),
            heard: self.heard,
            heard_background: self.heard_background,
            rate,
            notes: self.notes,
            actions: self.actions,
        }
    }

    fn speak_block(&mut self) {
        // The block is heard when it has been said, 20 ms from now.
        let now = self.begun.elapsed() + BLOCK;
        let block = self.requirements.hear_rate.block_samples();
        for (peer, speaker) in &mut self.speakers {
            let has_paused =
                |said: &mut Duration| self.requirements.pause_after.is_some_and(|after| now - *said > after);
            if speaker.said_at.take_if(has_paused).is_some()
                && let Some(port) = &speaker.port
            {
                self.port.pause(port);
            }
            if speaker.to_say.is_empty() || self.requirements.hear == Hear::People && speaker.kind == PeerKind::Agent {
                continue;
            }
            let samples: Vec<i16> = speaker.to_say.drain(..block.min(speaker.to_say.len())).collect();
            let source = || Source { peer: peer.clone(), kind: speaker.kind, track: speaker.track.id.clone() };
            let port = speaker.port.get_or_insert_with(|| {
                self.port.open(source(), self.requirements.hear_rate).expect("the agent reads its inbox")
            });
            speaker.said_at = Some(now);
            let index = speaker.clock.place(now, samples.len());
            let heard = speaker.clock.heard_at(index);
            self.port.hear(port, index, heard, &samples);
        }
    }

    fn answer_requests(&mut self) {
        while let Ok(request) = self.port.requests.try_recv() {
            match request {
                Request::Capture(Capture { reply, .. }) => {
                    reply.send(self.image.clone().ok_or(CaptureError::Deadline)).ok();
                }
                Request::Note(note) => self.notes.push(note),
                Request::Act(PendingAction { action, reply }) => {
                    self.actions.push(action);
                    reply.send(Ok(())).ok();
                }
            }
        }
    }

    fn hear(&mut self) {
        hear_block(&mut self.port.voice, &mut self.heard);
        if let Some(background) = &mut self.port.background {
            hear_block(background, &mut self.heard_background);
        }
    }
}

/// The room hears one block, with no lead: what the agent has played by now, or silence.
fn hear_block(voice: &mut VoicePort, heard: &mut Vec<i16>) {
    let now = Instant::now().into_std();
    if voice.take_interrupt() {
        voice.settle(voice.position());
    }
    let (block, from) = (voice.rate().block_samples(), voice.position());
    let said = voice.fetch(block, heard);
    heard.resize(heard.len() + block - said, 0);
    if said > 0 {
        // It has been heard by now; the clock may be younger than the block.
        let begun = now.checked_sub(voice.rate().duration_of(said as u64)).unwrap_or(now);
        voice.on_sent(now, begun, from, said as u64);
        voice.settle(voice.position());
    }
}

/// How long an agent may take to return after its inbox ended.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes down when each speaker fell silent, by the clock alone.
    struct Listener;

    #[async_trait::async_trait]
    impl Agent for Listener {
        fn requirements(&self) -> AudioRequirements {
            AudioRequirements { pause_after: Some(Duration::from_millis(300)), ..AudioRequirements::default() }
        }

        async fn run(&mut self, room: &mut crate::agent::Room) -> Result<(), AgentError> {
            while let Some(input) = room.next().await {
                if let crate::agent::Input::Pause(pause) = input {
                    let (since, now) = (pause.since.as_millis(), room.now().as_millis());
                    room.notes.write(format!("{} fell silent at {since}, told at {now}", pause.source.peer));
                }
            }
            Ok(())
        }
    }

    /// Lets something sound, and returns when it was heard.
    struct Musician;

    #[async_trait::async_trait]
    impl Agent for Musician {
        fn requirements(&self) -> AudioRequirements {
            AudioRequirements { background_rate: Some(Hz::K24), ..AudioRequirements::default() }
        }

        async fn run(&mut self, room: &mut crate::agent::Room) -> Result<(), AgentError> {
            let background = room.background.as_mut().ok_or("one track")?;
            background.play(&[7; 4_800]);
            background.finished().await;
            room.voice.play(&[9; 1_600]);
            room.voice.finished().await;
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_sounds_beside_the_voice_is_heard_by_itself() {
        let mut room = TestRoom::new(Musician);
        room.pass(Duration::from_secs(1)).await;
        let life = room.end().await;
        life.result.unwrap();
        let count = |samples: &[i16], level| samples.iter().filter(|sample| **sample == level).count();
        assert_eq!((count(&life.heard_background, 7), count(&life.heard, 9)), (4_800, 1_600));
        assert_eq!((count(&life.heard_background, 9), count(&life.heard, 7)), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_silent_is_told_by_the_clock_and_not_by_the_next_frame() {
        let mut room = TestRoom::new(Listener);
        let (ada, bob) = (room.join_person("ada"), room.join_person("bob"));
        room.say(&ada, &[1_000; 16_000]);
        room.say(&bob, &[1_000; 8_000]);
        room.pass(Duration::from_secs(3)).await;
        room.say(&ada, &[1_000; 1_600]);
        room.pass(Duration::from_secs(1)).await;
        let notes = room.end().await.notes;
        let told: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        // Nobody says anything after that: no frame comes that could tell.
        let expected = [
            "bob fell silent at 500, told at 800",
            "ada fell silent at 1000, told at 1300",
            "ada fell silent at 3100, told at 3400",
        ];
        assert_eq!(told, expected);
    }
}
