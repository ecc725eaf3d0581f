//! Who speaks when: each speaker's frames become utterances.
//!
//! A [`Listener`] is told what its room hears, and gives [`Heard`]s: an utterance begins, is over, or was cut because it
//! grew too long. Each speaker has a detector ([`VoiceActivity`]), a machine that makes stretches out of its verdicts,
//! and a buffer that exists while somebody speaks. Nothing in here waits, computes for long, or looks at a
//! clock: times are those of the frames.
//!
//! ```
//! use std::time::Duration;
//! use roomtone::conversation::listening::{Heard, Listener, ListeningSettings};
//! # use roomtone::{agent::{Agent, AgentError, AudioRequirements, Input, Room, testing::TestRoom}};
//! # struct Counter;
//! # #[async_trait::async_trait]
//! # impl Agent for Counter {
//! # async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
//! let mut listener = Listener::new(ListeningSettings::default());
//! while let Some(input) = room.next().await {
//!     listener.handle(&input, |heard| {
//!         if let Heard::Ended(utterance) = heard {
//!             room.notes.write(format!("{} spoke for {:?}", utterance.source.peer, utterance.lasts()));
//!         }
//!     });
//! }
//! # Ok(())
//! # }
//! # }
//! ```

mod activity;
mod earshot;
mod guard;
mod noise;
mod settings;
mod speaker;
mod utterance;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use self::{
    activity::VoiceActivity,
    earshot::Earshot,
    noise::NoiseFilter,
    settings::{ActivitySettings, ListeningSettings, Parts, PlatformVoice},
    utterance::{End, Utterance, UtteranceId},
};
use crate::{
    agent::{Input, Source},
    event::{EventKind, PeerId, TrackEvent, TrackId},
};
use speaker::Speaker;

/// Something that a [`Listener`] has to tell.
#[derive(Debug)]
pub enum Heard {
    /// A detector fires; it takes a moment until it is sure that it is a voice.
    Active(Arc<Source>),
    /// What it fired on was none, or not one that says anything.
    Inactive(Arc<Source>),
    /// Nothing was said since this time; it may go on.
    Paused(Arc<Source>, UtteranceId, Duration),
    /// It goes on.
    WentOn(Arc<Source>, UtteranceId),
    /// Somebody began to speak at this time, or an utterance that was cut goes on under another number.
    Began(Arc<Source>, UtteranceId, Duration),
    /// What was taken for somebody who speaks is none.
    Withdrawn(Utterance),
    /// An utterance is over, or a part of one that grew too long; see [`Utterance::end`].
    Ended(Utterance),
}

/// All speakers of a room.
pub struct Listener {
    settings: ListeningSettings,
    speakers: BTreeMap<TrackId, Speaker>,
    next: UtteranceId,
}

impl Listener {
    /// One that has heard nobody yet.
    pub fn new(settings: ListeningSettings) -> Listener {
        Listener { settings, speakers: BTreeMap::new(), next: UtteranceId(0) }
    }

    /// Takes what the room told, and gives what follows from it.
    pub fn handle(&mut self, input: &Input, mut tell: impl FnMut(Heard)) {
        match input {
            Input::Audio(frame) => {
                let settings = &self.settings;
                let new = || Speaker::new(frame.source().clone(), settings);
                let speaker = self.speakers.entry(frame.source().track.clone()).or_insert_with(new);
                speaker.hear(frame, &mut self.next, &mut tell);
            }
            Input::Pause(pause) => {
                if let Some(speaker) = self.speakers.get_mut(&pause.source.track) {
                    speaker.on_pause(&mut self.next, &mut tell);
                }
            }
            Input::Event(event) => self.on_event(&event.kind, &mut tell),
            // A gap shows in the index of the frame behind it.
            Input::Gap(_) | Input::Draining { .. } | Input::Silence => {}
        }
    }

    fn on_event(&mut self, event: &EventKind, tell: &mut impl FnMut(Heard)) {
        match event {
            EventKind::Track(TrackEvent::Removed { track, .. }) => {
                if let Some(mut speaker) = self.speakers.remove(&track.id) {
                    speaker.finish(End::Left, &mut self.next, tell);
                }
            }
            EventKind::Voice(voice) => {
                let is_meant = |speaker: &Speaker| match &voice.track {
                    Some(track) => speaker.source().track == *track,
                    None => speaker.source().peer == voice.peer,
                };
                let meant = self.speakers.values_mut().filter(|speaker| is_meant(speaker));
                meant.for_each(|speaker| speaker.on_platform_voice(voice.speaking));
            }
            _ => {}
        }
    }

    /// What this peer says from now on is another utterance.
    pub fn close(&mut self, peer: &PeerId, mut tell: impl FnMut(Heard)) {
        for speaker in self.speakers.values_mut().filter(|speaker| speaker.source().peer == *peer) {
            speaker.cut_here(&mut self.next, &mut tell);
        }
    }

    /// The utterances that go on.
    pub fn open(&self) -> impl Iterator<Item = &Utterance> {
        self.speakers.values().filter_map(Speaker::open)
    }

    /// The utterance that goes on on this track.
    pub fn open_on(&self, track: &TrackId) -> Option<&Utterance> {
        self.speakers.get(track).and_then(Speaker::open)
    }

    /// Nothing more is going to be heard: closes what is open.
    pub fn finish(&mut self, mut tell: impl FnMut(Heard)) {
        for speaker in self.speakers.values_mut() {
            speaker.finish(End::Left, &mut self.next, &mut tell);
        }
    }
}

#[cfg(test)]
mod tests;
